"""Lattice geometry: a reduced basis, periodic images around the atoms of a cell, pairs of atoms within a cutoff."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from common.chem.cell import SHORTEST_DISTANCE, check_distances
from common.chem.crystal import Crystal

#: Up to this number of distances, a full matrix is faster than a k-d tree, and small.
MATRIX = 2**20
#: A basis that needs more images than this is reduced first.
MANY_IMAGES = 200


def reduced_basis(lattice: np.ndarray) -> np.ndarray:
    """A short basis (3, 3) of the same lattice, by repeated nearest-vector reduction.

    Flat or sheared cells would otherwise need a great many images to fill a small sphere.
    """
    basis = np.array(lattice, dtype=np.float64)
    for _ in range(200):
        basis = basis[np.argsort((basis**2).sum(axis=1), kind="stable")]
        shorter = _shorten(basis[1], basis[:1])
        if shorter is not None:
            basis[1] = shorter
            continue
        shorter = _shorten(basis[2], basis[:2])
        if shorter is None:
            break
        basis[2] = shorter
    return basis


def _shorten(vector: np.ndarray, others: np.ndarray) -> np.ndarray | None:
    """`vector` less its nearest combination of `others`, or None where that is not shorter."""
    centre = np.rint(np.linalg.lstsq(others.T, vector, rcond=None)[0])
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(others), indexing="ij"), axis=-1).reshape(-1, len(others))
    candidates = vector - (centre + steps) @ others
    best = candidates[np.argmin((candidates**2).sum(axis=1))]
    return best if best @ best < vector @ vector * (1 - 1e-10) else None


def covering_diameter(basis: np.ndarray) -> float:
    """An upper bound of twice the distance from any point to its nearest lattice point.

    Rounding off along the Gram-Schmidt vectors (Babai) leaves at most half of each of them.
    """
    return float(np.linalg.norm(np.diag(np.linalg.qr(basis.T)[1])))


def images_within(home: np.ndarray, basis: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All periodic images within `radius[i]` of home atom i, the home atoms themselves first.

    Returns positions (m, 3) in angstrom and the index of the home atom each one copies (m,).
    `home` must be wrapped into the cell of `basis`.
    """
    from scipy.spatial import cKDTree

    points, owner = _around(home, basis, radius.max())
    n = len(home)
    found = cKDTree(points[n:]).query_ball_point(home, radius) if len(points) > n else []
    near = np.unique(np.concatenate([[], *found]).astype(np.int64)) + n
    return np.concatenate([home, points[near]]), np.concatenate([np.arange(n), owner[near]])


class Pairs(NamedTuple):
    """Ordered pairs (e,) of atoms: `centre` in the cell, an image of `neighbour`, their distance in angstrom."""

    centre: np.ndarray
    neighbour: np.ndarray
    distance: np.ndarray


def pairs_within(lattice: np.ndarray, frac: np.ndarray, cutoff: float) -> Pairs:
    """All pairs nearer than the cutoff, over all periodic images; an atom is no pair with itself.

    A structure with two atoms closer than `SHORTEST_DISTANCE` is refused.
    """
    basis, inside = lattice, frac
    if _images(basis, cutoff).prod() > MANY_IMAGES:
        basis = reduced_basis(lattice)
        inside = frac @ lattice @ np.linalg.inv(basis)
    home = (inside - np.floor(inside)) @ basis
    points, owner = _around(home, basis, cutoff)
    n = len(home)
    if n * len(points) <= MATRIX:
        squared = ((home[:, None] - points) ** 2).sum(axis=-1)
        centre, image = np.nonzero(squared < cutoff**2)
        distance = np.sqrt(squared[centre, image])
    else:
        from scipy.spatial import cKDTree

        found = cKDTree(points).query_ball_point(home, cutoff)
        centre = np.repeat(np.arange(n), [len(one) for one in found])
        image = np.concatenate([np.asarray(one, dtype=np.int64) for one in found])
        distance = np.linalg.norm(points[image] - home[centre], axis=1)
    keep = (image != centre) & (distance < cutoff)
    centre, image, distance = centre[keep], image[keep], distance[keep]
    check_distances(distance)
    return Pairs(centre, owner[image], distance)


def refuse_overlap(crystal: Crystal) -> None:
    """Refuse a crystal with two atoms, periodic images included, closer than `SHORTEST_DISTANCE`."""
    pairs_within(crystal.lattice, crystal.frac, SHORTEST_DISTANCE)


def _images(basis: np.ndarray, cutoff: float) -> np.ndarray:
    """How many cells along each vector hold images within the cutoff of a point of the home cell."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(basis), axis=0)
    return 2 * np.ceil(cutoff / heights).astype(int) + 1


def _around(home: np.ndarray, basis: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """The home atoms, then the images in the box around them that is wider by the cutoff, and the owner of each."""
    counts = _images(basis, cutoff)
    shifts = np.indices(counts).reshape(3, -1).T - counts // 2
    offsets = shifts[(shifts != 0).any(axis=1)] @ basis
    low, high = home.min(axis=0) - cutoff, home.max(axis=0) + cutoff
    # First whole cells, then single atoms: a flat cell in a large vacuum would otherwise take gigabytes.
    box_low, box_high = home.min(axis=0), home.max(axis=0)
    offsets = offsets[((box_low + offsets <= high) & (box_high + offsets >= low)).all(axis=1)]
    copies = (home + offsets[:, None]).reshape(-1, 3)
    near = np.flatnonzero(((copies >= low) & (copies <= high)).all(axis=1))
    n = len(home)
    return np.concatenate([home, copies[near]]), np.concatenate([np.arange(n), near % n])
