"""mp-api's own client against a server that answers as the Materials Project does, and fails as it does."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.errors import UserError
from common.materials import MaterialsTable
from common.sources import load_source
from common.sources.remote import materials_project, mp_client, mp_records, recipes
from common.sources.remote.mp_client import Client
from common.sources.traces import trace
from tests.common.sources.server import KEY, start

pytest.importorskip("mp_api", reason="mp-api is not installed (extra mp)")

ROOT = Path(__file__).parents[3]


def record(k: int, symbols: list[str], **facts) -> dict:
    """What the summary endpoint has of a cubic cell of these atoms."""
    sites = [
        {"species": [{"element": symbol, "occu": 1}], "abc": [0.1 * i, 0.0, 0.5], "label": symbol}
        for i, symbol in enumerate(symbols)
    ]
    elements = list(dict.fromkeys(symbols))
    return {
        "material_id": f"mp-{k}",
        "formula_pretty": "".join(elements),
        "structure": {"lattice": {"matrix": (np.eye(3) * (4 + k / 100)).tolist()}, "sites": sites},
        "formation_energy_per_atom": -0.01 * k,
        "energy_per_atom": -3.0 - 0.01 * k,
        "band_gap": 0.5 * (k % 3),
        "energy_above_hull": 0.0,
        "n": 2.0,
        "bulk_modulus": {"voigt": 101.0, "reuss": 99.0, "vrh": 100.0},
        "shear_modulus": {"vrh": 50.0},
        "elements": elements,
        "nelements": len(elements),
        "nsites": len(symbols),
        "has_props": ["dielectric", "elasticity", "dos"],
        **facts,
    }


@pytest.fixture
def project(world, monkeypatch):
    """Ten oxides and others of the Materials Project, with the key, at pages of three."""
    world.materials = [record(k, ["Mg", "O"] if k < 7 else ["Zn", "S"] if k < 9 else ["Fe"]) for k in range(1, 11)]
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setattr(materials_project, "PAGE", 3)
    return world


def client(world, **options) -> Client:
    return Client(endpoint=world.address, **options)


@pytest.fixture
def listed(tmp_path):
    """The lists of mp-profit, with an id that vanished."""
    (tmp_path / "data/mp").mkdir(parents=True)
    for file, ids in zip(
        recipes.recipe("mp-profit").lists, (["mp-1", "mp-2", "mp-77", "mp-9"], ["mp-2", "mp-3"], ["mp-10"]), strict=True
    ):
        (tmp_path / "data" / file).write_text("material_id\n" + "\n".join(ids) + "\n")


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


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


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
    traced = trace("mp-binaries")
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
    traced = trace("mp-binaries")
    assert (traced.rows, traced.left) == (8, sum(k % 3 > 0 for k in range(1, 9)))
    moduli = trace("mp-elastic")
    # Three compositions; of each the lowest formation energy, which is that of the highest number.
    assert sorted(moduli.table.ids.tolist()) == ["mp-10", "mp-6", "mp-8"]
    assert moduli.steps[-1].name == "GPa to log10(GPa)" and moduli.table.target("k_vrh").values.tolist() == [100.0] * 3

    for name in ("mp-dielectric", "mp-finder"):
        assert sorted(trace(name).table.ids.tolist()) == ["mp-10", "mp-6", "mp-8"]
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
    steps = [(step.name, step.after) for step in trace("mp-binaries").steps]
    assert steps[1:3] == [("without deuterium", 7), ("with a structure, no shared sites", 6)]


@pytest.mark.parametrize("kind", ["429", "500", "truncated", "empty"])
def test_a_service_in_trouble_is_asked_again(project, listed, kind):
    project.fail("/materials/", kind, 2)
    project.fail("/heartbeat", kind, 1)
    with client(project) as asked:
        materials_project.get("mp-profit", asked)
    assert len(load_source("mp-profit")) == 5


def test_a_download_goes_on_where_it_stopped(project, listed, monkeypatch):
    """The second page fails for good; the next call asks for that page alone."""
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)
    asked_for = []
    with client(project) as asked:
        page = asked.page

        def failing(ids, fields):
            asked_for.append(ids[0])
            if len(asked_for) == 2:
                project.fail("/materials/", "500", 2)
            return page(ids, fields)

        asked.page = failing
        with pytest.raises(UserError, match=r"did not give the records from mp-9 on in 2 attempts \(it answers 500\)"):
            materials_project.get("mp-profit", asked)
        assert not materials_project.path_of("mp-profit").exists()
        materials_project.get("mp-profit", asked)
    assert asked_for == ["mp-1", "mp-9", "mp-9"] and len(load_source("mp-profit")) == 5


def test_a_damaged_page_is_asked_for_again(project, listed, monkeypatch):
    with client(project) as asked:
        with monkeypatch.context() as broken:
            broken.setattr(mp_records, "joined", lambda *pages: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                materials_project.get("mp-profit", asked)
        cut(materials_project.path_of("mp-profit").with_suffix(".parts") / "2025.09.25/00001.h5")
        before = len(project.requests("/materials/"))
        materials_project.get("mp-profit", asked)
        assert len(project.requests("/materials/")) == before + 1
    assert len(load_source("mp-profit")) == 5


def test_pages_of_another_database_are_not_mixed(project, listed, monkeypatch, capsys):
    monkeypatch.setattr(mp_client, "ATTEMPTS", 1)
    with client(project) as asked:
        page = asked.page
        asked.page = lambda ids, fields: page(ids, fields) if ids[0] == "mp-1" else page(["mp-0 "], fields)
        with pytest.raises(UserError):
            materials_project.get("mp-profit", asked)
    other, server = start()
    other.materials, other.version = project.materials, "2026.01.01"
    with client(other) as asked:
        materials_project.get("mp-profit", asked)
    server.shutdown()
    server.server_close()
    assert "the database is now 2026.01.01; pages of its version 2025.09.25 are not used" in capsys.readouterr().err
    assert materials_project.report("mp-profit")["database"] == "2026.01.01" and len(load_source("mp-profit")) == 5


def test_the_key(project, listed, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "x" * 32)
    with (
        client(project) as asked,
        pytest.raises(UserError, match=r"refuses the key of MP_API_KEY; copy it again from next-gen"),
    ):
        materials_project.get("mp-profit", asked)
    assert len(project.requests("/materials/")) == 1, "a refused key is not tried again"
    monkeypatch.setenv("MP_API_KEY", "short")
    with pytest.raises(UserError, match="MP_API_KEY has 5 characters, a key has 32"):
        client(project)
    monkeypatch.delenv("MP_API_KEY")
    monkeypatch.setattr("pymatgen.core.SETTINGS", {})
    with pytest.raises(UserError, match=r"MP_API_KEY is not set; get a key .* without a network use .* \(mini\)"):
        client(project)


def test_no_network(project, monkeypatch):
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)
    with pytest.raises(UserError, match=r"did not give the database version in 2 attempts \(it cannot be reached\)"):
        Client(endpoint="http://127.0.0.1:9/")


def test_a_store_that_cannot_be_reached(project, monkeypatch):
    """delta-rs has an error of its own for it, of many lines; that is no material without densities."""
    monkeypatch.setattr(mp_client, "ATTEMPTS", 2)

    class Store:
        asked = 0

        def get_dos_from_material_id(self, name, **options):
            self.asked += 1
            raise OSError("Kernel error -> Generic S3 error\n  Error performing GET http://store/x")

    with client(project) as asked:
        asked.__dict__["_dos"] = store = Store()
        with pytest.raises(
            UserError, match=r"of mp-1 in 2 attempts \(the store of its .* cannot be reached\)"
        ) as error:
            asked.densities("mp-1")
    assert store.asked == 2 and not isinstance(error.value, mp_client.NotThere) and "http" not in str(error.value)


def test_a_full_disk(project, listed, disk_of):
    with client(project) as asked:
        with disk_of(2000), pytest.raises(UserError, match=r"cannot write .*free some space"):
            materials_project.get("mp-profit", asked)
        materials_project.get("mp-profit", asked)
    assert len(load_source("mp-profit")) == 5


def test_lists_come_first(project):
    with client(project) as asked, pytest.raises(UserError, match="run matrepro data get profit-lists first"):
        materials_project.get("mp-profit", asked)


# --- densities of states -------------------------------------------------------------------------


def complete_dos(structure, *, edges: bool = True):
    """States from -6 to -0.5 and from 2 to 4 eV, one s orbital an atom; without `edges` a bump that never ends."""
    from pymatgen.electronic_structure.core import Orbital, Spin
    from pymatgen.electronic_structure.dos import CompleteDos, Dos

    energies = np.round(np.linspace(-10, 5, 301), 6)
    values = np.where((energies >= -6) & (energies <= -0.5) | (energies >= 2) & (energies <= 4), 1.0, 0.0)
    values = values if edges else np.exp(-((energies + 2) ** 2))
    total = Dos(0.5, energies, {Spin.up: values * len(structure)})
    return CompleteDos(structure, total, {site: {Orbital.s: {Spin.up: values}} for site in structure})


@pytest.fixture
def store(project, tmp_path, monkeypatch):
    """The tables of the open data store for mp-1 to mp-3, served in a process of its own; mp-3 has no band edges."""
    import pyarrow
    from deltalake import write_deltalake
    from emmet.core.arrow import arrowize
    from emmet.core.band_theory import ElectronicDos
    from emmet.core.mpid import AlphaID
    from pymatgen.core import Lattice, Structure

    schema = pyarrow.schema(arrowize(ElectronicDos))
    projected = schema.field("projected_densities").type
    named = [pyarrow.field("identifier", pyarrow.string()), pyarrow.field("run_type", pyarrow.string())]
    columns = {
        "total-dos": [field for field in schema if field.name != "projected_densities"],
        "projected-dos": [projected.field(i) for i in range(projected.num_fields)] + named,
    }
    rows = {name: [] for name in columns}
    for k in (1, 2, 3):
        structure = Structure(Lattice.cubic(4 + k / 100), ["Mg", "O"], [[0, 0, 0.5], [0.1, 0, 0.5]])
        row = json.loads(ElectronicDos.from_pmg(complete_dos(structure, edges=k < 3)).model_dump_json())
        key = {"identifier": str(AlphaID(str(k), padlen=8)), "run_type": "GGA"}
        row["structure"].pop("properties", None)
        for site in row["structure"]["sites"]:
            site.pop("properties", None)
        rows["projected-dos"].append({**row.pop("projected_densities"), **key})
        rows["total-dos"].append({**row, **key})
        project.materials[k - 1]["dos"] = {"task_id": f"mp-{k}"}
    for name, fields in columns.items():
        folder = tmp_path / "store/materialsproject-parsed/core/electronic-structure" / name
        folder.mkdir(parents=True)
        write_deltalake(str(folder), pyarrow.Table.from_pylist(rows[name], schema=pyarrow.schema(fields)))
    command = [sys.executable, "-m", "tests.common.sources.server", str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        monkeypatch.setenv("AWS_ENDPOINT_URL", process.stdout.readline().strip())
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        yield
        process.stdin.close()


def test_densities_for_esnet(project, store, monkeypatch, capsys):
    """Two materials have densities, two have none that can be used and are named; a second call asks for nothing."""
    from esnet import mp_densities
    from esnet.dos import from_densities

    project.materials = project.materials[:4]
    monkeypatch.setattr(mp_densities, "SHARD", 2)
    with client(project) as asked:
        materials_project.get("mp-esnet", asked)
        folder = mp_densities.get("mp-esnet", asked)
        before = len(project.requests("/materials/"))
        mp_densities.get("mp-esnet", asked)
        assert len(project.requests("/materials/")) == before
        assert mp_densities.complete("mp-esnet")
        cut(folder / "00001.h5")
        mp_densities.get("mp-esnet", asked)
        assert len(project.requests("/materials/")) > before and "00001.h5 is damaged" in capsys.readouterr().err
        (folder / "00001.h5").unlink()
        assert not mp_densities.complete("mp-esnet")
        mp_densities.get("mp-esnet", asked)
    assert sorted(path.name for path in folder.glob("*.h5")) == ["00000.h5", "00001.h5"]
    failed = mp_densities.failures(folder)
    assert list(failed) == ["mp-3", "mp-4"] and "out of range" in failed["mp-3"]
    assert "2 of 4 materials have no densities; mp-3" in capsys.readouterr().err
    table = load_source("mp-esnet-densities")
    assert table.ids.tolist() == ["mp-1", "mp-2"] and table.has_densities
    assert table.target("formation_energy").values.tolist() == pytest.approx([-0.01, -0.02])
    dos = from_densities(table.dos(1, aligned=False))
    # 111 and 41 points of 0.05 eV with a state an eV for each of two atoms.
    step = dos.energies[1] - dos.energies[0]
    assert dos.densities.sum() * step == pytest.approx(2 * 152 * 0.05, rel=1e-3)
    assert dos.fermi == 0.5 and dos.valence_top == pytest.approx(-0.5, abs=0.1)
    traced = trace("mp-esnet")
    assert [step.after for step in traced.steps] == [4, 4, 4, 4, 4, 2, 2]


def test_densities_of_another_list_are_kept_apart(project, store):
    from esnet import mp_densities

    project.materials = project.materials[:2]
    with client(project) as asked:
        path = materials_project.get("mp-esnet", asked)
        mp_densities.get("mp-esnet", asked)
        MaterialsTable.from_hdf5(path).take(np.array([1])).to_hdf5(path)
        with pytest.raises(UserError, match="belongs to another list of materials; move it away"):
            mp_densities.get("mp-esnet", asked)
