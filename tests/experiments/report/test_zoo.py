"""The table of presets in docs/zoo.md is that of their cards."""

import json
import shutil

from experiments.report import tables, zoo

COMMITTED = (tables.ROOT / "docs/zoo.md").read_text(encoding="utf-8")


def rows(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def test_the_committed_table_is_that_of_the_cards():
    assert tables.zoo_with_table(COMMITTED) == COMMITTED, "run matrepro tables"


def test_a_preset_in_the_folder_of_a_package_is_in_the_table_and_an_unfinished_one_is_not(tmp_path, monkeypatch):
    place = tmp_path / "finder" / "presets"
    shutil.copytree(zoo.ROOT / "finder/presets/finder-log-k", place / "finder-log-k")
    shutil.copytree(zoo.ROOT / "finder/presets/finder-log-k", place / ".finder-log-g.run")
    (place / "finder-gap").mkdir()
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    lines = zoo.lines()
    head, row = rows(lines)
    assert head == zoo.HEAD and len(rows(lines)) == 2
    facts = json.loads((place / "finder-log-k/metadata.json").read_text())
    assert row[:4] == [
        "`finder-log-k`",
        f"{facts['property']} (log10(GPa))",
        "formulas",
        f"{facts['errors'][0]['MAE']:.4g}",
    ]
    assert row[6] == "8,789" and row[8] == "[card](../finder/presets/finder-log-k/README.md)"
    assert "`finder-gap`" in lines[-1] and "`finder-log-k`" not in lines[-1]


def test_what_the_metadata_lack_is_open(tmp_path, monkeypatch):
    folder = tmp_path / "esnet" / "presets" / "bare"
    shutil.copytree(zoo.ROOT / "finder/presets/finder-log-k", folder)
    facts = {"format": 1, "target": "gap", "unit": "eV"}
    (folder / "metadata.json").write_text(json.dumps(facts))
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    row = rows(zoo.lines())[1]
    assert row[:7] == ["`bare`", "gap (eV)", *["–"] * 5]


def test_without_presets_the_page_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "ROOT", tmp_path)
    assert zoo.lines()[0] == "No preset is built yet."
