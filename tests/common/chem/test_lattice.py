"""Reduced bases, periodic images and pairs, against full searches, in ordinary cells made awkward by shears."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.chem.crystal import Crystal
from common.chem.lattice import covering_diameter, images_within, reduced_basis, refuse_overlap
from common.errors import UserError

CUBE = 4.0 * np.eye(3)

shears = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(-6, 6)), max_size=5)
entries = st.lists(st.floats(-1, 1), min_size=9, max_size=9)


def sheared(noise: list[float], steps: list[tuple[int, int, int]]) -> np.ndarray:
    """A well-conditioned cell after integer shears, that is, another basis of the same lattice."""
    basis = CUBE + np.reshape(noise, (3, 3))
    for i, j, times in steps:
        if i != j:
            basis[i] += times * basis[j]
    return basis


@given(entries, shears)
def test_reduced_basis_spans_the_same_lattice_and_is_short(noise, steps):
    lattice = sheared(noise, steps)
    basis = reduced_basis(lattice)
    change = lattice @ np.linalg.inv(basis)
    assert np.allclose(change, np.rint(change), atol=1e-6)
    assert abs(np.linalg.det(np.rint(change))) == pytest.approx(1)
    lengths, before = np.linalg.norm(basis, axis=1), np.linalg.norm(lattice, axis=1)
    assert np.all(np.sort(lengths) <= np.sort(before) * (1 + 1e-9))
    # Reduced in pairs: no vector becomes shorter by adding another one to it.
    for i in range(3):
        for j in range(3):
            if i != j:
                assert np.linalg.norm(basis[i] + basis[j]) >= max(lengths[i], lengths[j]) * (1 - 1e-6)
                assert np.linalg.norm(basis[i] - basis[j]) >= max(lengths[i], lengths[j]) * (1 - 1e-6)


def all_images(home, basis, n: int = 4):
    """Every image in a block of (2n + 1)^3 cells, the slow way, with the home atom it copies."""
    steps = np.array([(i, j, k) for i in range(-n, n + 1) for j in range(-n, n + 1) for k in range(-n, n + 1)])
    copies = (home[None] + (steps @ basis)[:, None]).reshape(-1, 3)
    return copies, np.tile(np.arange(len(home)), len(steps))


@given(entries, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_no_point_is_farther_from_the_lattice_than_half_the_covering_diameter(noise, point):
    basis = reduced_basis(sheared(noise, []))
    copies, _ = all_images(np.array([point]) @ basis, basis, 2)
    assert np.linalg.norm(copies, axis=1).min() <= covering_diameter(basis) / 2 * (1 + 1e-9)


@given(entries, st.integers(1, 4), st.integers(0, 10**6), st.floats(1.0, 7.0))
def test_images_within_finds_what_a_full_search_finds(noise, n_atoms, seed, reach):
    rng = np.random.default_rng(seed)
    basis = reduced_basis(sheared(noise, []))
    home = rng.random((n_atoms, 3)) @ basis
    radius = reach * rng.uniform(0.3, 1.0, n_atoms)
    points, owner = images_within(home, basis, radius)
    assert np.array_equal(points[:n_atoms], home) and owner[:n_atoms].tolist() == list(range(n_atoms))

    copies, copied = all_images(home, basis)
    distance = np.linalg.norm(copies[:, None] - home[None], axis=2)
    wanted = (distance <= radius).any(axis=1)
    at_home = np.zeros(len(copies), dtype=bool)
    at_home.reshape(-1, n_atoms)[len(copies) // n_atoms // 2] = True
    expected = np.column_stack([copies, copied])[wanted & ~at_home]
    found = np.column_stack([points, owner])[n_atoms:]
    assert len(found) == len(expected)
    assert np.allclose(_ordered(found), _ordered(expected), atol=1e-9)


def _ordered(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(np.round(rows, 6).T)]


def test_images_of_a_flat_cell_stay_few():
    basis = np.diag([3.0, 3.0, 400.0])
    points, _ = images_within(np.zeros((1, 3)), basis, np.array([9.5]))
    assert len(points) == 37  # the lattice points of a circle of 3.17 cells


@pytest.mark.parametrize(
    ("lattice", "frac", "distance"),
    [
        (CUBE, [[0, 0, 0], [0.0015, 0, 0]], "0.006"),
        (CUBE, [[0, 0, 0.999], [0, 0, 0.001]], "0.008"),
        ([[4, 0, 0], [0, 4, 0], [4, 4, 0.2]], [[0, 0, 0]], "0.200"),
        (np.diag([4.0, 4.0, 0.2]), [[0, 0, 0]], "0.200"),
    ],
)
def test_atoms_too_close_to_each_other_or_to_their_images_are_refused(lattice, frac, distance):
    crystal = Crystal(np.full(len(frac), 6), np.array(lattice, dtype=float), np.array(frac, dtype=float))
    with pytest.raises(UserError, match=f"two atoms are only {distance} angstrom apart .at least 0.5."):
        refuse_overlap(crystal)
