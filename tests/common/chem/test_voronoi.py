"""Voronoi faces of ordinary, awkward and impossible crystals."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common.chem import voronoi
from common.chem.crystal import as_crystal
from common.chem.voronoi import voronoi_faces
from common.errors import UserError
from tests.profitnet.reference import complete_faces, pymatgen_structure

CUBE = np.eye(3)
FCC = (np.ones((3, 3)) - CUBE) / 2
BCC = np.ones((3, 3)) / 2 - CUBE
HCP = np.array([[3.2, 0, 0], [-1.6, 1.6 * 3**0.5, 0], [0, 0, 3.2 * (8 / 3) ** 0.5]])
FCC_SITES = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
WATER = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
NOISE = np.random.default_rng(0).normal(size=(4, 3))


def faces_of(n, lattice, frac):
    return voronoi_faces(as_crystal(([6] * n, lattice, frac)))


def solid_angles(faces) -> np.ndarray:
    return np.bincount(faces.centre, weights=faces.solid_angle)


def slab(layers: int, height: float):
    a = 2.86
    return np.diag([a, a, height]), [[k % 2 / 2, k % 2 / 2, k * a / 2 / height] for k in range(layers)]


@pytest.mark.parametrize(
    ("lattice", "counts", "shortest"),
    [(3.0 * CUBE, 6, 3.0), (3.6 * FCC, 12, 3.6 / 2**0.5), (2.9 * BCC, 14, 2.9 * 3**0.5 / 2)],
    ids=["sc", "fcc", "bcc"],
)
def test_one_atom_cells_have_the_faces_of_the_textbook(lattice, counts, shortest):
    faces = faces_of(1, lattice, [[0.1, 0.2, 0.3]])
    large = faces.solid_angle > 1e-6
    assert large.sum() == counts
    assert faces.distance[large].min() == pytest.approx(shortest, rel=1e-12)
    assert (faces.centre == 0).all() and (faces.neighbour == 0).all()


AWKWARD = {
    "sc": (1, 3 * CUBE, [[0, 0, 0]]),
    "fcc": (1, 3.6 * FCC, [[0, 0, 0]]),
    "bcc": (1, 2.9 * BCC, [[0, 0, 0]]),
    "hcp": (2, HCP, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]),
    "noble gas": (1, 5.3 * FCC, [[0.5, 0.5, 0.5]]),
    "very flat": (1, np.diag([3.0, 3.0, 200.0]), [[0, 0, 0]]),
    "very flat, two layers": (2, np.diag([3.0, 3.0, 200.0]), [[0, 0, 0], [0.5, 0.5, 0.01]]),
    "needle": (1, np.diag([3.0, 200.0, 200.0]), [[0, 0, 0]]),
    "chain": (2, np.diag([2.5, 60.0, 60.0]), [[0, 0, 0], [0.5, 0, 0]]),
    "sheared": (1, np.array([[3.0, 0, 0], [300, 3, 0], [1000, 500, 3]]), [[0, 0, 0]]),
    "molecule in a box": (3, 40 * CUBE, WATER / 40),
    "molecule across the border": (3, 40 * CUBE, WATER / 40 - 0.005),
    "one atom in a box": (1, 40 * CUBE, [[0.3, 0.3, 0.3]]),
    "slab": (8, *slab(8, 40.0)),
    "monolayer": (2, *slab(2, 60.0)),
    **{f"fcc, noise {s:g}": (4, 3.6 * CUBE, FCC_SITES + s / 3.6 * NOISE) for s in (1e-14, 1e-10, 1e-7, 1e-5)},
}


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_cells_close(name):
    n, lattice, frac = AWKWARD[name]
    faces = faces_of(n, lattice, frac)
    assert solid_angles(faces) == pytest.approx(np.full(n, 4 * np.pi), abs=1e-8)
    assert pairs_match(faces)


def pairs_match(faces) -> bool:
    """Whether every face of i towards j is met by one of j towards i at the same distance."""
    large = faces.solid_angle > 1e-6
    there = np.stack([faces.centre, faces.neighbour, faces.distance], axis=1)[large]
    back = np.stack([faces.neighbour, faces.centre, faces.distance], axis=1)[large]

    def ordered(rows):
        rows = np.round(rows, 6)
        return rows[np.lexsort(rows.T)]

    return np.allclose(ordered(there), ordered(back), atol=1e-5)


def test_a_flat_cell_is_cut_by_its_neighbours_only():
    """3 x 3 x 200 angstrom: four sides of the column and two lids."""
    faces = faces_of(1, np.diag([3.0, 3.0, 200.0]), [[0, 0, 0]])
    large = faces.solid_angle > 1e-6
    assert sorted(faces.distance[large].round(6)) == [3, 3, 3, 3, 200, 200]
    lid = 4 * np.arctan(1.5**2 / (100 * (100**2 + 2 * 1.5**2) ** 0.5))
    assert faces.solid_angle[faces.distance > 100] == pytest.approx([lid, lid], rel=1e-6)


def test_a_layer_in_vacuum_keeps_few_points(monkeypatch):
    """A sphere that reaches every vertex would hold 14,000 images here."""
    from common.chem import voronoi

    sizes = []
    tessellate = voronoi._tessellate
    monkeypatch.setattr(voronoi, "_tessellate", lambda p, *rest: sizes.append(len(p)) or tessellate(p, *rest))
    faces_of(2, np.diag([3.0, 3.0, 200.0]), [[0, 0, 0], [0.5, 0.5, 0.01]])
    assert max(sizes) < 1000


@given(
    noise=st.lists(st.floats(-1.5, 1.5), min_size=9, max_size=9),
    atoms=st.lists(st.tuples(*[st.floats(0, 0.999)] * 3), min_size=1, max_size=3),
)
@settings(max_examples=12)
def test_random_cells_agree_with_pymatgen_face_by_face(noise, atoms):
    lattice, frac = 5 * CUBE + np.reshape(noise, (3, 3)), np.array(atoms)
    assume(np.linalg.det(lattice) > 60 and shortest_distance(lattice, frac) > 0.5)
    faces = faces_of(len(frac), lattice, frac)
    assert solid_angles(faces) == pytest.approx(np.full(len(frac), 4 * np.pi), abs=1e-8)
    for atom, (neighbour, distance, angle) in enumerate(
        complete_faces(pymatgen_structure(([6] * len(frac), lattice, frac)))
    ):
        mine = faces.centre == atom
        ours = faces.neighbour[mine], faces.distance[mine], faces.solid_angle[mine]
        assert listed(*ours) == pytest.approx(listed(neighbour, distance, angle), abs=1e-8)


def shortest_distance(lattice, frac) -> float:
    shifts = np.array(list(itertools.product([-1, 0, 1], repeat=3)))
    vectors = (frac[:, None, None] - frac[None, :, None] + shifts) @ lattice
    distances = np.sort(np.linalg.norm(vectors, axis=-1).ravel())
    return distances[len(frac)]  # the first ones are each atom's distance from itself


def listed(neighbour, distance, angle) -> np.ndarray:
    """Faces in order of solid angle; slivers, which rounding makes and unmakes, are left out."""
    rows = np.stack([neighbour, distance, angle], axis=1)[angle > 1e-7]
    return rows[np.lexsort(np.round(rows, 6).T)]


def test_the_order_of_sites_only_renames_them():
    frac = np.array([[0, 0, 0], [0.31, 0.4, 0.52], [0.7, 0.1, 0.83]])
    order = np.array([2, 0, 1])
    lattice = np.array([[4.1, 0, 0], [0.3, 5.2, 0], [-0.4, 0.9, 6.0]])
    one, other = faces_of(3, lattice, frac), faces_of(3, lattice, frac[order])
    assert solid_angles(one)[order] == pytest.approx(solid_angles(other))
    assert np.bincount(one.neighbour)[order].tolist() == np.bincount(other.neighbour).tolist()


@pytest.mark.parametrize(
    ("n", "lattice", "frac", "says"),
    [
        (2, 3 * CUBE, [[0, 0, 0], [0, 0, 0]], "0.000 angstrom apart"),
        (2, 3 * CUBE, [[0, 0, 0], [1, 0, 0]], "0.000 angstrom apart"),
        (2, 3 * CUBE, [[0.2, 0, 0], [0.2, 0, 1 - 1e-12]], "0.000 angstrom apart"),
        (2, 3 * CUBE, [[0, 0, 0], [0.01, 0, 0]], "0.030 angstrom apart"),
        (2, np.diag([4, 4, 40.0]), [[0, 0, 0.5], [0, 0, 0.501]], "0.040 angstrom apart"),
        (1, np.diag([0.05, 50, 50]), [[0, 0, 0]], "vector of 0.05 angstrom is unphysical"),
        (1, 0 * CUBE, [[0, 0, 0]], "no volume"),
        (1, [[1, 0, 0], [0, 1, 0], [1, 1, 0]], [[0, 0, 0]], "no volume"),
        (1, np.nan * CUBE, [[0, 0, 0]], "not a number"),
        (1, 3 * CUBE, [[0, np.nan, 0]], "not a number"),
        (1, 3 * CUBE, [[0, np.inf, 0]], "not a number"),
        (0, 3 * CUBE, [], "has no atoms"),
        (1, 3 * CUBE, [[0, 0, 0], [0.5, 0.5, 0.5]], "1 atomic numbers but 2 positions"),
    ],
)
def test_impossible_cells_are_refused_in_one_line(n, lattice, frac, says):
    with pytest.raises(UserError, match=says) as caught:
        faces_of(n, lattice, frac)
    assert "\n" not in str(caught.value)


@pytest.mark.real
@pytest.mark.parametrize("name", ["mp-1027170", "mp-1080319", "mp-1247858", "mp-611224", "mp-685011"])
def test_tall_columns_in_which_qhull_fails_or_loses_points(name, real_data):
    from common.data.materials import MaterialsDataset

    table = MaterialsDataset.from_hdf5(real_data / "mp" / "mp_structures.h5")
    faces = voronoi_faces(table.structure(table.rows_of([name])[0]))
    assert np.allclose(solid_angles(faces), 4 * np.pi, atol=1e-8)


@pytest.mark.parametrize("name", ["sc", "fcc", "hcp", "chain"])
def test_both_ways_give_the_same_faces(name, monkeypatch):
    n, lattice, frac = AWKWARD[name]
    cutting = faces_of(n, lattice, frac)
    monkeypatch.setattr(voronoi, "_by_cutting", lambda *_: None)
    growing = faces_of(n, lattice, frac)
    for faces in (cutting, growing):
        assert np.allclose(solid_angles(faces), 4 * np.pi, atol=1e-8)
    # Faces of no area may come out of one way and not of the other.
    one, other = (np.sort(f.solid_angle[f.solid_angle > 1e-6]) for f in (cutting, growing))
    assert np.allclose(one, other, atol=1e-8)


def test_an_incomplete_tessellation_is_never_returned(monkeypatch):
    monkeypatch.setattr(voronoi, "_complete", lambda *_: False)
    with pytest.raises(UserError, match="Voronoi tessellation fails"):
        faces_of(1, 3 * CUBE, [[0, 0, 0]])
