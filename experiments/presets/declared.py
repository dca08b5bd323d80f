"""Read `presets.yaml`: which network is trained on which dataset for each preset."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from common.errors import UserError
from common.io.text import choices
from experiments.declare.located_yaml import MALFORMED

FILE = Path(__file__).with_name("presets.yaml")


@dataclass(frozen=True)
class Declared:
    """One preset.

    package, network: who trains it. source, target: the dataset. recipe: a named recipe of the network. settings:
    changes of it. members: size of the ensemble. grouped: keep the polymorphs of a formula in one set. results:
    {paper, table, column}, stored results whose cross-validated errors the card quotes. data: {article, date, licence}.
    property: what the target is, in words. limits: sentences for the card. example: a material for its usage line.
    """

    name: str
    package: str
    network: str
    source: str
    target: str
    recipe: str = ""
    variant: str = "corrected"
    settings: dict[str, Any] = field(default_factory=dict)
    members: int = 1
    grouped: bool = False
    results: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    example: str = "SrTiO3"
    property: str = ""


def declared(path: Path | None = None) -> dict[str, Declared]:
    """Name -> preset of a YAML file, by default that of this project."""
    path = path or FILE
    try:
        entries = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, *MALFORMED) as error:
        raise UserError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(entries, dict):
        raise UserError(f"{path} is not a mapping of names to presets")
    return {name: _entry(path, name, entry) for name, entry in entries.items() if str(name)[0:1] != "_"}


def find(name: str, known: dict[str, Declared]) -> Declared:
    if name not in known:
        raise UserError(f"no preset {name!r} is declared{choices(name, known)}")
    return known[name]


def _entry(path: Path, name: str, entry: Any) -> Declared:
    if not isinstance(entry, dict):
        raise UserError(f"{path}: {name} is not a mapping")
    names = {one.name for one in fields(Declared)} - {"name"}
    if unknown := [key for key in entry if key not in names]:
        raise UserError(f"{path}: {name} has no entry {unknown[0]!r}{choices(str(unknown[0]), names)}")
    try:
        return Declared(name, **{**entry, "limits": tuple(entry.get("limits", ()))})
    except TypeError as error:
        raise UserError(f"{path}: {name}: {error}") from None
