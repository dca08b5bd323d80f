"""Input that used to be misread in silence, or refused for a reason that was not the right one."""

import gzip
import json
import os
import re

import numpy as np
import pytest

from common.data.loading import load_data, load_labeled, make_split
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.sources.files import from_structures, load, read_table
from common.train.recipes.recipe import Recipe
from profitnet.regressor import OFMCNN

CIF = """data_x
_cell_length_a 4
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na1 Na 0 0 0
Cl1 Cl 0.5 0.5 0.5
"""
POSCAR = "NaCl\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"


def csv_of(folder, text, name="x.csv"):
    (folder / name).write_text(text)
    return folder / name


def test_one_bad_number_does_not_hide_the_target(tmp_path):
    path = csv_of(tmp_path, "id,formula,gap,group\na,Si,1.1,x\nb,Ge,0.7,y\nc,NaCl,8;5,3\n")
    with pytest.warns(UserWarning, match="gap of c is '8;5', which is not a number"):
        table = load(path).table
    assert list(table.targets) == ["gap"] and np.isnan(table.target("gap").values[2])
    with pytest.warns(UserWarning):
        assert load_labeled(str(path)).left_out == {"c": "no value of gap"}
    path = csv_of(tmp_path, "id,formula,gap\na,Si,1e302\nb,Ge,0.7\n")
    with pytest.warns(UserWarning, match=r"gap of a is '1e302'.*unusable in 1 of 2 rows, is left out"):
        assert not load(path).table.targets


def test_values_beyond_single_precision_are_named(tmp_path):
    left_out = load(csv_of(tmp_path, "id,formula,gap\na,Si,1e302\nb,Ge,-1\n"), target="gap").left_out
    assert list(left_out) == ["a"] and left_out["a"].startswith("gap is '1e302', which is beyond 1e+18")
    table = MaterialsDataset(["a", "b"], ["Si", "Ge"]).with_target("gap", np.array([1e302, 1.0]), "eV")
    with pytest.raises(UserError, match="gap of a is beyond"):
        OFMCNN().fit(table, "gap", Split(("a", "b"), (), ()))


@pytest.mark.parametrize("name", ["x.csv.gz", "X.CSV.GZ", "x.tsv.gz"])
def test_compressed_tables(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress(b"formula\tgap (eV)\nSi\t1.1\n"))
    table = load(tmp_path / name).table
    assert table.formulas.tolist() == ["Si"] and table.target("gap").unit == "eV"


def test_a_folder_without_values(tmp_path):
    table = csv_of(tmp_path, "formula,gap\nSi,1.1\n")
    with pytest.raises(UserError, match="neither id_prop.csv nor structure files.*" + re.escape(f"{table} is a table")):
        load(tmp_path)
    csv_of(tmp_path, CIF, "a.cif")
    for target in ("", "gap"):
        with pytest.raises(UserError, match=r"has no .*id_prop\.csv with values"):
            load_labeled(str(tmp_path), target)


def test_a_file_and_a_formula_of_one_name(tmp_path):
    path = str(csv_of(tmp_path, CIF, "NaCl.cif"))
    assert load_data([path, "NaCl"], formulas=True).table.ids.tolist() == [path, "NaCl"]


def test_formulas_have_one_order(tmp_path):
    path = csv_of(tmp_path, "id,formula\na,F2Cd\nb,CdF2\n")
    assert load(path).table.formulas.tolist() == ["CdF2", "CdF2"]


@pytest.mark.parametrize(("name", "text"), [("x.cif", CIF), ("POSCAR", POSCAR), ("x.vasp", POSCAR)])
def test_encodings_and_line_ends(tmp_path, name, text):
    for data in (
        text.encode("utf-16"),
        text.encode("utf-8-sig"),
        text.replace("\n", "\r").encode(),
        text.replace("\n", "\r\n").encode(),
    ):
        (tmp_path / name).write_bytes(data)
        table, left_out = load(tmp_path / name)
        assert not left_out and table.formulas.tolist() == ["NaCl"] and table.n_sites(0) == 2


def test_ids_of_a_split_may_be_whole_numbers(tmp_path):
    table = load(csv_of(tmp_path, "formula,gap\nSi,1\nGe,2\nC,3\n")).table
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": [1, 2], "test": [3]}))
    assert make_split(table, split_file=str(path)) == Split(("1", "2"), (), ("3",))
    for wrong in ([1.5], [None], [True], "abc", {"a": 1}):
        path.write_text(json.dumps({"train": wrong}))
        with pytest.raises(UserError, match="is not a split"):
            Split.load(path)


def test_predictions_that_are_no_numbers_name_file_and_id(tmp_path):
    path = csv_of(tmp_path, "id,target,prediction\na,1,2\nb,1,nan\n")
    with pytest.raises(UserError, match=r"x\.csv: the prediction for b is not a finite number"):
        Predictions.load(path)


def test_python_objects_of_other_types(mini):
    pandas = pytest.importorskip("pandas")
    with pytest.raises(UserError, match="a path or a list of paths is needed, not DataFrame"):
        read_table(pandas.DataFrame({"formula": ["Si"]}))
    structure = mini.structure(0)
    with pytest.raises(UserError, match="a MaterialsDataset is needed, not list"):
        OFMCNN().fit([structure], "gap", Split(("a",), (), ()))
    for empty in ([], ()):
        with pytest.raises(UserError, match="a path or a list of paths"):
            load(empty)


def test_ids_as_a_series():
    pandas = pytest.importorskip("pandas")
    from pymatgen.core import Lattice, Structure

    structures = [Structure(Lattice.cubic(4), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])] * 2
    table, _ = from_structures(structures, ids=pandas.Series(["a", "b"], index=[7, 9]))
    assert table.ids.tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [("epochs", "x", "a whole number"), ("batch", 1.5, "a whole number"), ("decay", None, "a number"),
     ("learning_rate", float("nan"), "a number")],
)  # fmt: skip
def test_settings_of_the_wrong_type(name, value, what):
    with pytest.raises(UserError, match=f"{name} is .*; write {what}"):
        Recipe(**{name: value})


@pytest.mark.parametrize("name", ["a\0b", "9" * 5000])
def test_ids_that_cannot_be_file_names(tmp_path, name):
    csv_of(tmp_path, f"id,gap\n{name},1.5\nb,2\n", "id_prop.csv")
    csv_of(tmp_path, CIF, "b.cif")
    table, left_out = load(tmp_path)
    assert table.ids.tolist() == ["b"] and len(left_out) == 1


def test_numbers_beyond_64_bits():
    with pytest.raises(UserError, match="not a structure"):
        MaterialsDataset.from_structures(["a"], [([10**30], np.eye(3) * 4, [[0, 0, 0]])])


def test_file_names_that_are_no_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.cif")
    with open(path, "w") as file:
        file.write(CIF)
    table = load(tmp_path).table
    assert table.ids.tolist() == ["\\xff"] and table.digest()
