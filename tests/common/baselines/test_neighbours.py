"""Neighbours are those of an independent, slow search, and tied ones share the last places."""

import numpy as np
from pymatgen.core import Lattice, Structure

from common.baselines.neighbours import NeighbourGraphs, neighbours
from common.chem.crystal import Crystal
from common.chem.element_vectors import element_vectors
from common.features.ragged import Ragged
from tests.common.baselines.conftest import supercell


def test_all_neighbours_are_those_of_pymatgen(mini):
    for row in range(0, len(mini), 40):
        crystal = mini.structure(row)
        graph = neighbours(crystal, 5.0)
        structure = Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac)
        for site, near in enumerate(structure.get_all_neighbors(5.0)):
            ours = graph["distance"][graph["centre"] == site]
            assert np.allclose(ours, sorted(n.nn_distance for n in near), atol=1e-5)
        assert (graph["weight"] == 1).all()


def test_cutting_leaves_the_nearest(mini):
    crystal = mini.structure(7)
    whole, cut = neighbours(crystal, 8.0), neighbours(crystal, 8.0, 12, "cut")
    for site in range(len(crystal.numbers)):
        nearest = np.sort(whole["distance"][whole["centre"] == site])[:12]
        assert np.array_equal(cut["distance"][cut["centre"] == site], nearest)


def test_ties_share_the_last_places():
    """A simple cubic site has 6 neighbours, 12 at sqrt(2) and 8 at sqrt(3) lattice constants."""
    cell = Crystal(np.array([84]), np.eye(3) * 3.0, np.zeros((1, 3)))
    graph = neighbours(cell, 8.0, 12)
    assert np.allclose(graph["weight"], [1.0] * 6 + [0.5] * 12)
    assert np.allclose(np.bincount(graph["centre"], graph["weight"]), 12)
    assert len(neighbours(cell, 8.0, 12, "cut")["weight"]) == 12
    assert len(neighbours(cell, 8.0, 6)["weight"]) == 6  # a full shell is tied with none
    assert len(neighbours(cell, 3.5, 12)["weight"]) == 6  # too few are all taken


def test_weights_belong_to_the_crystal_not_to_its_cell(mini):
    for row in (0, 50, 100, 200):
        crystal = mini.structure(row)
        one, other = neighbours(crystal, 8.0, 12), neighbours(supercell(crystal), 8.0, 12)
        assert np.isclose(other["weight"].sum(), 2 * one["weight"].sum())
        assert np.isclose((other["weight"] * other["distance"]).sum(), 2 * (one["weight"] * one["distance"]).sum())


def test_no_neighbours():
    far = (np.array([2, 10]), np.eye(3) * 20, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    graph = neighbours(far, 8.0, 12)
    assert len(graph["centre"]) == 0 and graph["numbers"].tolist() == [2, 10]
    batch = NeighbourGraphs(Ragged.stack([graph, graph]), element_vectors("cgcnn")).batch(np.arange(2))
    assert batch["weights"].sum() == 0 and batch["sizes"].tolist() == [2, 2]
