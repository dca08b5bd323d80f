"""What is written in the layout of the embedded set is read back by the table and by the network's own reader."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.chem.crystal import Crystal
from common.errors import UserError
from common.sources import densities
from common.sources.mini import PATH
from esnet.dos.file import CHANNELS, ENERGIES, _in_steps, group_names, start_file, write_failure, write_material
from esnet.dos.projected import ORBITALS, ProjectedDOS, from_group

CELL = Crystal(np.array([22, 8]), 4.0 * np.eye(3), np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))


def made(energies: np.ndarray, *, fermi=2.0, reference="absolute", scale=1.0, **more) -> ProjectedDOS:
    values = scale * np.random.default_rng(0).random((2, 9, len(energies)))
    return ProjectedDOS(energies, values, fermi, 1.5, reference, True, "Test", 2, ("O", "Ti"), **more)


@pytest.fixture
def file(tmp_path):
    with h5py.File(tmp_path / "dos.h5", "w") as opened:
        start_file(opened, "Test 1.0")
        yield opened


def test_the_layout_is_that_of_the_embedded_set(file):
    write_material(file, "TiO", made(2.0 + ENERGIES), CELL, {"total_energy_eV": -10.0})
    with h5py.File(PATH) as embedded:
        assert json.loads(file.attrs["channels"]) == json.loads(embedded.attrs["channels"])
        assert np.array_equal(file.attrs["energies_eV"], np.round(embedded.attrs["energies_eV"], 2))
        ours, theirs = file["materials/TiO"], next(iter(embedded["materials"].values()))
        assert set(theirs) - set(ours) == {"dos_total_rel"}
        for key in ours:
            assert ours[key].dtype == theirs[key].dtype and ours[key].ndim == theirs[key].ndim, key


def test_writing_and_reading(file):
    dos = made(np.arange(-1200, 801) * 0.02 + 2.0, f_left_out=True, per="site")
    write_material(file, "TiO", dos, CELL, {"total_energy_eV": -10.0}, total=dos.densities.sum(axis=1))
    file.flush()
    read = from_group(file["materials/TiO"], file.attrs["energies_eV"], list(CHANNELS), aligned=True)
    # The Fermi level is one of its energies: every value goes where it was, in half precision.
    inside = (dos.energies - 2.0 > -20.005) & (dos.energies - 2.0 < 10.005)
    assert np.allclose(read.densities, dos.densities[..., inside], atol=5e-4)
    assert read.polarized and read.per == "site" and read.valence_top == pytest.approx(-0.5)
    absolute = from_group(file["materials/TiO"], file.attrs["energies_eV"], list(CHANNELS))
    assert absolute.fermi == 2.0 and absolute.reference == "absolute" and absolute.elements == ("O", "Ti")
    assert file["materials/TiO"].attrs["f_left_out"] and file["materials/TiO"].attrs["engine"] == "Test"
    total = file["materials/TiO/dos_total_rel"][:].astype(float)
    assert np.allclose(total, dos.densities.sum(axis=1)[:, inside], rtol=1e-3)


def test_a_table_of_what_was_written(tmp_path):
    with h5py.File(tmp_path / "dos.h5", "w") as opened:
        start_file(opened, "Test 1.0")
        attributes = {"total_energy_eV": -10.0, "formation_energy_eV_per_atom": -1.5, "band_gap_eV": 0.7}
        write_material(opened, "TiO", made(2.0 + ENERGIES), CELL, attributes)
        write_failure(opened, "TiPo", "no dataset")
    table = densities.load(tmp_path / "dos.h5")
    assert table.ids.tolist() == ["TiO"] and table.formulas.tolist() == ["OTi"]
    assert table.target("total_energy").values[0] == -5 and table.target("formation_energy").values[0] == -1.5
    assert table.dos(0).program == "Test" and np.array_equal(table.structure(0).numbers, [22, 8])


def test_channels_keep_their_names(file):
    """Orbitals stand in another order in the file than in memory."""
    dos = made(2.0 + ENERGIES)
    marked = np.zeros_like(dos.densities)
    marked[1, ORBITALS.index("dz2")] = 3.0
    write_material(file, "TiO", ProjectedDOS(**{**dos.__dict__, "densities": marked}), CELL, {})
    stored = file["materials/TiO/dos_rel"][:]
    assert (stored[CHANNELS.index("dz2 down")] == 3).all() and np.count_nonzero(stored.any(axis=1)) == 1


@given(st.integers(0, 1000), st.floats(-0.5, 0.5), st.floats(0.003, 0.2))
def test_states_are_counted_exactly(seed, offset, step):
    """Whatever grid densities come on, all states inside of the window stay."""
    energies = np.arange(-15, 5, step) + offset
    rows = np.random.default_rng(seed).random((3, len(energies)))
    assert np.allclose(_in_steps(energies, rows).sum(axis=1) * 0.02, rows.sum(axis=1) * step)


def test_what_cannot_be_written(file):
    with pytest.raises(UserError, match="'a/b' cannot name a material"):
        write_material(file, "a/b", made(2.0 + ENERGIES), CELL, {})
    with pytest.raises(UserError, match="TiO: energies are relative to the fermi; a file needs absolute energies"):
        write_material(file, "TiO", made(ENERGIES, reference="fermi"), CELL, {})
    with pytest.raises(UserError, match="exceed half precision"):
        write_material(file, "TiO", made(2.0 + ENERGIES, scale=1e6), CELL, {})
    # What was refused is not half there.
    assert list(file["materials"]) == []


def test_paths_as_names():
    assert group_names(["/a/b.vasp", "c"]) == {"a-b.vasp": "/a/b.vasp", "c": "c"}
    with pytest.raises(UserError, match="a-b and a/b would have the same name"):
        group_names(["a/b", "a-b"])


def test_a_second_one_of_the_name_gives_way(file):
    write_material(file, "TiO", made(2.0 + ENERGIES), CELL, {"total_energy_eV": -10.0})
    write_material(file, "TiO", made(2.0 + ENERGIES, fermi=2.5), CELL, {})
    assert file["materials/TiO"].attrs["efermi_eV"] == 2.5 and "total_energy_eV" not in file["materials/TiO"].attrs
