"""The table of the presets of this repository, from their metadata, for the page of the model zoo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from common.io.text import unit_of
from common.presets.find import PACKAGES
from common.presets.store import METADATA, README, read_metadata, size_of
from experiments.analyses.text_table import pipe_table

ROOT = Path(__file__).parents[2]
DECLARED = ROOT / "experiments" / "presets" / "presets.yaml"
HEAD = [
    "preset",
    "property",
    "input",
    "MAE",
    "coverage of 90 % intervals",
    "their median width",
    "training materials",
    "MB",
    "card",
]
#: What the metadata call the input -> how the table names it.
INPUTS = {"formulas": "formulas", "crystal structures": "crystals", "densities of states": "densities"}


def installed() -> dict[str, Path]:
    """Name -> folder of the presets inside the repository; those that a user imported are no part of it."""
    places = (ROOT / package / "presets" for package in PACKAGES)
    return {path.parent.name: path.parent for place in places for path in sorted(place.glob(f"[!.]*/{METADATA}"))}


def link_of(folder: Path) -> str:
    """The card's address as seen from docs/."""
    return "/".join(["..", *folder.parts[-3:], README])


def lines() -> list[str]:
    """The table, and which declared presets it lacks."""
    folders = installed()
    made = pipe_table(HEAD, [_row(folder) for folder in folders.values()]) if folders else ["No preset is built yet."]
    declared = [name for name in yaml.safe_load(DECLARED.read_text()) if not name.startswith("_")]
    if missing := [name for name in declared if name not in folders]:
        names = ", ".join(f"`{name}`" for name in missing)
        made += ["", f"Declared, not part of this version: {names}. `matrepro models build {missing[0]}` trains one."]
    return made


def _row(folder: Path) -> list[str]:
    facts = read_metadata(folder)
    errors, measured, needs = facts.get("errors"), facts.get("coverage"), facts.get("needs", "")
    return [
        f"`{folder.name}`",
        (facts.get("property") or facts["target"]).partition(",")[0] + unit_of("MAE", facts["unit"]),
        INPUTS.get(needs, needs),
        _number(errors[0]["MAE"] if errors else None),
        f"{measured['measured']:.1%}".replace("%", " %") if measured else "",
        _number(measured["median_width"] if measured else None),
        _training_materials(facts),
        f"{size_of(folder) / 1e6:.1f}",
        f"[card]({link_of(folder)})",
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _training_materials(facts: dict[str, Any]) -> str:
    """From the sentence on the split: the size of the dataset also counts the materials that were held out."""
    found = re.search(r"(\d+) for training", facts.get("split", ""))
    return f"{int(found[1]):,}" if found else ""
