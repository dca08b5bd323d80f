"""Voronoi neighbours of every atom of a crystal, from one tessellation of the padded cell.

The true periodic images are used, so no supercell is needed: a Voronoi neighbour is always
nearer than any of its images.
"""

from itertools import chain
from typing import NamedTuple

import numpy as np

from common.crystal import Crystal
from common.errors import UserError
from common.lattice import covering_diameter, images_within, reduced_basis

#: Two atoms closer than this (angstrom) are taken for a mistake in the structure.
SHORTEST_DISTANCE = 0.1


class VoronoiFaces(NamedTuple):
    """One entry a face and centre, all (f,): the two sites, their distance in angstrom, the solid angle in sr."""

    centre: np.ndarray
    neighbour: np.ndarray
    distance: np.ndarray
    solid_angle: np.ndarray


def voronoi_faces(crystal: Crystal) -> VoronoiFaces:
    """All faces of the Voronoi cells of the atoms in `crystal`.

    The padding starts small and grows atom by atom: if all vertices of a cell lie within rho of
    its atom, only atoms within 2 rho can cut it. The growth is bounded by the covering diameter
    of the lattice, so an almost flat tessellation cannot ask for a sphere without end.
    """
    from scipy.spatial import QhullError

    basis = reduced_basis(crystal.lattice)
    cart = crystal.frac @ crystal.lattice
    frac = cart @ np.linalg.inv(basis)
    home = (frac - np.floor(frac)) @ basis
    limit = covering_diameter(basis) * (1 + 1e-9)
    start = 2.6 * (crystal.volume / len(home)) ** (1 / 3)
    radius = np.full(len(home), min(start, limit))
    while True:
        points, owner = images_within(home, basis, radius)
        try:
            faces, reach = _tessellate(points, owner, len(home))
        except QhullError:  # too few points, or all of them in one plane
            faces, reach = None, np.full(len(home), np.inf)
        wanted = np.minimum(2 * reach * (1 + 1e-9), limit)
        short = wanted > radius
        if not short.any():
            if faces is None:
                raise UserError("no Voronoi tessellation: atoms on top of each other or a damaged cell")
            return faces
        radius = np.where(short, np.minimum(wanted, 1.5 * radius), radius)


def _tessellate(points: np.ndarray, owner: np.ndarray, n_home: int) -> tuple[VoronoiFaces, np.ndarray]:
    """Faces of the first `n_home` points and the distance of the farthest vertex of each cell (inf where open)."""
    from scipy.spatial import Voronoi

    voronoi = Voronoi(points)
    pairs = voronoi.ridge_points
    ridges = voronoi.ridge_vertices
    touching = np.flatnonzero((pairs < n_home).any(axis=1))
    counts = np.array([len(ridges[r]) for r in touching])
    vertex = np.fromiter(chain.from_iterable(ridges[r] for r in touching), dtype=np.int64, count=counts.sum())
    first = np.cumsum(counts) - counts
    pairs = pairs[touching]

    # A face between two home atoms belongs to both of them, seen from either side.
    both = np.flatnonzero((pairs < n_home).all(axis=1))
    one = np.where(pairs[:, 0] < n_home, 0, 1)
    face = np.concatenate([np.arange(len(pairs)), both])
    side = np.concatenate([one, 1 - one[both]])
    centre, other = pairs[face, side], pairs[face, 1 - side]
    first, counts = first[face], counts[face]

    distance = np.linalg.norm(points[other] - points[centre], axis=1)
    if distance.min() < SHORTEST_DISTANCE:
        raise UserError(f"two atoms are only {distance.min():.3f} angstrom apart")

    corner, corner_face = _ranges(first, counts)
    is_open = vertex[corner] < 0
    spread = np.linalg.norm(voronoi.vertices[vertex[corner]] - points[centre[corner_face]], axis=1)
    spread[is_open] = np.inf
    reach = np.full(n_home, 0.0)
    np.maximum.at(reach, centre[corner_face], spread)

    # Solid angle of a face: a fan of triangles from its first vertex.
    triangle, triangle_face = _ranges(first + 1, np.maximum(counts - 2, 0))
    origin = points[centre[triangle_face]]
    a = voronoi.vertices[vertex[first[triangle_face]]] - origin
    b = voronoi.vertices[vertex[triangle]] - origin
    c = voronoi.vertices[vertex[triangle + 1]] - origin
    angle = np.bincount(triangle_face, weights=_solid_angle(a, b, c), minlength=len(face))
    closed = np.ones(len(face), dtype=bool)
    closed[corner_face[is_open]] = False
    faces = VoronoiFaces(centre[closed], owner[other[closed]], distance[closed], angle[closed])
    return faces, reach


def _ranges(start: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenated `arange(start, start + count)` and, beside it, which range each number is of."""
    which = np.repeat(np.arange(len(start)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return start[which] + step, which


def _solid_angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Solid angle (t,) of triangles seen from the origin (Van Oosterom and Strackee)."""
    la, lb, lc = (np.sqrt((v * v).sum(axis=1)) for v in (a, b, c))
    triple = np.abs((a * np.cross(b, c)).sum(axis=1))
    rest = la * lb * lc + lc * (a * b).sum(axis=1) + lb * (a * c).sum(axis=1) + la * (b * c).sum(axis=1)
    return 2 * np.arctan2(triple, rest)
