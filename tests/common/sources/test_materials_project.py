"""mp-api's own client against a server that answers as the Materials Project does."""

import json
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.sources import load_source
from common.sources.registry import follow
from common.sources.remote import materials_project, mp_client
from tests.common.sources.project import client, cut, record

pytest.importorskip("mp_api", reason="mp-api is not installed (extra mp)")


def test_a_list_of_ids(project, listed, capsys):
    with client(project) as asked:
        path = materials_project.get("mp-profit", asked)
    table = load_source("mp-profit")
    assert table.ids.tolist() == ["mp-1", "mp-2", "mp-9", "mp-3", "mp-10"]
    assert table.target("formation_energy_per_atom").values[2] == pytest.approx(-0.09)
    assert {name: t.unit for name, t in table.targets.items()} == {
        "formation_energy_per_atom": "eV/atom",
        "band_gap": "eV",
        "hull_distance": "eV/atom",
    }
    crystal = table.structure(0)
    assert crystal.numbers.tolist() == [12, 8] and np.allclose(crystal.lattice, np.eye(3) * 4.01)
    report = json.loads(path.with_suffix(".json").read_text())
    assert report["database"] == "2025.09.25" and report["vanished"] == ["mp-77"] and len(report["date"]) == 10
    assert "has 1 of the ids no more: mp-77" in capsys.readouterr().err
    # The pack that the sources of the data directory read is made of it.
    pack = load_source("mp-structures")
    assert sorted(pack.ids.tolist()) == sorted(table.ids.tolist())
    assert len(load_source("profit-pbe-gap")) == sum(0.5 * (k % 3) > 0 for k in (1, 2, 9))


def test_what_is_there_is_not_asked_for_again(project, listed):
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
        before = len(project.requests("/materials/"))
        materials_project.get("mp-profit", asked)
        assert len(project.requests("/materials/")) == before
        materials_project.get("mp-profit", asked, renew=True)
        assert len(project.requests("/materials/")) > before


def test_a_page_whose_ids_all_vanished(project, listed, tmp_path):
    (tmp_path / "data/mp/mp_ids_46744.csv").write_text("material_id\nmp-1\nmp-2\nmp-9\nmp-91\nmp-92\nmp-93\n")
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
    assert load_source("mp-profit").ids.tolist() == ["mp-1", "mp-2", "mp-9", "mp-3", "mp-10"]
    assert materials_project.report("mp-profit")["vanished"] == ["mp-91", "mp-92", "mp-93"]


def rotten(path: Path) -> None:
    """Bytes that changed in the middle of a file, which HDF5 opens all the same."""
    data = path.read_bytes()
    path.write_bytes(data[:1000] + b"x" * 200 + data[1200:])


@pytest.mark.parametrize("harm", [rotten, cut])
def test_a_damaged_table_is_known_and_fetched_again(project, listed, harm, capsys):
    with client(project) as asked:
        path = materials_project.get("mp-profit", asked)
        assert materials_project.verify("mp-profit") == "whole"
        harm(path)
        assert materials_project.verify("mp-profit") == "damaged"
        with pytest.raises(UserError, match=r"mp-profit\.h5 is damaged; run matrepro data get mp-profit"):
            load_source("mp-profit")
        materials_project.get("mp-profit", asked)
    assert "mp-profit.h5 is damaged; fetching it again" in capsys.readouterr().err
    assert len(load_source("mp-profit")) == 5


def test_a_copy_without_its_record_is_taken(project):
    with client(project) as asked:
        path = materials_project.get("mp-binaries", asked)
    path.with_suffix(".json").unlink()
    data = path.read_bytes()
    cut(path)
    assert materials_project.verify("mp-binaries") == "damaged"
    path.write_bytes(data)
    assert materials_project.verify("mp-binaries") == "whole"
    traced = follow("mp-binaries")
    assert traced.begin == "materials of a copy that came without its record" and (traced.rows, traced.left) == (8, 6)


def test_killed_before_the_record_was_written(project, listed, monkeypatch):
    """The pages are still there, so nothing is asked for again."""
    with client(project) as asked:
        with monkeypatch.context() as killed:
            killed.setattr(materials_project, "file_digest", lambda path: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                materials_project.get("mp-profit", asked)
        assert materials_project.path_of("mp-profit").exists() and not materials_project.report("mp-profit")
        before = len(project.requests("/materials/"))
        materials_project.get("mp-profit", asked)
        assert len(project.requests("/materials/")) == before
    assert materials_project.report("mp-profit")["found"] == 5 and load_source("mp-structures").ids.size == 5


def test_the_pack_is_made_again_where_it_is_missing_or_old(project, listed, tmp_path):
    made = tmp_path / "data/mp/mp_structures.h5"
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
        made.unlink()
        materials_project.get("mp-profit", asked)
        assert len(load_source("mp-structures")) == 5
        written = made.stat().st_mtime_ns
        materials_project.get("mp-profit", asked)
        assert made.stat().st_mtime_ns == written, "it is made of the same tables"
        made.with_suffix(".json").write_text('{"made of": {}}\n')  # killed while it was written
        materials_project.get("mp-binaries", asked)
        assert len(load_source("mp-structures")) == 10
        made.with_suffix(".json").unlink()  # now it came from elsewhere
        project.materials = project.materials[:1]
        materials_project.get("mp-binaries", asked, renew=True)
    assert len(load_source("mp-structures")) == 10


def test_a_query_and_its_steps(project):
    with client(project) as asked:
        materials_project.get("mp-binaries", asked)
        for name in ("mp-elastic", "mp-dielectric", "mp-finder"):
            materials_project.get(name, asked)
    assert sorted(load_source("mp-binaries").ids.tolist()) == sorted(f"mp-{k}" for k in range(1, 9))
    traced = follow("mp-binaries")
    assert (traced.rows, traced.left) == (8, sum(k % 3 > 0 for k in range(1, 9)))
    moduli = follow("mp-elastic")
    # Three compositions; of each the lowest formation energy, which is that of the highest number.
    assert sorted(moduli.table.ids.tolist()) == ["mp-10", "mp-6", "mp-8"]
    assert moduli.steps[-1].name == "GPa to log10(GPa)" and moduli.table.target("k_vrh").values.tolist() == [100.0] * 3

    for name in ("mp-dielectric", "mp-finder"):
        assert sorted(follow(name).table.ids.tolist()) == ["mp-10", "mp-6", "mp-8"]
    assert load_source("mp-dielectric").target("n").values.tolist() == [2.0] * 10
    assert "eps_electronic" in load_source("mp-structures").targets, "the pack has the columns of all queries"


def test_requests_keep_apart(project, monkeypatch):
    """The service allows so many requests a second; the pause counts from the end of the last one."""
    waited = []
    monkeypatch.setattr(mp_client.time, "sleep", waited.append)
    with client(project, apart=50.0) as asked:
        asked.ids({"elements": ["O"]})
        asked.ids({"elements": ["S"]})
    assert waited[0] == 0.0 and all(0 < seconds <= 50.0 for seconds in waited[1:]) and len(waited) == 3


def test_records_that_cannot_be_used_are_listed(project, listed):
    project.materials[0] = record(1, ["D", "O"])
    project.materials[1]["structure"] = None
    shared = record(3, ["Mg", "O"])
    shared["structure"]["sites"][0]["species"] = [{"element": "Mg", "occu": 0.5}, {"element": "Ca", "occu": 0.5}]
    project.materials[2] = shared
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
    left_out = materials_project.report("mp-profit")["left_out"]
    assert left_out == {
        "mp-1": "holds deuterium (D), which no model here knows",
        "mp-2": "its record has no structure",
        "mp-3": "has sites that several elements share",
    }
    assert materials_project.report("mp-profit")["vanished"] == ["mp-77"]


def test_deuterium_is_a_step_of_its_own(project):
    project.materials[0], project.materials[1]["structure"] = record(1, ["D", "O"], nelements=2), None
    with client(project) as asked:
        materials_project.get("mp-binaries", asked)
    steps = [(step.name, step.after) for step in follow("mp-binaries").steps]
    assert steps[1:3] == [("without deuterium", 7), ("with a structure, no shared sites", 6)]


def test_lists_come_first(project):
    with client(project) as asked, pytest.raises(UserError, match="run matrepro data get profit-lists first"):
        materials_project.get("mp-profit", asked)
