"""Tetrahedra count every state once, with the weights that linear interpolation has."""

import numpy as np
import pytest

from esnet.dft.tetrahedra import _integrated, states_in_bins, tetrahedra

CUBE = 4.0 * np.eye(3)


def mesh_bands(n: int, function) -> np.ndarray:
    """(k, 1) eigenvalues on an n x n x n mesh from a function of the phases (k, 3)."""
    return function(2 * np.pi * np.indices((n, n, n)).reshape(3, -1).T / n)[:, None]


@pytest.mark.parametrize("energy", [0.3, 1.1, 1.9, 2.6])
def test_weights_of_one_tetrahedron(energy):
    """Against points thrown at random into it."""
    corners = np.array([0.0, 0.7, 1.6, 3.0])
    place = np.random.default_rng(0).dirichlet(np.ones(4), 400_000)
    expected = (place * (place @ corners < energy)[:, None]).mean(axis=0)
    assert np.allclose(_integrated(np.array([energy]), corners[:, None])[:, 0], expected, atol=6e-4)


@pytest.mark.parametrize("corners", [[0.0, 0, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1], [0, 0.5, 0.5, 1]])
def test_degenerate_corners(corners):
    corners = np.array(corners, dtype=float)
    place = np.random.default_rng(1).dirichlet(np.ones(4), 400_000)
    expected = (place * (place @ corners < 0.6)[:, None]).mean(axis=0)
    assert np.allclose(_integrated(np.array([0.6]), corners[:, None])[:, 0], expected, atol=6e-4)


def test_every_state_is_counted_once():
    bands = mesh_bands(6, lambda k: np.cos(k).sum(axis=1))
    corners, shares = tetrahedra((6, 6, 6), CUBE, np.arange(216))
    assert shares.sum() == pytest.approx(1)
    edges = np.arange(-4, 4.001, 0.02)
    weights = np.random.default_rng(0).random((216, 1, 3))
    states = states_in_bins(bands, weights, corners, shares, edges)
    assert states.shape == (3, len(edges) - 1) and (states >= -1e-12).all()
    assert np.allclose(states.sum(axis=1), weights.mean(axis=(0, 1)))
    # A band that is the same everywhere is one sharp level, in one bin.
    flat = states_in_bins(np.full((216, 1), 0.013), np.ones((216, 1, 1)), corners, shares, edges)[0]
    assert flat.max() == pytest.approx(1) and (flat > 1e-9).sum() == 1 and edges[flat.argmax()] < 0.013


def test_the_density_of_a_known_band():
    """The simple cubic cosine band."""
    bands = mesh_bands(24, lambda k: np.cos(k).sum(axis=1))
    corners, shares = tetrahedra((24, 24, 24), CUBE, np.arange(24**3))
    edges = np.arange(-3.1, 3.1001, 0.05)
    density = states_in_bins(bands, np.ones((24**3, 1, 1)), corners, shares, edges)[0] / 0.05
    # A mean over one Brillouin zone of random phases is an independent way to the same numbers.
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (2_000_000, 3))
    expected = np.histogram(np.cos(phases).sum(axis=1), edges, density=True)[0]
    assert np.abs(density - expected).max() < 0.015 and np.abs(density - expected).mean() < 0.002


def test_symmetry_changes_nothing():
    """The irreducible part of a cubic mesh gives what the whole mesh gives."""
    n = 5
    bands = mesh_bands(n, lambda k: np.cos(k).sum(axis=1))
    folded = np.sort(np.minimum(*(np.indices((n, n, n)).reshape(3, -1).T * s % n for s in (1, -1))), axis=1)
    distinct, irreducible = np.unique(folded, axis=0, return_inverse=True)
    irreducible = irreducible.reshape(-1)
    first = np.array([np.flatnonzero(irreducible == number)[0] for number in range(len(distinct))])
    edges = np.arange(-4, 4.001, 0.1)
    whole = states_in_bins(bands, np.ones((n**3, 1, 1)), *tetrahedra((n, n, n), CUBE, np.arange(n**3)), edges)
    corners, shares = tetrahedra((n, n, n), CUBE, irreducible)
    part = states_in_bins(bands[first], np.ones((len(distinct), 1, 1)), corners, shares, edges)
    assert len(corners) < 6 * n**3 / 10 and np.allclose(part, whole)


def test_cubes_are_cut_along_the_shortest_diagonal():
    """In a sheared cell another diagonal is the shortest; the corners of some tetrahedron must be its ends."""
    lattice = np.linalg.inv(np.array([[1, 0, 0], [0.6, 1, 0], [0.6, 0.3, 1]])).T
    corners, _ = tetrahedra((9, 9, 9), lattice, np.arange(729))
    steps = np.linalg.inv(lattice).T / 9
    places = np.indices((9, 9, 9)).reshape(3, -1).T
    longest = 0.0
    for tetrahedron in corners[:200]:
        apart = (places[tetrahedron][:, None] - places[tetrahedron][None] + 4) % 9 - 4
        longest = max(longest, np.linalg.norm(apart @ steps, axis=2).max())
    diagonals = [np.linalg.norm(np.array(s) @ steps) for s in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1))]
    faces = [
        np.linalg.norm(np.array(s) @ steps)
        for s in ((1, 1, 0), (1, 0, 1), (0, 1, 1), (1, -1, 0), (1, 0, -1), (0, 1, -1))
    ]
    assert longest <= max(min(diagonals), *faces) + 1e-12 < max(diagonals)
