"""The page of the model zoo: a table of the presets of this package, and the card of each, from their metadata."""

from __future__ import annotations

from pathlib import Path

import yaml

from common.presets.find import presets
from common.presets.store import README, read_metadata, size_of

ROOT = Path(__file__).resolve().parents[1]
PAGE, MARK = "docs/zoo", "<!-- presets -->"
HEAD = ["preset", "network", "predicts", "unit", "MAE", "MB"]


def installed() -> dict[str, Path]:
    """Presets inside the repository; those that a user imported are no part of it."""
    return {name: folder for name, folder in presets().items() if folder.resolve().is_relative_to(ROOT)}


def markdown() -> str:
    folders = installed()
    rows = [_row(name, folder) for name, folder in folders.items()]
    declared = yaml.safe_load((ROOT / "experiments/presets/presets.yaml").read_text())
    other = {name: facts for name, facts in declared.items() if not name.startswith("_") and name not in folders}
    blocks = [_table(HEAD, rows)] if rows else ["No preset is part of this version; build those listed below."]
    blocks += [_card(folder) for folder in folders.values()]
    if other:
        build = f"matrepro models build {next(iter(other))}"
        blocks += ["## Declared presets", f"`{build}` trains such a preset from the published data."]
        blocks.append(_table([*HEAD[:3], "trained on"], [_declared(*item) for item in other.items()]))
    return "\n\n".join(blocks)


def _row(name: str, folder: Path) -> list[str]:
    facts = read_metadata(folder)
    error = (facts.get("errors") or [{}])[0].get("MAE")
    size = f"{size_of(folder) / 1e6:.1f}"
    return [
        f"[{name}](#{name})",
        facts["model"],
        facts["target"],
        "" if facts["unit"] == "1" else facts["unit"],
        f"{error:.4g}" if error else "–",
        size,
    ]


def _declared(name: str, facts: dict) -> list[str]:
    return [f"`{name}`", facts["network"], facts["target"], f"`{facts['source']}`"]


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _card(folder: Path) -> str:
    """The card below its name, with headings one level down and without the front matter."""
    text = (folder / README).read_text(encoding="utf-8")
    body = text.split("---\n", 2)[2] if text.startswith("---\n") else text
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in body.strip().splitlines())


def write(app, docname, source):
    """Put the generated text in the place of the mark."""
    if docname == PAGE:
        source[0] = source[0].replace(MARK, markdown())


def setup(app):
    app.connect("source-read", write)
    # Presets come and go without a change of the page's own file.
    app.connect("env-get-outdated", lambda app, env, added, changed, removed: {PAGE} & env.found_docs)
    return {"parallel_read_safe": True}
