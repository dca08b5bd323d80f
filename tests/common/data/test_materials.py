"""MaterialsDataset: views, targets, ids, and the way to disk and back."""

import tracemalloc

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target, crystal_key
from common.errors import UserError


@pytest.fixture
def table(mini):
    return mini.take(np.arange(0, 336, 30))


def test_take_and_select_are_views_in_the_order_asked_for(mini):
    view = mini.take([5, 300, 2]).take([2, 0])
    assert view.ids.tolist() == mini.ids[[2, 5]].tolist()
    assert view.formulas.tolist() == mini.formulas[[2, 5]].tolist()
    assert view.target("band_gap").values.tolist() == mini.target("band_gap").values[[2, 5]].tolist()
    assert [crystal_key(c) for c in view.structures()] == [crystal_key(mini.structure(r)) for r in (2, 5)]
    assert view.n_sites(1) == mini.n_sites(5) == len(mini.structure(5).numbers)
    again = mini.select(iter(["NaCl-B1", "AgBr-B1"]))
    assert again.ids.tolist() == ["NaCl-B1", "AgBr-B1"] and "NaCl-B1" in again and "Ag2O-C3" not in again


def test_known_keeps_the_rows_whose_target_is_a_number():
    values = np.array([1.0, np.nan, np.inf, -2.0])
    table = MaterialsDataset(list("abcd"), ["Si"] * 4, targets={"gap": Target(values, "eV")})
    assert table.known("gap").ids.tolist() == ["a", "d"]


def test_with_target_adds_one_and_leaves_the_old_table_alone(table):
    added = table.take([3, 1]).with_target("mass", [1, 2], "u")
    assert added.target("mass").values.tolist() == [1.0, 2.0] and added.target("mass").unit == "u"
    assert "mass" not in table.targets
    assert crystal_key(added.structure(0)) == crystal_key(table.structure(3))
    with pytest.raises(UserError, match="'mass' has 3 values for 12 materials"):
        table.with_target("mass", [1, 2, 3], "u")


def test_ids_must_be_unique(mini):
    with pytest.raises(UserError, match=r"here: id b occurs more than once"):
        MaterialsDataset(["a", "b", "c", "b"], ["Si"] * 4, origin="here")
    with pytest.raises(UserError, match="NaCl-B1 occurs more than once"):
        mini.select(["NaCl-B1", "AgBr-B1", "NaCl-B1"])


def test_an_unknown_id_is_named(mini):
    with pytest.raises(UserError, match="mini has no material with id mp-1"):
        mini.select(["NaCl-B1", "mp-1"])


def test_a_missing_target_is_named_with_those_there_are(mini):
    with pytest.raises(UserError, match="no target 'gap'; it has: band_gap, bulk_modulus, formation_energy"):
        mini.target("gap")
    with pytest.raises(UserError, match="it has: none"):
        MaterialsDataset(["a"], ["Si"]).known("gap")


def test_formulas_alone_give_no_structure():
    table = MaterialsDataset(["a"], ["Si"])
    assert not table.has_structures and table.n_sites(0) == 0
    with pytest.raises(UserError, match="formulas only"):
        table.structure(0)


def test_digest_follows_ids_formulas_structures_and_target(table):
    same = MaterialsDataset.from_structures(table.ids, table.structures(), table.targets, formulas=table.formulas)
    assert same.digest("band_gap") == table.digest("band_gap") != table.digest("total_energy")
    assert table.take(np.arange(11)).digest() != table.digest() != table.take(np.arange(12)[::-1]).digest()
    crystals = list(table.structures())
    crystals[7] = crystals[7]._replace(frac=crystals[7].frac + 1e-9)
    assert MaterialsDataset.from_structures(table.ids, crystals, formulas=table.formulas).digest() != table.digest()
    bare = MaterialsDataset(table.ids, table.formulas)
    assert bare.digest() != MaterialsDataset(table.ids, [*table.formulas[:-1], "H"]).digest()


def test_from_pymatgen_structures():
    from pymatgen.core import Lattice, Structure

    structure = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    table = MaterialsDataset.from_structures(["salt"], [structure])
    assert table.formulas.tolist() == ["NaCl"] and table.n_sites(0) == 8
    assert np.array_equal(table.structure(0).frac, structure.frac_coords)


# --- files -----------------------------------------------------------------------------------------


def test_round_trip_through_hdf5_is_exact(table, tmp_path):
    table = table.take([4, 0, 11])
    table.to_hdf5(tmp_path / "deep" / "table.h5")
    back = MaterialsDataset.from_hdf5(tmp_path / "deep" / "table.h5")
    assert back.origin == "table.h5" and set(back.targets) == set(table.targets)
    for name, target in table.targets.items():
        assert np.array_equal(back.target(name).values, target.values, equal_nan=True)
        assert back.target(name).unit == target.unit
        assert back.digest(name) == table.digest(name)
    for one, other in zip(back.structures(), table.structures(), strict=True):
        assert crystal_key(one) == crystal_key(other)
    back.take([2, 1]).to_hdf5(tmp_path / "deep" / "table.h5")  # over the file that is being read
    assert MaterialsDataset.from_hdf5(tmp_path / "deep" / "table.h5").digest() == table.take([2, 1]).digest()


def test_round_trip_without_structures_without_rows_and_with_foreign_letters(tmp_path):
    path = tmp_path / "table.h5"
    MaterialsDataset(["α-quartz", "b"], ["SiO2", "Si"], targets={"gap": Target(np.array([6.0, np.nan]), "eV")}).to_hdf5(
        path
    )
    back = MaterialsDataset.from_hdf5(path)
    assert back.ids.tolist() == ["α-quartz", "b"] and not back.has_structures
    assert back.known("gap").ids.tolist() == ["α-quartz"]
    MaterialsDataset([], []).to_hdf5(path)
    assert len(MaterialsDataset.from_hdf5(path)) == 0


def test_positions_are_read_when_asked_for(tmp_path):
    """A file whose positions would take 240 MB opens and gives its first crystal in a fraction of that."""
    import h5py

    n = 10_000_000
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file["material_id"], file["formula"] = [b"small", b"huge"], [b"H2", b"H"]
        file["offset"], file["lattice"] = np.array([0, 2, n]), np.stack([np.eye(3)] * 2)
        file.create_dataset("z", (n,), "u1", chunks=(2**16,), fillvalue=1)
        file.create_dataset("frac", (n, 3), "f8", chunks=(2**10, 3), fillvalue=0.25)
    tracemalloc.start()
    try:
        table = MaterialsDataset.from_hdf5(tmp_path / "huge.h5").select(["huge", "small"])
        crystal = table.structure(1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert crystal.frac.tolist() == [[0.25] * 3] * 2 and table.n_sites(0) == n - 2
    assert peak < 60e6


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.5, 0.9, 0.9999])
def test_a_truncated_file_is_named(table, tmp_path, share):
    table.to_hdf5(tmp_path / "whole.h5")
    data = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"cut\.h5 is not a readable HDF5 file, truncated perhaps") as caught:
        MaterialsDataset.from_hdf5(tmp_path / "cut.h5")
    assert "\n" not in str(caught.value)


def test_other_files_are_refused_in_one_line(table, tmp_path):
    import h5py

    def refusal(**datasets) -> str:
        path = tmp_path / f"other-{len(list(tmp_path.iterdir()))}.h5"
        with h5py.File(path, "w") as file:
            for name, data in datasets.items():
                file[name] = data
        with pytest.raises(UserError) as caught:
            MaterialsDataset.from_hdf5(path)
        assert "\n" not in str(caught.value) and path.name in str(caught.value)
        return str(caught.value)

    assert "no dataset 'material_id'" in refusal(x=1)
    assert "no dataset 'formula'" in refusal(material_id=[b"a"])
    assert "no dataset 'offset'" in refusal(material_id=[b"a"], formula=[b"Si"], z=[14])
    assert "not lists of text" in refusal(material_id=[1], formula=[b"Si"])
    assert "id a occurs more than once" in refusal(material_id=[b"a", b"a"], formula=[b"Si", b"Si"])
    with pytest.raises(UserError, match=r"none\.h5 does not exist"):
        MaterialsDataset.from_hdf5(tmp_path / "none.h5")
    with pytest.raises(UserError, match="is not a readable HDF5 file"):
        MaterialsDataset.from_hdf5(tmp_path)


def test_a_damaged_structure_names_its_id(table):
    crystals = list(table.structures())
    with pytest.raises(UserError, match="not a number"):
        MaterialsDataset.from_structures(table.ids, [c._replace(frac=c.frac * np.nan) for c in crystals])
    damaged = MaterialsDataset.from_structures(table.ids, crystals)
    damaged.structure(3)
    damaged._structures.lattice[3] = 0
    with pytest.raises(UserError, match=f"{table.ids[3]}: the cell has no volume"):
        damaged.structure(3)


def test_a_target_may_not_take_the_name_of_a_dataset(table, tmp_path):
    for name in ("frac", "formula", "eV/atom"):
        with pytest.raises(UserError, match=f"cannot be called '{name}'"):
            table.with_target(name, np.zeros(12), "").to_hdf5(tmp_path / "table.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.99])
def test_a_full_disk_leaves_the_old_file_and_no_other(table, tmp_path, disk_of, share):
    table.to_hdf5(tmp_path / "table.h5")
    old = (tmp_path / "table.h5").read_bytes()
    with disk_of(int(share * len(old))), pytest.raises(UserError, match=r"cannot write .*table\.h5: .*; free some"):
        table.to_hdf5(tmp_path / "table.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["table.h5"]
    assert (tmp_path / "table.h5").read_bytes() == old
