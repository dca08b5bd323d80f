"""The registry says of every entry what a user must know, and agrees with what others publish."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from common.errors import UserError
from common.sources import sources
from common.sources.registry import row_counts
from common.sources.remote import registry
from common.sources.remote.recipes import recipe, recipes
from common.sources.remote.writing import reader_of


def test_every_entry_is_complete():
    found = registry.load()
    assert len(found.entries) >= 15
    for entry in found.entries.values():
        assert entry.title and entry.licence and entry.citation and entry.doi.startswith("10."), entry.name
        assert entry.sources and set(entry.sources) <= set(sources()), entry.name
        assert set(entry.needs) <= set(recipes())
        if entry.reader:
            assert callable(reader_of(entry))
            assert entry.makes
        for file in entry.files:
            assert file.address.startswith("https://")


def test_matbench_is_what_matminer_says():
    folder = Path(find_spec("matminer").submodule_search_locations[0])
    stated = json.loads((folder / "datasets/dataset_metadata.json").read_text())
    entries = [entry for name, entry in registry.load().entries.items() if name.startswith("matbench-")]
    assert len(entries) == 9
    for entry in entries:
        (file,) = entry.files
        theirs = stated[file.name.split(".")[0]]
        assert (file.address, file.checksum) == (theirs["url"], f"sha256:{theirs['hash']}")
        assert entry.rows["materials"] == theirs["num_entries"]


def test_every_count_of_the_papers_is_traced():
    counts = {trace.rows for trace in row_counts().values()}
    assert {1217, 21223, 36837, 10388, 465, 1127, 62842, 1524, 68699, 3920, 7025, 12353} <= counts


def test_recipes():
    assert recipe("mp-binaries").queries() == [
        {"num_elements": (2, 2), "deprecated": False, "elements": [symbol]} for symbol in ("O", "S", "F", "N")
    ]
    assert recipe("mp-profit").queries() == [] and len(recipe("mp-profit").lists) == 3
    assert recipe("mp-esnet").wants("NaCl") and not recipe("mp-esnet").wants("CeO2")
    assert not recipe("mp-esnet").wants("UO2") and recipe("mp-finder").wants("UO2")
    with pytest.raises(UserError, match="no recipe is called 'x'"):
        recipe("x")


TOLD = "title: t, licence: l, citation: c"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data: {}", "figshare_api"),
        (f"figshare_api: x\ndata: {{a: {{{TOLD}}}}}", "needs either files or the number"),
        (f"figshare_api: x\ndata: {{a: {{{TOLD}, files: [{{name: ../a, address: b}}]}}}}", "no plain file name"),
        (
            f"figshare_api: x\ndata: {{a: {{{TOLD}, files: [{{name: a, address: b, checksum: f}}]}}}}",
            "does not begin with one of",
        ),
        ("figshare_api: x\ndata: {a: {titel: t}}", "titel is no field"),
        ("figshare_api: [", "no registry of data"),
        ("- 1", "no registry of data"),
    ],
)
def test_a_bad_registry_is_named(tmp_path, monkeypatch, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    monkeypatch.setenv("MATREPRO_REGISTRY", str(path))
    with pytest.raises(UserError, match=r"mine\.yaml is no registry of data") as error:
        registry.load()
    assert words in str(error.value)


def test_an_unknown_name_and_a_missing_registry(tmp_path):
    with pytest.raises(UserError, match="no data called 'nothing'"):
        registry.load()["nothing"]
    with pytest.raises(UserError, match="does not exist; correct MATREPRO_REGISTRY"):
        registry.load(tmp_path / "none.yaml")
