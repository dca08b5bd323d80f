"""Lattice geometry: reduced bases, periodic images around the atoms of a cell, pairs of atoms within a cutoff."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from common.chem.cell import SHORTEST_DISTANCE, check_distances
from common.chem.crystal import Crystal

#: Up to this number of distances, a full matrix is faster than a k-d tree, and small.
MATRIX = 2**20
#: A basis that needs more images is reduced first.
MANY_IMAGES = 200


def reduced_basis(lattice: np.ndarray) -> np.ndarray:
    """A short basis (3, 3) of the same lattice, by repeated nearest-vector reduction.

    Flat or sheared cells would otherwise need very many images to fill a small sphere.
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
    """`vector` minus its nearest combination of `others`, or None if that is not shorter."""
    centre = np.rint(np.linalg.lstsq(others.T, vector, rcond=None)[0])
    steps = np.stack(np.meshgrid(*[[-1, 0, 1]] * len(others), indexing="ij"), axis=-1).reshape(-1, len(others))
    candidates = vector - (centre + steps) @ others
    best = candidates[np.argmin((candidates**2).sum(axis=1))]
    return best if best @ best < vector @ vector * (1 - 1e-10) else None


def covering_diameter(basis: np.ndarray) -> float:
    """Upper bound of twice the distance from any point to its nearest lattice point.

    Rounding along the Gram-Schmidt vectors (Babai) leaves at most half of each of them.
    """
    return float(np.linalg.norm(np.diag(np.linalg.qr(basis.T)[1])))


def images_within(home: np.ndarray, basis: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All periodic images within `radius[i]` of atom i of the home cell, after the home atoms themselves.

    Returns positions (m, 3) in angstrom and, for each, the index (m,) of the home atom of which it is an image. `home`
    must be wrapped into the cell of `basis`.
    """
    from scipy.spatial import cKDTree

    points, owner = _around(home, basis, radius.max())
    n = len(home)
    images = cKDTree(points[n:]).query_ball_point(home, radius) if len(points) > n else []
    near = np.unique(np.concatenate([[], *images]).astype(np.int64)) + n
    return np.concatenate([home, points[near]]), np.concatenate([np.arange(n), owner[near]])


class Pairs(NamedTuple):
    """Directed pairs (e,) of atoms: `centre` in the cell, an image of `neighbour`, their distance in angstrom."""

    centre: np.ndarray
    neighbour: np.ndarray
    distance: np.ndarray


def pairs_within(lattice: np.ndarray, frac: np.ndarray, cutoff: float) -> Pairs:
    """All pairs closer than the cutoff, over all periodic images, without pairs of an atom with itself.

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

        within = cKDTree(points).query_ball_point(home, cutoff)
        centre = np.repeat(np.arange(n), [len(indices) for indices in within])
        image = np.concatenate([np.asarray(indices, dtype=np.int64) for indices in within])
        distance = np.linalg.norm(points[image] - home[centre], axis=1)
    valid = (image != centre) & (distance < cutoff)
    centre, image, distance = centre[valid], image[valid], distance[valid]
    check_distances(distance)
    return Pairs(centre, owner[image], distance)


def refuse_overlap(crystal: Crystal) -> None:
    """Refuse a crystal with two atoms, periodic images included, closer than `SHORTEST_DISTANCE`."""
    pairs_within(crystal.lattice, crystal.frac, SHORTEST_DISTANCE)


def _images(basis: np.ndarray, cutoff: float) -> np.ndarray:
    """Number of cells along each vector that contain images within the cutoff of a point of the home cell."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(basis), axis=0)
    return 2 * np.ceil(cutoff / heights).astype(int) + 1


def _around(home: np.ndarray, basis: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Home atoms, then the images in their bounding box extended by the cutoff, and the home atom of each."""
    counts = _images(basis, cutoff)
    shifts = np.indices(counts).reshape(3, -1).T - counts // 2
    offsets = shifts[(shifts != 0).any(axis=1)] @ basis
    low, high = home.min(axis=0) - cutoff, home.max(axis=0) + cutoff
    # Select cells first, then atoms: a flat cell in a large vacuum would otherwise take gigabytes.
    box_low, box_high = home.min(axis=0), home.max(axis=0)
    offsets = offsets[((box_low + offsets <= high) & (box_high + offsets >= low)).all(axis=1)]
    copies = (home + offsets[:, None]).reshape(-1, 3)
    near = np.flatnonzero(((copies >= low) & (copies <= high)).all(axis=1))
    n = len(home)
    return np.concatenate([home, copies[near]]), np.concatenate([np.arange(n), near % n])
