"""Datasets from what Python users hold: mixtures of formulas, objects, files, frames; every refusal is one line."""

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure

from common.chem.formula import normalize_formula
from common.errors import UserError
from common.sources.inputs import as_dataset, labeled

SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


class Atoms:
    """The part of ASE's `Atoms` that is used."""

    def __init__(self, structure, pbc=True, cell=None):
        self.structure_ = structure
        self.pbc, self.cell = [pbc] * 3, structure.lattice.matrix if cell is None else cell

    def get_chemical_symbols(self):
        return [site.specie.symbol for site in self.structure_]

    def get_atomic_numbers(self):
        return np.array(self.structure_.atomic_numbers)

    def get_cell(self):
        return self.cell

    def get_pbc(self):
        return np.array(self.pbc)

    def get_scaled_positions(self, wrap=True):
        return self.structure_.frac_coords


def test_a_mixture_is_one_dataset_in_order(mini, tmp_path):
    path = tmp_path / "salt.cif"
    SALT.to(filename=str(path))
    frame = pd.DataFrame({"id": ["x"], "formula": ["GaAs"]})
    things = ["SrTiO3", SALT, Composition("Fe2O3"), Atoms(SALT), path, str(path), path.read_text(), frame]
    table, left_out = as_dataset([*things, mini.take(np.arange(2)), mini.structure(0)])
    assert not left_out and len(table) == len(things) + 3
    formulas = ["SrTiO3", "NaCl", "Fe2O3", *["NaCl"] * 4, "GaAs", *map(normalize_formula, mini.formulas[[0, 1, 0]])]
    assert table.formulas.tolist() == formulas
    assert table.ids.tolist()[:6] == ["SrTiO3", "2", "3", "4", str(path), f"{path} #2"]
    assert table.ids.tolist()[7:10] == ["x", *mini.ids[:2]]
    assert [table.n_sites(row) for row in range(8)] == [0, 8, 0, 8, 8, 8, 8, 0]


@pytest.mark.parametrize("thing", ["SrTiO3", SALT, Composition("NaCl"), Atoms(SALT), ["NaCl"], np.array(["NaCl"])])
def test_one_material_or_a_list(thing):
    assert len(as_dataset(thing).table) == 1


def test_datasets_pass_unchanged(mini):
    assert as_dataset(mini).table is mini


@pytest.mark.parametrize("column", ["structure", "cif", "formula", "Formula"])
def test_columns_of_frames(column):
    value = {"structure": SALT, "cif": SALT.to(fmt="cif")}.get(column, "NaCl")
    table = as_dataset(pd.DataFrame({"other": [1.0, 2.0], column: [value, value]}, index=["a", "b"])).table
    assert table.ids.tolist() == ["a", "b"] and table.formulas.tolist() == ["NaCl", "NaCl"]


def test_missing_cells_of_a_frame_are_left_out():
    """They are no second type beside that of the others."""
    for missing in (None, float("nan"), pd.NA):
        table, left_out = as_dataset(pd.DataFrame({"formula": ["NaCl", missing]}))
        assert table.ids.tolist() == ["0"] and left_out == {"1": "the value is missing"}


def test_the_first_column_with_a_value_is_read():
    frame = pd.DataFrame({"structure": [None, np.nan], "formula": ["NaCl", "KCl"]})
    assert as_dataset(frame).table.formulas.tolist() == ["NaCl", "KCl"]


def test_texts_may_end_in_a_line_break_and_have_subscripts():
    table = as_dataset(["NaCl\n", " SrTiO₃ "]).table
    assert table.ids.tolist() == ["NaCl", "SrTiO₃"] and table.formulas.tolist() == ["NaCl", "SrTiO3"]


def test_a_structure_as_pymatgen_writes_it():
    assert as_dataset([SALT.as_dict()]).table.formulas.tolist() == ["NaCl"]


def test_a_series_names_its_unit():
    for name, unit in (("gap (eV)", "eV"), ("gap", ""), (None, "")):
        assert labeled(["NaCl"], pd.Series([1.0], name=name)).target("y").unit == unit


def test_what_cannot_be_read_is_listed():
    table, left_out = as_dataset(["NaCl", "Xx2", SALT])
    assert table.ids.tolist() == ["NaCl", "3"] and list(left_out) == ["Xx2"]


DISORDERED = Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [[0, 0, 0]])


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (3, "a int is not a material"),
        ([], "there are no materials"),
        ([3.5], "float is neither a formula nor a pymatgen Structure"),
        ({"formula": ["NaCl"]}, "a dictionary is not a list of materials"),
        ([float("nan")], "missing"),
        (["none/such.cif"], "there is no such file"),
        (Atoms(SALT, pbc=False), "not periodic in three directions"),
        (Atoms(SALT, cell=np.zeros((3, 3))), "not periodic in three directions"),
        (DISORDERED, "partial occupancy"),
        (pd.DataFrame({"name": ["NaCl"]}), "no column structure, cif or formula; its columns are: name"),
        (pd.DataFrame({"formula": ["NaCl", 3]}), "mixes int and str"),
        (pd.DataFrame([["NaCl", "KCl"]], columns=["formula", "formula"]), "two columns of the table"),
        (["Li-Fe-O"], "not a chemical formula"),
    ],
)
def test_refusals(thing, message):
    with pytest.raises(UserError, match=message) as caught:
        as_dataset(thing)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, float("nan")], "y holds NaN or infinity, first in row 1"),
        ([1.0], r"the shape \(1,\) for 2 materials"),
        (["a", "b"], "y must hold numbers"),
    ],
)
def test_wrong_values_are_named(values, message):
    with pytest.raises(UserError, match=message):
        labeled(["NaCl", "KCl"], values)


def test_a_material_that_cannot_be_read_has_no_value():
    with pytest.raises(UserError, match=r"^one material cannot be read; remove Xx2: Xx is not a chemical element"):
        labeled(["NaCl", "Xx2"], [1.0, 2.0])


def test_labeled_datasets_keep_their_ids(mini):
    few = mini.take(np.arange(3))
    assert labeled(few, [1, 2, 3]).ids.tolist() == few.ids.tolist()
