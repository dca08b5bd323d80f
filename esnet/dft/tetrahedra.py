"""Linear tetrahedron method: number of states in narrow energy bins from eigenvalues on a mesh of k-points.

A bin holds the difference of the integrated density of states at its edges, so the sum over bins is exact for any peak.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: The six tetrahedra of a cube around its diagonal from 000 to 111.
_SIX = np.array(
    [
        [(0, 0, 0), (1, 1, 1), first, second]
        for first, second in (
            ((1, 0, 0), (1, 1, 0)),
            ((1, 0, 0), (1, 0, 1)),
            ((0, 1, 0), (1, 1, 0)),
            ((0, 1, 0), (0, 1, 1)),
            ((0, 0, 1), (1, 0, 1)),
            ((0, 0, 1), (0, 1, 1)),
        )
    ]
)


def tetrahedra(mesh: Sequence[int], lattice: np.ndarray, irreducible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct tetrahedra by their irreducible corners (n, 4), and their fraction of the Brillouin zone (n,).

    irreducible: for every k-point of the mesh, last axis fastest, the index of its representative.
    Cubes of the mesh are cut along their shortest diagonal (Bloechl, Jepsen and Andersen, 1994).
    """
    mesh = np.asarray(mesh)
    steps = np.linalg.inv(lattice).T / mesh[:, None]  # rows: steps of the mesh, in reciprocal space
    flips = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    lengths = [np.linalg.norm((1 - 2 * flip) @ steps) for flip in flips]
    corners = _SIX ^ flips[int(np.argmin(np.round(lengths, 9)))]
    cubes = np.indices(mesh).reshape(3, -1).T
    points = (cubes[:, None, None] + corners) % mesh
    numbers = np.ravel_multi_index(tuple(np.moveaxis(points, -1, 0)), tuple(mesh)).reshape(-1, 4)
    found, counts = np.unique(np.sort(np.asarray(irreducible)[numbers], axis=1), axis=0, return_counts=True)
    return found, counts / counts.sum()


def states_in_bins(
    eigenvalues: np.ndarray, weights: np.ndarray, corners: np.ndarray, shares: np.ndarray, edges: np.ndarray
) -> np.ndarray:
    """States (channels, bins) between neighbouring `edges`.

    eigenvalues: (k, bands); weights: (k, bands, channels). States below the first edge are not counted.
    """
    total = np.zeros((weights.shape[2], len(edges)))
    for band in range(eigenvalues.shape[1]):
        total += weights[:, band].T @ _counted(eigenvalues[:, band], corners, shares, edges)
    return np.diff(total, axis=1)


def _counted(energies: np.ndarray, corners: np.ndarray, shares: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(k, edges): contribution of each k-point to the number of states below each edge, for one band."""
    size = len(energies), len(edges)
    order = np.argsort(energies[corners], axis=1, kind="stable")
    corners = np.take_along_axis(corners, order, axis=1)
    sorted_energies = energies[corners]
    first = np.searchsorted(edges, sorted_energies[:, 0], side="right")
    last = np.searchsorted(edges, sorted_energies[:, 3], side="left")
    # A tetrahedron entirely below an edge contributes a quarter to each corner.
    full = np.zeros((size[0], size[1] + 1))
    np.add.at(full, (corners, np.maximum(first, last)[:, None]), shares[:, None] / 4)
    counted = full[:, :-1].cumsum(axis=1)
    # Few edges intersect a tetrahedron; all intersections are evaluated at once.
    cuts = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(corners)), cuts)
    at = np.arange(len(rows)) - np.repeat(np.cumsum(cuts) - cuts, cuts) + first[rows]
    parts = _integrated(edges[at], sorted_energies[rows].T) * shares[rows]
    flat = np.bincount((corners[rows].T * size[1] + at).ravel(), parts.ravel(), minlength=size[0] * size[1])
    return counted + flat.reshape(size)


def _integrated(energy: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Integration weights (4, n) of the corners, sorted by energy, for an `energy` between the first and the last.

    Bloechl, Jepsen, Andersen, Phys. Rev. B 49, 16223 (1994), equations B3 to B14, for a tetrahedron of volume one.
    """
    weights = np.empty_like(corners)
    e1, e2, e3, e4 = corners
    low, high = energy < e2, energy >= e3
    middle = ~(low | high)
    weights[:, low] = _below_second(energy[low], *corners[:, low])
    weights[:, middle] = _between(energy[middle], *corners[:, middle])
    # The upper end mirrors the lower end.
    mirrored = _below_second(-energy[high], -e4[high], -e3[high], -e2[high], -e1[high])
    weights[:, high] = 0.25 - mirrored[::-1]
    return weights


def _below_second(e, e1, e2, e3, e4) -> np.ndarray:
    x2, x3, x4 = (e - e1) / (e2 - e1), (e - e1) / (e3 - e1), (e - e1) / (e4 - e1)
    c = x2 * x3 * x4 / 4
    return np.array([c * (4 - x2 - x3 - x4), c * x2, c * x3, c * x4])


def _between(e, e1, e2, e3, e4) -> np.ndarray:
    c1 = (e - e1) ** 2 / (4 * (e4 - e1) * (e3 - e1))
    c2 = (e - e1) * (e - e2) * (e3 - e) / (4 * (e4 - e1) * (e3 - e2) * (e3 - e1))
    c3 = (e - e2) ** 2 * (e4 - e) / (4 * (e4 - e2) * (e3 - e2) * (e4 - e1))
    c12, c23, c123 = c1 + c2, c2 + c3, c1 + c2 + c3
    return np.array(
        [
            c1 + c12 * (e3 - e) / (e3 - e1) + c123 * (e4 - e) / (e4 - e1),
            c123 + c23 * (e3 - e) / (e3 - e2) + c3 * (e4 - e) / (e4 - e2),
            c12 * (e - e1) / (e3 - e1) + c23 * (e - e2) / (e3 - e2),
            c123 * (e - e1) / (e4 - e1) + c3 * (e - e2) / (e4 - e2),
        ]
    )
