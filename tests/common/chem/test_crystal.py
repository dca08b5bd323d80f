"""Crystals as plain arrays; input that is no crystal is refused."""

import numpy as np
import pytest

from common.chem.crystal import Crystal, as_crystal
from common.data.materials import formula_of
from common.errors import UserError

CUBE = 4.0 * np.eye(3)


def test_triple_crystal_and_pymatgen_structure_are_one_thing():
    from pymatgen.core import Lattice, Structure

    structure = Structure(Lattice.from_parameters(3, 4, 5, 80, 95, 100), ["Ti", "O"], [[0, 0, 0], [0.5, 0.4, 0.3]])
    triple = ([22, 8], structure.lattice.matrix.tolist(), structure.frac_coords.tolist())
    for one in (structure, triple, as_crystal(triple)):
        crystal = as_crystal(one)
        assert crystal.numbers.tolist() == [22, 8]
        assert np.array_equal(crystal.lattice, structure.lattice.matrix)
        assert np.array_equal(crystal.frac, structure.frac_coords)
        assert crystal.volume == pytest.approx(structure.volume, rel=1e-12)


def test_left_handed_cell_has_a_positive_volume():
    assert as_crystal(([1], CUBE[[1, 0, 2]], [[0, 0, 0]])).volume == pytest.approx(64)


def test_partial_occupancy_is_refused_and_named():
    from pymatgen.core import Lattice, Structure

    structure = Structure(Lattice.cubic(4), [{"Fe": 0.5, "Ni": 0.5}], [[0, 0, 0]])
    with pytest.raises(UserError, match="partial occupancy"):
        as_crystal(structure)


@pytest.mark.parametrize(
    ("structure", "message"),
    [
        (([], CUBE, []), "has no atoms"),
        (([1, 2], CUBE, [[0, 0, 0]]), "2 atomic numbers but 1 positions"),
        (([1], CUBE, [[0, 0, np.nan]]), "not a number"),
        (([1], np.full((3, 3), np.inf), [[0, 0, 0]]), "not a number"),
        (([1], np.diag([5e6, 4, 4]), [[0, 0, 0]]), "vector of 5e[+]06 angstrom is unphysical"),
        (([1], np.diag([0.2, 4, 4]), [[0, 0, 0]]), "vector of 0.2 angstrom is unphysical"),
        (([1], np.ones((3, 3)), [[0, 0, 0]]), "no volume"),
        (([1], np.ones((2, 3)), [[0, 0, 0]]), "not a structure"),
        (([1], CUBE, [[0, 0]]), "not a structure"),
        ((["Na"], CUBE, [[0, 0, 0]]), "not a structure"),
        (([1], CUBE), "not a structure"),
        (None, "not a structure"),
    ],
)
def test_what_is_no_crystal_is_refused_in_one_line(structure, message):
    with pytest.raises(UserError, match=message) as caught:
        as_crystal(structure)
    assert "\n" not in str(caught.value)


def test_formula_is_reduced_and_in_order_of_electronegativity():
    assert formula_of(Crystal(np.array([26, 26, 26, 26, 8, 8, 8, 8, 8, 8]), CUBE, np.zeros((10, 3)))) == "Fe2O3"
    assert formula_of(Crystal(np.array([17, 11]), CUBE, np.zeros((2, 3)))) == "NaCl"
    assert formula_of(Crystal(np.array([14, 14]), CUBE, np.zeros((2, 3)))) == "Si"
