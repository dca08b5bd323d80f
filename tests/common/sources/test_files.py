"""Tables from the user's own files, the sound and the broken."""

import csv
import gzip

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.sources.columns import Heading, heading
from common.sources.files import from_structures, load, read_table
from common.sources.reading import read_cif, read_file
from tests.structure_files import BROKEN, CIF, POSCAR


def write_csv(path, *rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture
def crystals(tmp_path):
    """A folder with three copies of rock salt and one file that is no structure."""
    folder = tmp_path / "crystals"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.cif").write_text(CIF)
    (folder / "atom_init.json").write_text("{}")
    return folder


# --- structures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x.cif", "POSCAR", "CONTCAR_2", "x.vasp", "x.poscar", "x.txt", "no_suffix"])
def test_one_structure_under_any_name(tmp_path, name):
    is_cif = name in ("x.cif", "x.txt")
    (tmp_path / name).write_text(CIF if is_cif else POSCAR)
    crystal, formula = read_file(tmp_path / name)
    assert formula == "NaCl"
    assert sorted(set(crystal.numbers.tolist())) == [11, 17]
    assert crystal.volume / len(crystal.numbers) == pytest.approx(5.64**3 / 8, rel=1e-6)


def test_compressed_cif_is_the_same(tmp_path):
    (tmp_path / "x.cif.gz").write_bytes(gzip.compress(CIF.encode()))
    one, other = read_file(tmp_path / "x.cif.gz").crystal, read_cif(CIF).crystal
    np.testing.assert_array_equal(one.frac, other.frac)
    np.testing.assert_array_equal(one.numbers, other.numbers)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_file_is_left_out_and_the_rest_goes_on(tmp_path, name):
    text, words = BROKEN[name]
    (tmp_path / name).write_text(text)
    (tmp_path / "good.cif").write_text(CIF)
    paths = [tmp_path / name, tmp_path / "good.cif"]
    table, left_out = load(paths)
    assert table.ids.tolist() == ["good"]
    assert list(left_out) == [str(paths[0])]
    assert words in left_out[str(paths[0])] and "\n" not in left_out[str(paths[0])]
    with pytest.raises(UserError, match=name):
        load(paths, strict=True)


def test_missing_file_of_a_batch(tmp_path):
    (tmp_path / "good.cif").write_text(CIF)
    _, left_out = load([tmp_path / "good.cif", tmp_path / "gone.cif"])
    assert left_out == {str(tmp_path / "gone.cif"): "there is no such file"}
    with pytest.raises(UserError, match=r"gone\.cif does not exist"):
        load(tmp_path / "gone.cif")


def test_names_that_meet_keep_their_file(tmp_path):
    (tmp_path / "x.cif").write_text(CIF)
    (tmp_path / "x.vasp").write_text(POSCAR)
    (tmp_path / "y.cif").write_text(CIF)
    table = read_table(tmp_path)
    assert table.ids.tolist() == [str(tmp_path / "x.cif"), str(tmp_path / "x.vasp"), "y"]


def test_folder_of_calculations(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "POSCAR").write_text(POSCAR)
    assert read_table(tmp_path).ids.tolist() == ["one/POSCAR", "two/POSCAR"]


def test_folder_without_structures(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"holds neither id_prop\.csv nor structure files"):
        load(tmp_path)


def test_two_processes_read_what_one_reads(crystals):
    (crystals / "bad.cif").write_text("")
    one, two = load(crystals), load(crystals, jobs=2)
    assert one.table.digest() == two.table.digest()
    assert one.left_out == two.left_out and len(one.left_out) == 1


# --- id_prop.csv ---------------------------------------------------------------------------------


def test_id_prop_without_header(crystals):
    write_csv(crystals / "id_prop.csv", ["a", 1.5], ["b.cif", -2])
    table, left_out = load(crystals, target="gap", unit="eV")
    assert table.ids.tolist() == ["a", "b.cif"] and not left_out
    assert table.target("gap").values.tolist() == [1.5, -2] and table.target("gap").unit == "eV"


@pytest.mark.parametrize("target", ["gap", "gap (eV)", ""])
def test_id_prop_with_header_and_unit(crystals, target):
    write_csv(crystals / "id_prop.csv", ["file", "gap (eV)"], ["a", 1.5], ["b", 2])
    table = read_table(crystals, target=target)
    assert table.target("gap").values.tolist() == [1.5, 2] and table.target("gap").unit == "eV"
    assert read_table(crystals / "id_prop.csv", target=target).digest("gap") == table.digest("gap")


def test_id_prop_takes_the_unit_from_the_named_target(crystals):
    write_csv(crystals / "id_prop.csv", ["a", 1.5])
    assert read_table(crystals, target="gap (eV)").target("gap").unit == "eV"


def test_id_prop_lists_what_is_wrong(crystals):
    rows = ["a", 1], ["b", "high"], ["c", ""], ["gone", 4]
    write_csv(crystals / "id_prop.csv", *rows)
    table, left_out = load(crystals, target="gap")
    assert table.ids.tolist() == ["a"]
    assert list(left_out) == ["b", "c", "gone"]
    assert "gap is 'high', which is not a number" in left_out["b"]
    assert "has no value of gap" in left_out["c"]
    assert "gone.cif: there is no such file" in left_out["gone"]
    # For a prediction the values do not matter.
    assert load(crystals).table.ids.tolist() == ["a", "b", "c"]


def test_id_prop_with_more_columns_needs_a_header(crystals):
    write_csv(crystals / "id_prop.csv", ["a", 1, 2])
    with pytest.raises(UserError, match="add a header row"):
        load(crystals, target="gap")
    write_csv(crystals / "id_prop.csv", ["id", "gap", "energy"], ["a", 1, 2])
    assert read_table(crystals, target="energy").target("energy").values.tolist() == [2]


# --- CSV -----------------------------------------------------------------------------------------


def test_formulas_and_all_numeric_columns(tmp_path):
    path = write_csv(
        tmp_path / "x.csv",
        ["material_id", "Formula", "gap (eV)", "T [K]", "note", "nothing"],
        ["m1", "Ti2O4", "3.2", "", "fine", ""],
        ["m2", "Ca(OH)2", "n/a", "300", "", ""],
    )
    table, left_out = load(path)
    assert not left_out and not table.has_structures
    assert table.ids.tolist() == ["m1", "m2"] and table.formulas.tolist() == ["TiO2", "Ca(HO)2"]
    assert sorted(table.targets) == ["T", "gap"]
    np.testing.assert_array_equal(table.target("gap").values, [3.2, np.nan])
    assert (table.target("gap").unit, table.target("T").unit) == ("eV", "K")


@pytest.mark.parametrize("formula", ["", "nan", "TiO2-x", "D2O", "Qq2O", "X2"])
def test_formula_that_is_none(tmp_path, formula):
    path = write_csv(tmp_path / "x.csv", ["formula", "gap"], ["Si", 1.1], [formula, 2])
    table, left_out = load(path, target="gap")
    assert table.ids.tolist() == ["1"] and list(left_out) == ["2"]


def test_cif_column_with_paths_or_text(tmp_path):
    (tmp_path / "cifs").mkdir()
    (tmp_path / "cifs" / "x.cif").write_text(CIF)
    path = write_csv(
        tmp_path / "x.csv",
        ["id", "cif", "gap"],
        ["path", "cifs/x.cif", 1],
        ["text", CIF, 2],
        ["gone", "cifs/gone.cif", 3],
        ["none", "", 4],
        ["bad", BROKEN["deuterium.cif"][0], 5],
    )
    table, left_out = load(path, target="gap")
    assert table.ids.tolist() == ["path", "text"] and table.target("gap").values.tolist() == [1, 2]
    np.testing.assert_array_equal(table.structure(0).frac, table.structure(1).frac)
    assert list(left_out) == ["gone", "none", "bad"]
    assert str(tmp_path / "cifs" / "gone.cif") in left_out["gone"]


def test_cif_text_longer_than_pythons_limit(tmp_path):
    path = write_csv(tmp_path / "x.csv", ["id", "cif"], ["long", CIF + "# comment\n" * 20_000])
    assert read_table(path).formulas.tolist() == ["NaCl"]


def test_semicolons_and_byte_order_mark(tmp_path):
    (tmp_path / "x.csv").write_bytes("\ufeffid;formula;gap\na;Si;1.1\nb;Ge;0,7\n".encode())
    table, left_out = load(tmp_path / "x.csv", target="gap")
    assert table.ids.tolist() == ["a"] and "'0,7', which is not a number" in left_out["b"]


@pytest.mark.parametrize("value", ["", "nan", "None", "high", "inf"])
def test_target_that_is_no_number(tmp_path, value):
    path = write_csv(tmp_path / "x.csv", ["id", "formula", "gap"], ["a", "Si", 1.1], ["b", "Ge", value])
    table, left_out = load(path, target="gap")
    assert table.ids.tolist() == ["a"] and "gap" in left_out["b"]
    with pytest.raises(UserError, match=r"^b: "):
        load(path, target="gap", strict=True)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["id", "formula"], ["a", "Si"]], "has no column 'gap'"),
        ([["id", "gap"], ["a", 1]], "neither a formula nor a cif column"),
        ([["id", "formula", "gap"], ["a", "Si", 1], ["a", "Ge", 2]], "id a stands in rows 1 and 2"),
        ([["id", "formula", "gap", "gap (eV)"], ["a", "Si", 1, 2]], "two columns called 'gap'"),
        ([["id", "formula", "gap"]], "no rows"),
        ([], "is empty"),
    ],
)
def test_csv_that_is_refused(tmp_path, rows, words):
    path = write_csv(tmp_path / "x.csv", *rows)
    with pytest.raises(UserError, match=words) as caught:
        load(path, target="gap")
    assert "x.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_rows_with_missing_id_or_too_many_cells(tmp_path):
    rows = ["id", "formula", "gap"], ["", "Si", 1], ["b", "Ge", 1, 5], ["c", "Sn", 2], ["d"]
    _, left_out = load(write_csv(tmp_path / "x.csv", *rows), target="gap")
    assert list(left_out) == ["row 1", "b", "d"]
    assert "4 cells, the header has 3" in left_out["b"]


def test_csv_that_is_not_text(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00formula")
    with pytest.raises(UserError, match="UTF-8"):
        load(tmp_path / "x.csv")


def test_units_that_disagree(tmp_path):
    path = write_csv(tmp_path / "x.csv", ["formula", "gap (eV)"], ["Si", 1.1])
    assert read_table(path, target="gap", unit="eV").target("gap").unit == "eV"
    for named in ({"target": "gap", "unit": "meV"}, {"target": "gap (meV)"}):
        with pytest.raises(UserError, match="in eV, not in meV"):
            load(path, **named)


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [("gap (eV)", "gap", "eV"), ("E_f [eV/atom]", "E_f", "eV/atom"), ("gap", "gap", ""), ("(x)", "(x)", "")],
)
def test_heading(text, name, unit):
    assert heading(text) == Heading(name, unit)


# --- tables and objects --------------------------------------------------------------------------


def test_hdf5_table(tmp_path):
    table = MaterialsDataset(["a", "b"], ["Si", "Ge"], targets={"gap": Target(np.array([1.1, np.nan]), "")})
    table.to_hdf5(tmp_path / "x.h5")
    loaded = read_table(tmp_path / "x.h5", target="gap", unit="eV")
    assert loaded.target("gap").unit == "eV" and loaded.ids.tolist() == ["a", "b"]
    with pytest.raises(UserError, match="no target 'energy'"):
        load(tmp_path / "x.h5", target="energy")
    (tmp_path / "y.h5").write_bytes((tmp_path / "x.h5").read_bytes()[:300])
    with pytest.raises(UserError, match=r"y\.h5 is not a readable HDF5 file"):
        load(tmp_path / "y.h5")


def test_a_table_stands_alone(tmp_path, crystals):
    path = write_csv(tmp_path / "x.csv", ["formula"], ["Si"])
    with pytest.raises(UserError, match="give it alone"):
        load([crystals, path])


def test_pymatgen_objects():
    from pymatgen.core import Lattice, Structure

    positions = [[0, 0, 0], [0.5, 0.5, 0.5]]
    charged = Structure(Lattice.cubic(4.1), ["Cs+", "Cl-"], positions)
    mixed = Structure(Lattice.cubic(4.1), [{"Cs": 0.5, "K": 0.5}, "Cl"], positions)
    table, left_out = from_structures(
        {"good": charged, "mixed": mixed, "text": "CsCl"}, targets={"gap": Target(np.array([8.3, 1, 2]), "eV")}
    )
    assert table.formulas.tolist() == ["CsCl"] and table.target("gap").values.tolist() == [8.3]
    assert list(left_out) == ["mixed", "text"]
    assert from_structures([charged, charged]).table.ids.tolist() == ["1", "2"]
    with pytest.raises(UserError, match=r"^mixed: "):
        from_structures({"mixed": mixed}, strict=True)
    with pytest.raises(UserError, match="1 ids for 2 structures"):
        from_structures([charged, charged], ["a"])
    with pytest.raises(UserError, match="more than once"):
        from_structures([charged, charged], ["a", "a"])


def test_read_table_warns_of_what_is_left_out(crystals):
    (crystals / "bad.cif").write_text("")
    with pytest.warns(UserWarning, match=r"1 left out, the first of them .*bad\.cif: the file is empty"):
        assert len(read_table(crystals)) == 3


def test_a_formula_that_disagrees_with_its_structure(tmp_path):
    """Another way to write the ratio agrees, and a column of names says nothing."""
    formula = read_cif(CIF).formula
    (tmp_path / "x.cif").write_text(CIF)
    said = {"same": formula, "twice": f"({formula})2", "other": "SrTiO3", "name": "my sample", "none": ""}
    lines = ["id,formula,cif", *(f"{name},{text},x.cif" for name, text in said.items())]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    table, left_out = load(tmp_path / "t.csv")
    assert table.ids.tolist() == ["same", "twice", "name", "none"] and set(table.formulas.tolist()) == {formula}
    assert left_out == {"other": f"its formula is SrTiO3, its structure {formula}; correct one of them"}
