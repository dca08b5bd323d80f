"""Densities of states travel with the rows of a table and are read when asked for."""

import pickle
import tracemalloc

import h5py
import numpy as np
import pytest

from common.data.densities import DensitiesInFile, DensitiesInMemory, densities_key
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import densities
from common.sources.files import load
from common.sources.mini import PATH


@pytest.fixture
def own(tmp_path):
    """A file of three materials in the layout of the embedded one."""
    path = tmp_path / "own.h5"
    with h5py.File(PATH) as source, h5py.File(path, "w") as file:
        file.attrs.update({name: source.attrs[name] for name in ("channels", "energies_eV", "engine")})
        for name in ("NaCl-B1", "MgO-B1", "AgBr-B1"):
            source.copy(f"materials/{name}", file.require_group("materials"))
        file["materials/MgO-B1"].attrs["surface_energy_eV_per_atom"] = 0.25
    return path


def test_rows_keep_their_densities(mini):
    view = mini.take([5, 300, 2]).with_target("x", np.zeros(3), "1").take([2, 0])
    for row, name in enumerate(view.ids.tolist()):
        with h5py.File(PATH) as file:
            assert np.array_equal(view.dos(row).values, file[f"materials/{name}/dos_rel"][:].astype("f4"))
            assert np.array_equal(
                view.dos(row, aligned=False).values, file[f"materials/{name}/dos_abs"][:].astype("f4")
            )
            assert view.dos(row).fermi == file[f"materials/{name}"].attrs["efermi_eV"]
    assert view.has_densities and view.dos(0).aligned and not view.dos(0, aligned=False).aligned
    assert view.dos(0).program == "GPAW" and view.dos(0).energies[[0, -1]].tolist() == [-20, 10]


def test_tables_without_densities_say_so(mini):
    bare = MaterialsDataset(mini.ids[:2], mini.formulas[:2])
    assert not bare.has_densities
    with pytest.raises(UserError, match="no densities of states"):
        bare.dos(0)


def test_they_count_in_the_digest_when_asked_for(mini):
    few = mini.take([0, 1])
    items = [few.dos(0), few.dos(1)]

    def digest(items):
        table = MaterialsDataset.from_structures(
            few.ids, few.structures(), formulas=few.formulas, densities=DensitiesInMemory(items)
        )
        return table.digest(), table.digest(densities=True)

    same, changed = digest(items), digest([items[0], items[1]._replace(values=items[1].values * 1.001)])
    assert same == (few.digest(), few.digest(densities=True)) and same[0] == changed[0] and same[1] != changed[1]


def test_a_key_follows_everything(mini):
    one = mini.dos(0)
    others = [mini.dos(1), mini.dos(0, aligned=False), one._replace(fermi=one.fermi + 1e-9), one._replace(per="site")]
    assert len({densities_key(d) for d in (one, *others)}) == 5
    assert densities_key(mini.take([3, 0]).dos(1)) == densities_key(one)


def test_a_store_goes_to_another_process(own):
    store = DensitiesInFile(own, ["MgO-B1"])
    store.read(0)
    assert np.array_equal(pickle.loads(pickle.dumps(store)).read(0).values, store.read(0).values)


def test_an_own_file_is_a_table(own):
    table, left_out = load(own)
    assert table.ids.tolist() == ["AgBr-B1", "MgO-B1", "NaCl-B1"] and not left_out and table.origin == "own.h5"
    assert table.target("formation_energy").unit == "eV/atom" and table.target("band_gap").unit == "eV"
    surface = table.target("surface_energy")
    assert surface.unit == "eV/atom" and surface.values[1] == 0.25 and np.isnan(surface.values[[0, 2]]).all()
    with h5py.File(own, "a") as file:
        file["materials/MgO-B1"].attrs.update(
            {"engine": "VASP 6.4, vasprun", "normalisation": "site", "f_left_out": True}
        )
    dos = load(own).table.dos(1)
    assert (dos.program, dos.per, dos.more_orbitals) == ("VASP", "site", True)


@pytest.mark.parametrize("lost", ["dataset dos_rel", "dataset dos_abs", "attribute efermi_eV", "dataset numbers"])
def test_a_damaged_material_is_named(own, lost):
    table = load(own).table
    kind, name = lost.split()
    with h5py.File(own, "a") as file:
        group = file["materials/MgO-B1"]
        del (group if kind == "dataset" else group.attrs)[name]
        if name == "dos_abs":
            del group["dos_rel"]
    if name == "dos_rel":
        assert not table.dos(1).aligned  # the only form that is there
        return
    with pytest.raises(UserError, match="MgO-B1: its densities of states are incomplete or damaged"):
        table.dos(1)


def test_damaged_files(own, tmp_path):
    with h5py.File(own, "a") as file:
        del file.attrs["channels"]
    with pytest.raises(UserError, match="does not say its energies_eV and channels"):
        load(own).table.dos(0)
    with h5py.File(PATH) as source, h5py.File(tmp_path / "other.h5", "w") as file:
        source.copy("materials/MgO-B1", file.require_group("materials"))
        del file["materials/MgO-B1/cell"]
    with pytest.raises(UserError, match=r"other\.h5: MgO-B1 is damaged"):
        load(tmp_path / "other.h5")
    with h5py.File(tmp_path / "empty.h5", "w") as file:
        file.create_group("materials")
    with pytest.raises(UserError, match="holds no materials yet"):
        densities.load(tmp_path / "empty.h5")


def test_nothing_is_read_before_it_is_needed(mini):
    """336 materials would take 36 MB."""
    tracemalloc.start()
    try:
        table = mini.take(np.arange(336)[::-1])
        table.dos(3)
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()
