"""Space groups are those that the structures were made with."""

import numpy as np
import pytest

from common.data.materials import MaterialsDataset
from common.errors import UserError
from diffcomp.symmetry import SYSTEMS, crystal_system, space_group, space_groups

#: Symbol, number, crystal system, cell, elements and their places.
CASES = [
    ("Fm-3m", 225, "cubic", (5.6, 5.6, 5.6, 90, 90, 90), "Na Cl", [[0, 0, 0], [0.5, 0.5, 0.5]]),
    ("P4_2/mnm", 136, "tetragonal", (4.6, 4.6, 2.96, 90, 90, 90), "Ti O", [[0, 0, 0], [0.305, 0.305, 0]]),
    ("P6_3mc", 186, "hexagonal", (3.25, 3.25, 5.2, 90, 90, 120), "Zn O", [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.38]]),
    ("R-3c", 167, "trigonal", (4.76, 4.76, 12.99, 90, 90, 120), "Al O", [[0, 0, 0.352], [0.306, 0, 0.25]]),
    ("P2_1/c", 14, "monoclinic", (5.1, 5.2, 5.3, 90, 99, 90), "Zr O", [[0.27, 0.04, 0.21], [0.07, 0.33, 0.34]]),
]


@pytest.mark.parametrize(("symbol", "number", "system", "cell", "species", "places"), CASES)
def test_known_structures(symbol, number, system, cell, species, places):
    from pymatgen.core import Lattice, Structure

    from common.chem.crystal import as_crystal

    structure = Structure.from_spacegroup(symbol, Lattice.from_parameters(*cell), species.split(), places)
    found = space_group(as_crystal(structure.get_primitive_structure()))
    assert found == number and crystal_system(found) == system


def test_every_number_has_a_system():
    systems = [crystal_system(number) for number in range(1, 231)]
    assert list(dict.fromkeys(systems)) == list(SYSTEMS) and systems.count("cubic") == 36
    for number in (0, 231):
        with pytest.raises(UserError, match="is no space group"):
            crystal_system(number)


def test_a_table_and_what_has_no_space_group():
    cube = (np.array([11, 17]), np.eye(3) * 4.0, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    doubled = (np.array([11, 11]), np.eye(3) * 4.0, np.zeros((2, 3)))
    assert space_groups(MaterialsDataset.from_structures(["a", "b"], [cube, doubled])).tolist() == [221, 0]
