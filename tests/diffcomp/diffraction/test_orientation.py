"""Pictures do not depend on how a cell is turned, and cells without volume are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from common.chem.crystal import Crystal
from common.errors import UserError
from diffcomp.diffraction.keras_ops import intensities
from diffcomp.diffraction.lattice_sum import intensity
from diffcomp.diffraction.orientation import oriented

LATTICE = np.array([[4.1, 0, 0], [0.3, 5.2, 0], [-0.4, 0.7, 4.6]])
CELL = Crystal(np.array([22, 8, 8]), LATTICE, np.array([[0, 0, 0], [0.3, 0.1, 0.7], [0.6, 0.5, 0.2]]))


def turned(seed: int) -> Crystal:
    return CELL._replace(lattice=LATTICE @ Rotation.random(random_state=seed).as_matrix())


@given(st.integers(0, 2**32 - 1))
def test_any_rotation_of_a_cell_gives_the_cell_with_a_along_x_and_b_in_the_plane(seed):
    found = oriented(turned(seed))
    assert np.allclose(found.lattice, LATTICE, atol=1e-9) and np.array_equal(found.frac, CELL.frac)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_any_rotation_of_a_cell_gives_the_same_pattern(seed):
    expected = intensity(CELL, 32)
    found = intensity(turned(seed), 32)
    assert np.abs(found - expected).max() < 1e-4 * expected.max()
    assert np.abs(intensities([turned(seed)], 32)[0] - expected).max() < 1e-4 * expected.max()


def test_without_it_the_pattern_is_that_of_the_cell_as_given():
    assert np.array_equal(intensity(CELL, 32, orient=False), intensity(CELL, 32))
    different = intensity(turned(3), 32, orient=False)
    assert np.abs(different - intensity(CELL, 32)).max() > 0.01 * different.max()


def test_a_left_handed_cell_is_the_same_crystal_in_right_handed_vectors():
    left = Crystal(CELL.numbers, -LATTICE, -CELL.frac)
    assert np.linalg.det(left.lattice) < 0
    assert np.allclose(oriented(left).lattice, LATTICE) and np.allclose(oriented(left).frac, CELL.frac)
    assert np.allclose(intensity(left, 32), intensity(CELL, 32), rtol=1e-4, atol=1e-5 * intensity(CELL, 32).max())


@pytest.mark.parametrize("least", [0.0, 1e-4])
def test_vectors_in_a_plane_are_refused(least):
    flat = CELL._replace(lattice=np.array([[40.0, 0, 0], [0, 40, 0], [20, 20, 30 * least]]))
    with pytest.raises(UserError, match=r"lie nearly in one plane|no volume"):
        intensity(flat, 32)
