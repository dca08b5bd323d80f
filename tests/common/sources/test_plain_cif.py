"""CIFs without symmetry are read as pymatgen reads them, and all others are left to it."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from common.chem.cell import lattice_vectors
from common.errors import UserError
from common.sources import reading
from common.sources.plain_cif import read_plain

PLAIN = """data_x
_symmetry_space_group_name_H-M   'P 1'
_cell_length_a   4.0
_cell_length_b   4.5
_cell_length_c   5.0
_cell_angle_alpha   90
_cell_angle_beta   95.5
_cell_angle_gamma   120
_chemical_formula_sum   'Na1 Cl1'
loop_
 _symmetry_equiv_pos_site_id
 _symmetry_equiv_pos_as_xyz
  1  'x, y, z'
loop_
 _atom_site_type_symbol
 _atom_site_label
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 _atom_site_occupancy
  Cl  Cl0  0.5  -0.25  0.6667  1
  Na  Na1  0.0  0.0  1.0  1.0
"""


def as_pymatgen(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reading._read(lambda: Structure.from_str(text, fmt="cif"))


def assert_same(text):
    ours, theirs = read_plain(text), as_pymatgen(text)
    for one, other in zip(ours, theirs.crystal, strict=True):
        np.testing.assert_array_equal(one, other)
    assert reading.read_cif(text).formula == theirs.formula


def test_order_thirds_and_cell_are_those_of_pymatgen():
    assert_same(PLAIN)
    crystal = read_plain(PLAIN)
    assert crystal.numbers.tolist() == [11, 17]
    np.testing.assert_array_equal(crystal.frac, [[0, 0, 0], [0.5, 0.75, 2 / 3]])


@given(
    st.lists(st.sampled_from(["H", "C", "Se", "Ru", "Pd", "La", "Tb", "O"]), min_size=1, max_size=6),
    st.tuples(*[st.floats(3.0, 9.0)] * 3),
    st.tuples(*[st.floats(65.0, 115.0)] * 3),
    st.randoms(use_true_random=False),
)
def test_random_cells(symbols, lengths, angles, random):
    lattice = Lattice.from_parameters(*lengths, *angles)
    np.testing.assert_array_equal(lattice_vectors(lengths, angles), lattice.matrix)
    shifts = [
        [k / 6 + random.uniform(0, 0.01), random.randrange(3) / 3, random.uniform(-2, 2)] for k in range(len(symbols))
    ]
    text = str(CifWriter(Structure(lattice, symbols, shifts)))
    if read_plain(text) is None:  # atoms too close, which is for the other reader to say
        with pytest.raises(UserError):
            reading._check(as_pymatgen(text))
    else:
        assert_same(text)


def test_the_embedded_crystals(mini):
    for row in range(0, len(mini), 9):
        crystal = mini.structure(row)
        assert_same(str(CifWriter(Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac))))


def test_what_ase_writes(mini, tmp_path):
    from ase import Atoms
    from ase.io import write

    crystal = mini.structure(5)
    atoms = Atoms(numbers=crystal.numbers, cell=crystal.lattice, scaled_positions=crystal.frac, pbc=True)
    write(tmp_path / "x.cif", atoms)
    assert_same((tmp_path / "x.cif").read_text())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'P 1'", "'F m -3 m'"),
        ("'x, y, z'", "'-x, y, z'"),
        ("  1  'x, y, z'", "  1  'x, y, z'\n  2  '-x, -y, -z'"),
        ("0.6667  1", "0.6667  0.5"),
        ("Cl  Cl0", "Cl-  Cl0"),
        ("Cl  Cl0", "D  D0"),
        ("0.5  -0.25", "0.5(1)  -0.25"),
        ("0.5  -0.25", "?  -0.25"),
        ("0.5  -0.25  0.6667", "0.0  0.0  0.00001"),
        ("'Na1 Cl1'", "'Na1 Cl1 H2'"),
        ("'Na1 Cl1'", "'Na2 Cl1'"),
        ("data_x", "data_x\n_atom_type_oxidation_number 1"),
        ("data_x", "data_x\n_cell_wave_vector 1"),
        ("data_x", "# only a comment"),
        ("_atom_site_occupancy", "_atom_site_disorder_group"),
        ("data_x", "data_x\n_cell_length_a 3.0"),
        ("_atom_site_type_symbol", "_atom_site_unknown"),
        ("  Na  Na1  0.0  0.0  1.0  1.0\n", "  Na  Na1  0.0  0.0  1.0\n"),
        ("  Na  Na1  0.0  0.0  1.0  1.0\n", "  Na  Na1  0.0\n  0.0  1.0  1.0\n"),
        ("Cl  Cl0", "He  He0"),
        ("120\n", "4\n"),
        ("_atom_site_label\n", "_atom_site_symmetry_multiplicity\n"),
        ("_cell_length_a   4.0", "loop_\n_cell_length_a\n4.0\n5.0"),
        ("_symmetry_space_group_name_H-M   'P 1'", "loop_\n_symmetry_space_group_name_H-M\n'P 1'"),
        ("_chemical_formula_sum   'Na1 Cl1'", "loop_\n_chemical_formula_sum\n'Na1 Cl1'"),
        ("data_x", "data_x\n_atom_site_occupancy 1"),
        ("data_x", "data_x\n_symmetry_equiv_pos_as_xyz 'x, y, z'"),
    ],
)
def test_left_to_pymatgen(old, new):
    assert old in PLAIN and read_plain(PLAIN.replace(old, new)) is None


def test_lists_of_different_lengths():
    text = (
        PLAIN.replace(" _atom_site_occupancy\n", "").replace("0.6667  1\n", "0.6667\n").replace("1.0  1.0\n", "1.0\n")
    )
    assert read_plain(text) is not None
    assert read_plain(text + "loop_\n_atom_site_occupancy\n1\n1\n1\n") is None


def test_without_any_word_on_symmetry():
    lines = PLAIN.splitlines()
    assert read_plain("\n".join([lines[0], *lines[2:9], *lines[13:]])) is None
