"""`matrepro data` against the server: what it prints, what it refuses, and that a batch goes on."""

import json

import numpy as np
import pytest

from common.chem.crystal import Crystal
from common.data.materials import MaterialsDataset
from common.sources import sources
from common.sources.remote import materials_project
from experiments.cli import main as cli
from tests.common.sources.conftest import stated, world

__all__ = ["stated", "world"]  # fixtures

ROW = '"./Data/DiffractionPatterns/mp-230.jpg",-1.5,' + ",".join(["0.5"] * 60) + "\n"


@pytest.fixture
def entries(world, stated):
    """An entry whose files become those of a source, and another."""
    world.files.update({"1_test_Ef.dat": ROW.encode(), "1_test_Eg.dat": ROW.encode(), "b.bin": b"b" * 100})
    return stated(
        {
            "lists": {
                "files": [{"name": "1_test_Ef.dat"}, {"name": "1_test_Eg.dat"}],
                "reader": "lists:diffcomp",
                "makes": ["mp/diffcomp_test_Ef.csv", "mp/diffcomp_test_Eg.csv"],
                "sources": ["diffcomp-authors-ef"],
                "rows": {"energies": 1},
                "doi": "10.1/x",
            },
            "other": {"files": [{"name": "b.bin", "size": 100}], "note": "of no use"},
        }
    )


def run(*arguments: str) -> int:
    return cli.main(["data", *arguments])


def printed(capsys, *arguments: str):
    assert run(*arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_get_info_verify(entries, tmp_path, capsys):
    assert run("get", "lists") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 4 and "mp/diffcomp_test_Ef.csv" in out
    assert (tmp_path / "data/mp/diffcomp_test_Eg.csv").read_text().splitlines()[1].startswith("mp-230,-1.5,0.5")
    facts = printed(capsys, "info", "lists")["published"][0]
    assert facts["state"] == "fetched" and facts["rows"] == {"energies": 1} and facts["files"][0]["bytes"] == len(ROW)
    assert printed(capsys, "verify") == {
        "files": {"lists": {"1_test_Ef.dat": "whole", "1_test_Eg.dat": "whole"}},
        "wrong": {},
    }
    (tmp_path / "data/downloads/lists/1_test_Ef.dat").write_text("changed")
    assert run("verify") == 2
    shown = capsys.readouterr()
    assert "damaged" in shown.out and shown.err.count("\n") == 1
    assert "1 of 2 files not complete; lists/1_test_Ef.dat: damaged; matrepro data get lists" in shown.err
    assert run("get", "lists") == 0 and run("verify", "lists") == 0


def test_a_source_names_what_it_needs(entries, world, capsys):
    assert list(printed(capsys, "get", "diffcomp-authors-ef")["fetched"]) == ["lists"]


def test_the_rest_of_a_batch_goes_on(entries, world, capsys):
    world.fail("/files/1_test_Ef.dat", "404", 99)
    assert run("get", "lists", "other", "--json") == 2
    shown = capsys.readouterr()
    assert list(json.loads(shown.out)["fetched"]) == ["other"] and "lists" in json.loads(shown.out)["failed"]
    assert shown.err.splitlines()[-1].startswith("matrepro: 1 of 2 could not be fetched: lists: ")


def test_all_without_a_key_says_what_is_left_out(entries, monkeypatch, capsys):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    assert list(printed(capsys, "get", "all")["fetched"]) == ["lists", "other"]
    assert run("get", "all") == 0
    assert "MP_API_KEY is not set, so mp-profit, " in capsys.readouterr().err


def test_a_mirror(entries, world, tmp_path, capsys):
    (tmp_path / "copies/other").mkdir(parents=True)
    (tmp_path / "copies/other/b.bin").write_bytes(b"b" * 100)
    assert run("get", "other", "--mirror", str(tmp_path / "copies")) == 0 and not world.asked


def test_list(entries, capsys):
    facts = printed(capsys, "list")
    assert set(facts["sources"]) == set(sources()) and all(facts["sources"].values())
    assert facts["data"]["lists"]["state"] == "not fetched"
    assert facts["materials_project"]["mp-esnet"]["title"].startswith("ESNet")
    assert run() == 0
    out = capsys.readouterr().out
    assert "mini " in out and "mp-binaries" in out and "not fetched" in out


def test_info_of_a_table_and_of_files(capsys, tmp_path):
    facts = printed(capsys, "info", "mini")
    assert facts["materials"] == 336 and facts == printed(capsys, "mini")
    (tmp_path / "a.csv").write_text("formula,gap (eV)\nNaCl,8.5\nSi,1.1\n")
    assert run("info", str(tmp_path / "a.csv")) == 0
    assert "2 materials, 2 formulas, formulas only" in capsys.readouterr().out


def test_info_of_a_set_counts_its_steps_or_says_what_is_missing(world, capsys):
    facts = printed(capsys, "info", "profit-eps")["rows"]
    assert facts["paper_rows"] == 1217 and facts["steps"] == [] and "dielectric.csv is not there" in facts["missing"]
    facts = printed(capsys, "info", "mp-esnet")
    assert facts["query"]["paper"] == {"training": 62842} and facts["rows"]["paper_rows"] == 62842


@pytest.mark.real
def test_steps_as_text(real_data, capsys):
    assert run("info", "exp-band-gap") == 0
    out = capsys.readouterr().out
    assert "PROFiT-Net's Eg_exp: 465 rows in the paper" in out
    assert "structure known" in out and "466   (-6)" in out and "here 466, 100.2% of the paper's" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["get"], "data get needs a name; matrepro data list has them"),
        (["get", "nothing"], "nothing called 'nothing' can be fetched"),
        (["verify", "nothing"], "the registry has no data called 'nothing'"),
        (["info"], "data info needs a name"),
        (["info", "nothing"], "no file, folder or source called 'nothing'"),
    ],
)
def test_bad_names_end_with_one_line(world, capsys, arguments, words):
    assert run(*arguments) == 2
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and not shown.out


def test_no_key(world, monkeypatch, capsys):
    pytest.importorskip("mp_api", reason="mp-api is not installed (extra mp)")
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.setattr("pymatgen.core.SETTINGS", {})
    assert run("get", "mp-binaries") == 2
    assert "MP_API_KEY is not set; get a key of your own" in capsys.readouterr().err


def test_what_is_there_needs_neither_key_nor_network(world, monkeypatch, capsys):
    """A query's table, one that was copied here too."""
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.setattr("pymatgen.core.SETTINGS", {})
    cubic = MaterialsDataset.from_structures(["mp-1"], [Crystal(np.array([12, 8]), np.eye(3) * 4.2, np.eye(3)[:2] / 2)])
    cubic = cubic.with_target("band_gap", np.array([4.5]), "eV")
    path = materials_project.path_of("mp-binaries")
    cubic.to_hdf5(path)
    assert printed(capsys, "get", "diffcomp-binaries")["fetched"] == {"mp-binaries": [str(path)]}
    assert printed(capsys, "verify")["files"] == {"mp-binaries": {"mp-binaries.h5": "whole"}}
    assert printed(capsys, "info", "diffcomp-binaries")["materials"] == 1
    assert printed(capsys, "list")["materials_project"]["mp-binaries"]["state"] == "fetched"
    path.write_bytes(path.read_bytes()[:-100])
    assert run("verify", "mp-binaries") == 2
    assert "mp-binaries/mp-binaries.h5: damaged; matrepro data get mp-binaries" in capsys.readouterr().err


def test_densities_of_states_belong_to_their_query(world, monkeypatch, capsys):
    """The structures of mp-esnet come in an hour, its densities in days."""
    table = MaterialsDataset.from_structures(["mp-1"], [Crystal(np.array([12]), np.eye(3) * 3, np.zeros((1, 3)))])
    table.to_hdf5(materials_project.path_of("mp-esnet"))
    assert printed(capsys, "list")["materials_project"]["mp-esnet"]["state"] == "in part"
    folder = materials_project.densities_of("mp-esnet")
    folder.mkdir()
    (folder / "ids.txt").write_text("mp-1\n")
    (folder / "00000.h5").touch()
    assert printed(capsys, "list")["materials_project"]["mp-esnet"]["state"] == "fetched"


def test_info_fetches_nothing(world, monkeypatch, capsys):
    """The dielectric functions of JARVIS are pages that the source asks for; `get` is what asks."""
    monkeypatch.setitem(sources(), "jarvis-dielectric", lambda: pytest.fail("info has asked for pages"))
    assert "no dielectric function is fetched yet" in printed(capsys, "info", "jarvis-dielectric")["rows"]["missing"]
    loaded = []
    monkeypatch.setitem(sources(), "jarvis-dielectric", lambda: loaded.append(1))
    assert list(printed(capsys, "get", "jarvis-dielectric")["fetched"]) == ["jarvis-dielectric"] and loaded


def test_tables_that_were_copied_are_usable(entries, tmp_path, capsys):
    for name in ("Ef", "Eg"):
        path = tmp_path / f"data/mp/diffcomp_test_{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert printed(capsys, "list")["data"]["lists"]["state"] == "not fetched"
        path.write_text("id\n")
    (tmp_path / "data/mp/mp_structures.h5").write_bytes(b"")
    facts = printed(capsys, "list")
    assert facts["data"]["lists"]["state"] == facts["materials_project"]["mp-profit"]["state"] == "usable"
    assert facts["data"]["other"]["state"] == "not fetched"
