"""The embedded dataset and the data directory: sizes, units, a value recomputed by hand, and bad directories."""

import csv
import gzip

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.sources import load_source
from common.sources.datadir import elpasolites
from common.sources.mini import PATH, bulk_modulus


def test_the_embedded_table(mini):
    assert len(mini) == 336 and mini.has_structures and mini.origin == "mini"
    units = {name: target.unit for name, target in mini.targets.items()}
    assert units == {"formation_energy": "eV/atom", "total_energy": "eV/atom", "band_gap": "eV", "bulk_modulus": "GPa"}
    for name in ("formation_energy", "total_energy", "band_gap"):
        assert np.isfinite(mini.target(name).values).all()
    assert mini.target("band_gap").values.min() == 0
    assert all(mini.structure(row).volume > 5 for row in range(336))
    assert len(np.unique(mini.ids)) == 336 and PATH.stat().st_size < 10e6


def test_a_row_of_the_embedded_table_is_what_the_file_says(mini):
    import h5py

    row = mini.rows_of(["MgO-B1"])[0]
    with h5py.File(PATH) as file:
        group = file["materials/MgO-B1"]
        assert mini.target("total_energy").values[row] == group.attrs["total_energy_eV"] / len(group["numbers"])
        assert mini.target("formation_energy").values[row] == group.attrs["formation_energy_eV_per_atom"]
        assert mini.structure(row).numbers.tolist() == group["numbers"][:].tolist()
        assert np.array_equal(mini.structure(row).lattice, group["cell"][:])
    assert mini.formulas[row] == "OMg" and mini.target("formation_energy").values[row] < -2


def test_a_bulk_modulus_recomputed_by_hand(mini):
    """Three points (V, E): B = V0 E'' with the divided differences of the parabola, in eV per cubic angstrom."""
    known = mini.known("bulk_modulus")
    assert 5 <= len(known) <= 20 and all("-v" not in name for name in known.ids)
    for name, value in zip(known.ids, known.target("bulk_modulus").values, strict=True):
        rows = mini.rows_of([f"{name}-v94", name, f"{name}-v106"])
        v1, v2, v3 = (mini.structure(row).volume for row in rows)
        e1, e2, e3 = (mini.target("total_energy").values[row] * mini.n_sites(row) for row in rows)
        curvature = 2 * ((e3 - e2) / (v3 - v2) - (e2 - e1) / (v2 - v1)) / (v3 - v1)
        middle = (v1 + v2) / 2 - (e2 - e1) / (v2 - v1) / curvature
        assert value == pytest.approx(middle * curvature * 160.21766, rel=1e-6)
        assert v1 <= middle <= v3 and 10 < value < 500


def test_bulk_moduli_that_cannot_be_had():
    def energy(v):
        return 0.01 * (v - 20.0) ** 2 - 5

    wanted = 20 * 0.02 * 160.21766
    assert bulk_modulus([(v, energy(v)) for v in (21.2, 18.8, 20.0)]) == pytest.approx(wanted)
    assert np.isnan(bulk_modulus([(v, energy(v)) for v in (18.8, 20.0)]))
    assert np.isnan(bulk_modulus([(v, -energy(v)) for v in (18.8, 20.0, 21.2)]))  # a maximum
    assert np.isnan(bulk_modulus([(v, energy(v)) for v in (23.0, 24.0, 25.0)]))  # far from the minimum


def test_an_unknown_source_is_named_with_those_there_are():
    with pytest.raises(UserError, match=r"no source is called 'mina'; there are: mini, .*exp-band-gap"):
        load_source("mina")


# --- data directories ------------------------------------------------------------------------------

NEED_DATA = ("mp-structures", "exp-band-gap", "exp-formation-enthalpy", "profit-pbe-gap", "profit-pbe-enthalpy")


@pytest.fixture
def directory(mini, tmp_path, monkeypatch):
    """A data directory of three structures."""
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    table = mini.take([0, 1, 2])
    targets = {name: Target(np.array([0.5, 0.0, np.nan]), "eV") for name in ("band_gap", "formation_energy_per_atom")}
    MaterialsDataset.from_structures(["mp-1", "mp-2", "mp-3"], table.structures(), targets).to_hdf5(
        tmp_path / "mp" / "mp_structures.h5"
    )
    (tmp_path / "mp" / "exp_band_gap.csv").write_text(
        "material_id,Eg_exp\nmp-3,1.0\nmp-1,2.0\nmp-9,5.0\nmp-3,2.0\nmp-2,\n,4.0\n"
    )
    (tmp_path / "mp" / "mp_ids_46744.csv").write_text("material_id\nmp-3\nmp-9\nmp-2\nmp-1\n")
    return tmp_path


def test_measured_values_join_the_structures_by_id(directory):
    """Equal ids are averaged; ids without a structure and rows without a value or an id are left out."""
    table = load_source("exp-band-gap")
    assert table.ids.tolist() == ["mp-3", "mp-1"]
    assert table.target("Eg_exp").values.tolist() == [1.5, 2.0] and table.target("Eg_exp").unit == "eV"
    assert table.origin == "exp_band_gap.csv" and table.n_sites(1) == load_source("mp-structures").n_sites(0)


def test_the_listed_ids_where_the_target_is_known(directory):
    assert load_source("profit-pbe-enthalpy").ids.tolist() == ["mp-2", "mp-1"]
    assert load_source("profit-pbe-gap").ids.tolist() == ["mp-1"]  # a gap above zero


def test_the_authors_test_materials_are_marked_and_keep_their_values(mini, tmp_path, monkeypatch):
    """Those of the pack, whether or not it knows their value; nothing else but binaries with a gap and a value."""
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    rows = [mini.formulas.tolist().index(formula) for formula in ("OZn", "BeO", "OMg", "NaCl", "NAl")]
    ids = [f"mp-{k}" for k in range(5)]
    gap, energy = np.array([3.0, 8.0, np.nan, 6.0, 4.0]), np.array([-1.0, -2.0, np.nan, -4.0, -5.0])
    targets = {"band_gap": Target(gap, "eV"), "formation_energy_per_atom": Target(energy, "eV/atom")}
    table = MaterialsDataset.from_structures(ids, mini.take(rows).structures(), targets)
    table.to_hdf5(tmp_path / "mp" / "mp_structures.h5")
    listed = "material_id,target,v01\nmp-2,-3.5,0\nmp-1,-2.5,0\nmp-77,1,0\n"
    (tmp_path / "mp" / "diffcomp_test_Ef.csv").write_text(listed)
    found = load_source("diffcomp-authors-ef")
    assert found.ids.tolist() == ["mp-0", "mp-4", "mp-2", "mp-1"]
    assert found.target("formation_energy_per_atom").values.tolist() == [-1.0, -5.0, -3.5, -2.5]
    assert found.target("test").values.tolist() == [0, 0, 1, 1]


def test_elpasolites(tmp_path, monkeypatch):
    """As written, since the places are sites; without the two elements that have no vectors."""
    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    (tmp_path / "composition").mkdir()
    text = "formula,A,target\nLiNaAl2F6,Li,-2.5\nLiNeAl2F6,Li,1\nNaLiAl2F6,Na,-2\n"
    (tmp_path / "composition" / "elpasolite_e_form.csv.gz").write_bytes(gzip.compress(text.encode()))
    table = load_source("elpasolites")
    assert table.formulas.tolist() == table.ids.tolist() == ["LiNaAl2F6", "NaLiAl2F6"]
    assert table.target("formation_energy").values.tolist() == [-2.5, -2.0]
    assert elpasolites(1).ids.tolist() in (["LiNaAl2F6"], ["NaLiAl2F6"])


@pytest.mark.parametrize("name", NEED_DATA)
def test_an_empty_data_directory_is_one_clear_line(tmp_path, monkeypatch, name):
    for place in (tmp_path, tmp_path / "none"):
        monkeypatch.setenv("MATREPRO_DATA", str(place))
        with pytest.raises(UserError, match=r"/mp/\w+\.\w+ is not there; set MATREPRO_DATA to a data dir") as caught:
            load_source(name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("material_id,Eg\nmp-1,1\n", "has no column 'Eg_exp'; its columns are: material_id, Eg"),
        ("id,Eg_exp\nmp-1,1\n", "has no column 'material_id'; its columns are: id, Eg_exp"),
        ("", "has no column 'material_id'; its columns are: none"),
        ("material_id,Eg_exp\nmp-1,wide\n", "Eg_exp of mp-1 is not a number"),
    ],
)
def test_a_csv_without_what_is_asked_for_is_one_clear_line(directory, text, message):
    (directory / "mp" / "exp_band_gap.csv").write_text(text)
    with pytest.raises(UserError, match=rf"exp_band_gap\.csv.*{message}"):
        load_source("exp-band-gap")


def test_a_list_of_ids_without_the_column(directory):
    (directory / "mp" / "mp_ids_46744.csv").write_text("mp-1\nmp-2\n")
    with pytest.raises(UserError, match=r"mp_ids_46744\.csv has no column 'material_id'"):
        load_source("profit-pbe-gap")


def test_a_truncated_pack_is_one_clear_line(directory):
    pack = directory / "mp" / "mp_structures.h5"
    pack.write_bytes(pack.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"mp_structures\.h5 is not a readable HDF5 file, truncated perhaps"):
        load_source("exp-band-gap")


# --- the real data directory -------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "target", "rows", "unit"),
    [
        ("mp-structures", "eps_profitnet", 1301, "1"),
        ("exp-band-gap", "Eg_exp", 466, "eV"),
        ("exp-formation-enthalpy", "dHf_exp", 1128, "eV/atom"),
    ],
)
def test_the_three_small_sets_of_the_paper(real_data, source, target, rows, unit):
    table = load_source(source).known(target)
    assert len(table) == rows == len(np.unique(table.ids))
    assert table.target(target).unit == unit
    crystal = table.structure(rows // 2)
    assert crystal.volume > 1 and table.n_sites(rows // 2) == len(crystal.numbers)


@pytest.mark.real
def test_measured_gaps_are_those_of_the_file(real_data):
    with open(real_data / "mp" / "exp_band_gap.csv", newline="") as file:
        wanted = {row["material_id"]: row["Eg_exp"] for row in csv.DictReader(file)}
    table = load_source("exp-band-gap")
    exact = [float(wanted[name]) == value for name, value in zip(table.ids, table.target("Eg_exp").values, strict=True)]
    assert np.mean(exact) > 0.95  # all but those measured more than once


@pytest.mark.real
def test_the_large_sets_hold_ids_of_the_list_and_known_values(real_data):
    enthalpy, gap = load_source("profit-pbe-enthalpy"), load_source("profit-pbe-gap")
    with open(real_data / "mp" / "mp_ids_46744.csv", newline="") as file:
        listed = {row["material_id"] for row in csv.DictReader(file)}
    assert len(listed) == 46744
    assert 20_000 < len(gap) < len(enthalpy) <= 46744
    assert set(enthalpy.ids.tolist()) <= listed and set(gap.ids.tolist()) <= listed
    assert np.isfinite(enthalpy.target("formation_energy_per_atom").values).all()
    assert gap.target("band_gap").values.min() > 0


def test_density_of_states_of_the_embedded_set(mini):
    """Up to the Fermi level the curves hold the electrons of the outer shells."""
    table = load_source("mini-dos")
    dos = table.target("total_dos")
    assert dos.values.shape == (336, 40) and dos.unit == "1/(eV atom)" and dos.axis_unit == "eV"
    assert np.allclose(np.diff(dos.axis), 0.5) and dos.axis[0] == -9.75
    assert table.ids.tolist() == mini.ids.tolist() and (dos.values >= 0).all()
    # Two copper atoms and a silver atom with 11 electrons each; the p shell of oxygen.
    for name, atoms, electrons in (("AgCu-C11_b", 3, 33), ("MgO-B1", 2, 6)):
        row = table.ids.tolist().index(name)
        assert dos.values[row][dos.axis < 0].sum() * 0.5 * atoms == pytest.approx(electrons, abs=0.1)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "rows", "target"),
    [("dielectric", 4764, "n"), ("log-kvrh", 10987, "log10_K_VRH"), ("phonons-structures", 1265, "last_phdos_peak")],
)
def test_matbench(real_data, name, rows, target):
    table = load_source(f"matbench-{name}")
    assert len(table) == rows and table.target(target).known.all()
    folds = table.target("fold").values
    assert set(folds) == {0, 1, 2, 3, 4} and np.bincount(folds.astype(int)).min() >= rows // 5
    assert table.has_structures == name.endswith("structures")


def test_the_authors_files_of_the_finder_paper(tmp_path, monkeypatch, mini, capsys):
    """id, formula, target and the text of a CIF; read once, then kept; what is damaged is named."""
    from pymatgen.core import Lattice, Structure

    monkeypatch.setenv("MATREPRO_DATA", str(tmp_path))
    (tmp_path / "finder").mkdir()
    with open(tmp_path / "finder" / "e_form.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "formula", "target", "cif"])
        for row in range(3):
            crystal = mini.structure(row)
            text = Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac).to(fmt="cif")
            rows.writerow([f"mp-{row}", mini.formulas[row], -0.5 * row, text])
        rows.writerow(["mp-bad", "NaCl", 1.0, "data_nothing"])
    table = load_source("finder-e-form")
    assert table.ids.tolist() == ["mp-0", "mp-1", "mp-2"] and table.has_structures
    assert table.target("formation_energy").values.tolist() == [0.0, -0.5, -1.0]
    assert table.target("formation_energy").unit == "eV/atom"
    assert np.array_equal(np.sort(table.structure(1).numbers), np.sort(mini.structure(1).numbers))
    err = capsys.readouterr().err
    assert "left out: mp-bad" in err and "reading the structures" in err
    assert len(load_source("finder-e-form")) == 3 and not capsys.readouterr().err
    with pytest.raises(UserError, match=r"n\.csv is not there; run matrepro data get finder-mp-2021, or put the"):
        load_source("finder-n")
