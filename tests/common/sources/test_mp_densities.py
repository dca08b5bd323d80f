"""Densities of states out of the open data store, which a process of its own serves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import load_source
from common.sources.registry import follow
from common.sources.remote import materials_project
from tests.common.sources.project import client, cut

pytest.importorskip("mp_api", reason="mp-api is not installed (extra mp)")

ROOT = Path(__file__).parents[3]


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
    from esnet.dos import materials_project as mp_densities
    from esnet.dos.projected import from_densities

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
    traced = follow("mp-esnet")
    assert [step.after for step in traced.steps] == [4, 4, 4, 4, 4, 2, 2]


def test_densities_of_another_list_are_kept_apart(project, store):
    from esnet.dos import materials_project as mp_densities

    project.materials = project.materials[:2]
    with client(project) as asked:
        path = materials_project.get("mp-esnet", asked)
        mp_densities.get("mp-esnet", asked)
        MaterialsDataset.from_hdf5(path).take(np.array([1])).to_hdf5(path)
        with pytest.raises(UserError, match="belongs to another list of materials; move it away"):
            mp_densities.get("mp-esnet", asked)
