"""Voronoi neighbours of every atom of a crystal, from one tessellation of the cell with its periodic images.

No supercell is needed: a Voronoi neighbour is always closer than any of its images.
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np

from common.chem.cell import SHORTEST_DISTANCE, check_distances
from common.chem.crystal import Crystal
from common.chem.lattice import covering_diameter, images_within, reduced_basis
from common.errors import UserError

#: Radius of the first tessellation, in units of the cube root of the volume per atom; sufficient for most crystals.
START = 2.1


class VoronoiFaces(NamedTuple):
    """Per face and centre (f,): the two sites, their distance in angstrom, the solid angle in sr."""

    centre: np.ndarray
    neighbour: np.ndarray
    distance: np.ndarray
    solid_angle: np.ndarray


def voronoi_faces(crystal: Crystal) -> VoronoiFaces:
    """All faces of the Voronoi cells of the atoms of a crystal."""
    basis = reduced_basis(crystal.lattice)
    frac = crystal.frac @ crystal.lattice @ np.linalg.inv(basis)
    home = (frac - np.floor(frac)) @ basis
    enough = covering_diameter(basis) * (1 + 1e-9)
    radius = max(min(START * (crystal.volume / len(home)) ** (1 / 3), enough), SHORTEST_DISTANCE)
    for tessellate in (_by_cutting, _by_growing):
        faces = tessellate(home, basis, radius, enough)
        if faces is not None and _complete(faces, len(home)):
            return faces
    raise UserError("the Voronoi tessellation fails; check the lattice vectors and the positions")


def _complete(faces: VoronoiFaces, n_home: int) -> bool:
    """Whether the faces of every atom close around it."""
    return np.allclose(np.bincount(faces.centre, faces.solid_angle, n_home), 4 * np.pi, rtol=1e-6)


def _by_cutting(home, basis, radius: float, enough: float) -> VoronoiFaces | None:
    """Start from the images within `radius` of each atom and add only those that cut off a vertex.

    A vertex closer to its atom than half the radius is final, since no atom beyond the radius can cut it off. For every
    other vertex, search for an atom closer to it than the one whose cell it bounds. A sphere that reaches every vertex
    would contain tens of thousands of atoms in a flat cell or a slab.
    """
    from scipy.spatial import cKDTree

    points, owner = images_within(home, basis, np.full(len(home), radius))
    check_distances(cKDTree(points).query(points[: len(home)], k=2)[0][:, 1])
    while True:
        faces, reach, vertices, spread = _tessellate(points, owner, len(home))
        far = (2 * spread * (1 + 1e-9) > radius) & (radius < enough)
        unbounded = np.flatnonzero(reach > enough)
        if not far.any() and not len(unbounded):
            return faces
        more, more_owner = _cutting_images(home, basis, points, vertices[far], spread[far], unbounded)
        if not len(more):
            return faces
        points, owner = np.concatenate([points, more]), np.concatenate([owner, more_owner])


def _by_growing(home, basis, radius: float, enough: float) -> VoronoiFaces | None:
    """Grow the sphere of every atom until it contains all atoms that can cut its cell; slower, with more points.

    In some tall, regular columns of points with few distant ones, Qhull finds no initial simplex or loses most points.
    The growth ends at the covering diameter of the lattice.
    """
    radii = np.full(len(home), radius)
    while True:
        points, owner = images_within(home, basis, radii)
        faces, reach, *_ = _tessellate(points, owner, len(home))
        wanted = np.minimum(2 * reach * (1 + 1e-9), enough)
        short = wanted > radii
        if not short.any():
            return faces
        radii = np.where(short, np.minimum(wanted, 1.5 * radii), radii)


def _cutting_images(home, basis, points, vertices, spread, unbounded) -> tuple[np.ndarray, np.ndarray]:
    """Images not in `points` that are closer than `spread` to a vertex, and those that bound the `unbounded` cells.

    The six nearest lattice translations of its atom always bound a cell.
    """
    from scipy.spatial import cKDTree

    steps = np.concatenate([np.eye(3, dtype=np.int64), -np.eye(3, dtype=np.int64)])
    image = np.column_stack([np.repeat(unbounded, 6), np.tile(steps, (len(unbounded), 1))])
    if len(vertices):
        # In a reduced basis the atoms nearest to a point of the cell are at most two cells away.
        shift = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        tree = cKDTree((home + (shift @ basis)[:, None]).reshape(-1, 3))
        cell = np.floor(vertices @ np.linalg.inv(basis)).astype(np.int64)
        distance, index = tree.query(vertices - cell @ basis, k=8)
        vertex, rank = np.nonzero(distance < spread[:, None] * (1 - 1e-12))
        near = index[vertex, rank]
        image = np.concatenate([image, np.column_stack([near % len(home), shift[near // len(home)] + cell[vertex]])])
    image = np.unique(image, axis=0)
    position = home[image[:, 0]] + image[:, 1:] @ basis
    # Near-degenerate vertices may yield an atom that is present already.
    new = cKDTree(points).query(position)[0] > SHORTEST_DISTANCE / 2
    return position[new], image[new, 0]


def _tessellate(points: np.ndarray, owner: np.ndarray, n_home: int):
    """Faces and vertices of the cells of the first `n_home` points.

    Returns the closed faces, the distance of the farthest vertex of each cell (n_home,), inf for open cells, the
    vertices (v, 3) of these cells and their distances (v,) from the atoms whose cells they bound.
    """
    from scipy.spatial import QhullError, Voronoi

    try:
        voronoi = Voronoi(points)
    except QhullError:  # too few points, or all of them in one plane: every cell is open
        return None, np.full(n_home, np.inf), np.zeros((0, 3)), np.zeros(0)
    pairs = voronoi.ridge_points
    ridges = voronoi.ridge_vertices
    touching = np.flatnonzero((pairs < n_home).any(axis=1))
    counts = np.array([len(ridges[r]) for r in touching], dtype=np.int64)
    vertex = np.fromiter(chain.from_iterable(ridges[r] for r in touching), dtype=np.int64, count=counts.sum())
    first = np.cumsum(counts) - counts
    pairs = pairs[touching]

    # A face between two home atoms belongs to the cells of both.
    both = np.flatnonzero((pairs < n_home).all(axis=1))
    one = np.where(pairs[:, 0] < n_home, 0, 1)
    face = np.concatenate([np.arange(len(pairs)), both])
    side = np.concatenate([one, 1 - one[both]])
    centre, other = pairs[face, side], pairs[face, 1 - side]
    first, counts = first[face], counts[face]

    distance = np.linalg.norm(points[other] - points[centre], axis=1)
    corner, corner_face = _ranges(first, counts)
    is_open = vertex[corner] < 0
    spread = np.linalg.norm(voronoi.vertices[vertex[corner]] - points[centre[corner_face]], axis=1)
    spread[is_open] = np.inf
    reach = np.full(n_home, -1.0)
    np.maximum.at(reach, centre[corner_face], spread)
    reach[reach < 0] = np.inf  # Qhull dropped the atom
    bounding, at = np.unique(vertex[corner[~is_open]], return_index=True)

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
    return faces, reach, voronoi.vertices[bounding], spread[~is_open][at]


def _ranges(start: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenated `arange(start, start + count)`, and the index of the range of each number."""
    which = np.repeat(np.arange(len(start)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return start[which] + step, which


def _solid_angle(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Solid angle (t,) of triangles seen from the origin (Van Oosterom and Strackee)."""
    la, lb, lc = (np.sqrt((v * v).sum(axis=1)) for v in (a, b, c))
    triple = np.abs((a * np.cross(b, c)).sum(axis=1))
    rest = la * lb * lc + lc * (a * b).sum(axis=1) + lb * (a * c).sum(axis=1) + la * (b * c).sum(axis=1)
    return 2 * np.arctan2(triple, rest)
