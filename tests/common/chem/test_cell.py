"""The limits of unit cells, and that every package refuses what lies outside them."""

import numpy as np
import pytest

from common.baselines.neighbours import neighbours
from common.chem.cell import LONGEST_VECTOR, check_lattice, check_parameters
from common.chem.protostructure import wyckoff_sites
from common.data.materials import MaterialsDataset, StructureStore
from common.errors import UserError
from common.sources.reading import read_cif
from diffcomp.diffraction.images import image
from esnet.dft.backends import compute
from finder.graphs import crystal_graph
from profitnet.features import species_weights

CIF = """data_x
_cell_length_a {a}
_cell_length_b 4
_cell_length_c 4
_cell_angle_alpha {alpha}
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na1 Na 0 0 0
Cl1 Cl {x} 0 0
"""

CUBE = 4.0 * np.eye(3)
#: What a structure file or a table may hold, and the reason for which it is refused.
UNPHYSICAL = {
    "long": (np.diag([5e6, 4, 4]), 0.5, "lattice vector of 5e[+]06 angstrom is unphysical"),
    "thin": (np.diag([0.2, 4, 4]), 0.5, "lattice vector of 0.2 angstrom is unphysical"),
    "close": (CUBE, 0.0015, "two atoms are only 0.006 angstrom apart"),
}
FEATURIZERS = {
    "profitnet": species_weights,
    "finder": crystal_graph,
    "cgcnn": lambda crystal: neighbours(crystal, 8.0, 12),
    "wren": wyckoff_sites,
    "diffcomp": lambda crystal: image(crystal, 16),
    "esnet": lambda crystal: compute(crystal, backend="none"),
}


@pytest.mark.parametrize("name", FEATURIZERS)
@pytest.mark.parametrize("case", UNPHYSICAL)
def test_every_package_refuses_unphysical_cells_of_a_table(name, case):
    lattice, x, reason = UNPHYSICAL[case]
    store = StructureStore(np.array([0, 2]), lattice[None], np.array([11, 17]), np.array([[0.0, 0, 0], [x, 0, 0]]))
    table = MaterialsDataset(["bad"], ["NaCl"], store)
    with pytest.raises(UserError, match=reason) as caught:
        FEATURIZERS[name](table.structure(0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("a", "alpha", "x", "reason"),
    [
        ("-4", "90", "0.5", "edge of -4 angstrom; correct the cell lengths"),
        ("0.0", "90", "0.5", "edge of 0 angstrom"),
        ("-4.05(2)", "90", "0.5", "edge of -4.05 angstrom"),
        ("4", "-90", "0.5", "angle of -90 degrees"),
        ("4", "200", "0.5", "angle of 200 degrees"),
        ("5e6", "90", "0.5", "lattice vector of 5e[+]06 angstrom"),
        ("0.2", "90", "0.5", "lattice vector of 0.2 angstrom"),
        ("4", "90", "0.0015", "two atoms are only 0.006 angstrom apart"),
        ("4\0", "90", "0.5", "cannot be read as a structure"),
    ],
)
def test_a_file_with_an_unphysical_cell_is_refused(a, alpha, x, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read_cif(CIF.format(a=a, alpha=alpha, x=x))
    assert "\n" not in str(caught.value) and "\0" not in str(caught.value)


def test_ordinary_and_large_cells_pass():
    assert read_cif(CIF.format(a="4.05(2)", alpha="90.0", x="0.5")).formula == "NaCl"
    check_lattice(np.diag([2.5, 2.5, LONGEST_VECTOR]))
    check_parameters([2.5, 2.5, 400.0], [60, 90, 179.0])


def test_ids_with_nul_are_refused():
    with pytest.raises(UserError, match=r"id 'a\\x00b' contains a NUL character"):
        MaterialsDataset(["x", "a\0b"], ["NaCl", "Si"])
