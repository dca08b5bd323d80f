"""Linear tetrahedra: the states in narrow bins of energy, from eigenvalues on a mesh of k-points.

Bins are filled by differences of the number of states, so that their sum counts states exactly, however sharp a peak.
"""

from __future__ import annotations

import numpy as np

#: The six tetrahedra of a cube about its diagonal from 000 to 111.
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


def tetrahedra(mesh, lattice: np.ndarray, irreducible: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (n, 4) as irreducible k-points, each set once, and the share of the Brillouin zone of each (n,).

    irreducible: for every k-point of the mesh, last index fastest, the number of its representative.
    Cubes of the mesh are cut along their shortest diagonal, as Bloechl, Jepsen and Andersen do (1994).
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

    eigenvalues: (k, bands); weights: (k, bands, channels). States below the first edge are in no bin.
    """
    total = np.zeros((weights.shape[2], len(edges)))
    for band in range(eigenvalues.shape[1]):
        total += weights[:, band].T @ _counted(eigenvalues[:, band], corners, shares, edges)
    return np.diff(total, axis=1)


def _counted(energies: np.ndarray, corners: np.ndarray, shares: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(k, edges): the part that each k-point has in the number of states below each edge, for one band."""
    size = len(energies), len(edges)
    order = np.argsort(energies[corners], axis=1, kind="stable")
    corners = np.take_along_axis(corners, order, axis=1)
    sorted_energies = energies[corners]
    first = np.searchsorted(edges, sorted_energies[:, 0], side="right")
    last = np.searchsorted(edges, sorted_energies[:, 3], side="left")
    # A tetrahedron wholly below an edge gives each of its corners a quarter of itself.
    full = np.zeros((size[0], size[1] + 1))
    np.add.at(full, (corners, np.maximum(first, last)[:, None]), shares[:, None] / 4)
    counted = full[:, :-1].cumsum(axis=1)
    # The edges that cut it are few; they are taken all together.
    cuts = np.maximum(last - first, 0)
    rows = np.repeat(np.arange(len(corners)), cuts)
    at = np.arange(len(rows)) - np.repeat(np.cumsum(cuts) - cuts, cuts) + first[rows]
    parts = _integrated(edges[at], sorted_energies[rows].T) * shares[rows]
    flat = np.bincount((corners[rows].T * size[1] + at).ravel(), parts.ravel(), minlength=size[0] * size[1])
    return counted + flat.reshape(size)


def _integrated(energy: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(4, n): the weights of the corners, energies rising, in the states below `energy`, which lies between them.

    Bloechl, Jepsen, Andersen, Phys. Rev. B 49, 16223 (1994), equations B3 to B14, for a tetrahedron of volume one.
    """
    weights = np.empty_like(corners)
    e1, e2, e3, e4 = corners
    low, high = energy < e2, energy >= e3
    middle = ~(low | high)
    weights[:, low] = _below_second(energy[low], *corners[:, low])
    weights[:, middle] = _between(energy[middle], *corners[:, middle])
    # The upper end is the lower end upside down.
    upside = _below_second(-energy[high], -e4[high], -e3[high], -e2[high], -e1[high])
    weights[:, high] = 0.25 - upside[::-1]
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
