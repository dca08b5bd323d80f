"""Graphs are those that an independent, slow construction gives, in whatever order the atoms come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from common.chem.element_vectors import element_vectors
from common.errors import UserError
from common.features.graphs import bucket
from common.features.ragged import Ragged
from common.sources import load_source
from finder.config import FinderConfig
from finder.graphs import CrystalGraphs, FormulaGraphs, crystal_graph, formula_graph, from_disjoint, gaussians

CRYSTAL = FinderConfig(mode="crystal")


def test_formula_graph():
    graph = formula_graph("Ba0.5Sr0.5TiO3")
    assert graph["numbers"].tolist() == [8, 22, 38, 56] and graph["counts"].tolist() == [6, 2, 1, 1]
    with pytest.raises(UserError, match=r"^Fe0\.9999Ni0\.0001: its reduced formula has 10,000 atoms"):
        formula_graph("Fe0.9999Ni0.0001")


def slow_edges(crystal, cutoff=4.0) -> dict[tuple[int, int], float]:
    """Every pair of sites nearer than the cutoff by pymatgen's shortest image."""
    matrix = Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac).distance_matrix
    pairs = np.argwhere((matrix < cutoff) & ~np.eye(len(matrix), dtype=bool))
    return {(int(i), int(j)): float(matrix[i, j]) for i, j in pairs}


def edges_of(graph) -> dict[tuple[int, int], float]:
    pairs = zip(graph["centre"].tolist(), graph["neighbour"].tolist(), strict=True)
    return dict(zip(pairs, graph["distance"].tolist(), strict=True))


def assert_same_edges(graph, expected):
    found = edges_of(graph)
    assert len(found) == len(graph["centre"]), "a pair occurs twice"
    # A distance within rounding of the cutoff may fall on either side.
    borderline = {pair for pair, d in {**found, **expected}.items() if abs(d - 4.0) < 1e-6}
    assert set(found) - borderline == set(expected) - borderline
    assert all(abs(found[pair] - expected[pair]) < 1e-5 for pair in set(found) & set(expected))


def test_crystal_graphs_equal_the_slow_ones(mini):
    for row in range(0, len(mini), 6):
        crystal = mini.structure(row)
        assert_same_edges(crystal_graph(crystal), slow_edges(crystal))


@pytest.mark.real
def test_crystal_graphs_of_real_structures_equal_the_slow_ones(real_data):
    table = load_source("mp-structures")
    sizes = np.array([table.n_sites(row) for row in range(0, len(table), 97)])
    rows = np.arange(0, len(table), 97)[np.argsort(sizes, kind="stable")][::23][:50]
    assert len(rows) == 50
    for row in rows:
        crystal = table.structure(int(row))
        graph = crystal_graph(crystal, FinderConfig(mode="crystal", order="grouped"))
        assert_same_edges(graph, slow_edges(crystal))
        symbols = [site.specie.Z for site in Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac)]
        firsts = list(dict.fromkeys(symbols))
        assert graph["numbers"].tolist() == sorted(symbols, key=firsts.index)


def test_all_images(mini):
    crystal = mini.structure(5)
    graph = crystal_graph(crystal, FinderConfig(mode="crystal", images="all"))
    structure = Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac)
    expected = [sorted(n.nn_distance for n in near) for near in structure.get_all_neighbors(4.0)]
    for site, distances in enumerate(expected):
        assert np.allclose(np.sort(graph["distance"][graph["centre"] == site]), distances, atol=1e-5)


def test_one_atom_and_no_neighbours():
    cell = (np.array([29]), np.eye(3) * 2.5, np.zeros((1, 3)))
    assert len(crystal_graph(cell)["centre"]) == 0  # its images are the same site
    assert len(crystal_graph(cell, FinderConfig(mode="crystal", images="all"))["centre"]) == 18
    far = (np.array([2, 2]), np.eye(3) * 20, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert len(crystal_graph(far)["centre"]) == 0


def test_site_order():
    """Na O Na, as `released` lists it: sodium first, though the second site is oxygen."""
    cell = (np.array([11, 8, 11]), np.eye(3) * 5, np.array([[0, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0]]))
    assert crystal_graph(cell)["numbers"].tolist() == [11, 8, 11]
    assert crystal_graph(cell, FinderConfig(mode="crystal", order="grouped"))["numbers"].tolist() == [11, 11, 8]


MINI = load_source("mini")


@given(st.integers(0, 335), st.randoms(use_true_random=False))
def test_edges_follow_the_sites(number, random):
    crystal = MINI.structure(number)
    order = list(range(len(crystal.numbers)))
    random.shuffle(order)
    shift = np.array([random.random() for _ in range(3)])
    moved = crystal._replace(numbers=crystal.numbers[order], frac=crystal.frac[order] + shift)
    one, other = edges_of(crystal_graph(crystal)), edges_of(crystal_graph(moved))
    mapped = {(order[i], order[j]): d for (i, j), d in other.items()}
    assert set(one) == set(mapped) and all(abs(one[pair] - mapped[pair]) < 1e-5 for pair in one)


def test_large_cells_take_memory_by_edges_not_by_pairs():
    import tracemalloc

    n = 16
    grid = np.stack(np.meshgrid(*[np.arange(n)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) / n
    # Two elements, since one alone is a formula of one atom whatever the cell.
    numbers = np.where(grid.sum(axis=1) * n % 2 < 0.5, 11, 17)
    tracemalloc.start()
    graph = crystal_graph((numbers, np.eye(3) * 3.0 * n, grid))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(graph["centre"]) == 6 * n**3
    assert peak < 0.5 * 8 * n**6  # half of one matrix of all pairs in double precision


def test_gaussians():
    values = gaussians(np.array([0.0, 1.0, 3.9], dtype=np.float32))
    assert values.shape == (3, 20) and values.dtype == np.float32
    assert values[1, 4] == 1.0 and np.isclose(values[1, 6], np.exp(-1), atol=1e-6)
    assert np.isclose(gaussians(np.array([5.0]), 5.0)[0, -1], 1.0)


def test_buckets():
    sizes = {bucket(n) for n in range(1, 5000)}
    assert len(sizes) < 50 and all(n <= bucket(n) <= max(1.25 * n, n + 1) for n in range(1, 5000))


def test_formula_batch():
    graphs = Ragged.stack([formula_graph(f) for f in ("SrTiO3", "Si", "O2")])
    batch = FormulaGraphs(graphs, element_vectors("matscholar")).batch(np.arange(3))
    assert batch["nodes"].shape == (6, 200) and not batch["nodes"][5].any()
    assert batch["graph"][:5].tolist() == [0, 0, 0, 1, 2] and batch["counts"].tolist() == [3, 1, 1, 1, 1, 0]
    assert batch["sizes"].tolist() == [5, 1, 1]
    # O, Ti, Sr: an oxygen atom has two others, one Ti and one Sr; Ti has three O and one Sr.
    pairs = zip(batch["firsts"].tolist(), batch["seconds"].tolist(), batch["weights"].tolist(), strict=True)
    expected = {(0, 0): 2, (0, 1): 1, (0, 2): 1, (1, 0): 3, (1, 2): 1, (2, 0): 3, (2, 1): 1}
    assert {(i, j): w for i, j, w in pairs} == expected


@pytest.mark.parametrize("images", ["nearest", "all"])
def test_a_crystal_batch_holds_every_pair_once(images, mini):
    config = FinderConfig(mode="crystal", images=images)
    graphs = [crystal_graph(mini.structure(row), config) for row in (3, 30, 100)]
    batch = CrystalGraphs(Ragged.stack(graphs), element_vectors("matscholar")).batch(np.arange(3))
    there = batch["weights"] > 0
    assert 2 * there.sum() == sum(len(g["centre"]) for g in graphs)
    starts = np.concatenate([[0], np.cumsum([len(g["numbers"]) for g in graphs])])
    expected = [
        (a + s, b + s, round(float(d), 3))
        for s, g in zip(starts, graphs, strict=False)
        for a, b, d in zip(g["centre"], g["neighbour"], g["distance"], strict=True)
    ]
    # The widest Gaussians tell the distance: log(g_0 / g_k) is linear in it.
    distance = (np.log(batch["edges"][:, 4]) - np.log(batch["edges"][:, 12])) * -0.25 / 4 + 2
    one = [(int(a), int(b), d) for a, b, d in zip(batch["firsts"], batch["seconds"], distance, strict=True)]
    both = [pair for (a, b, d), t in zip(one, there, strict=True) if t for pair in ((a, b, d), (b, a, d))]
    assert len(both) == len(expected)
    for found, wanted in zip(sorted(both), sorted(expected), strict=True):
        assert found[:2] == wanted[:2] and abs(found[2] - wanted[2]) < 2e-3


def test_disjoint_mode_gives_the_same_batch(mini):
    graphs = [crystal_graph(mini.structure(row)) for row in (3, 30, 100)]
    batches = CrystalGraphs(Ragged.stack(graphs), element_vectors("matscholar"))
    sizes = [len(g["numbers"]) for g in graphs]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    pairs = [np.stack([g["centre"] + s, g["neighbour"] + s], axis=1) for g, s in zip(graphs, starts, strict=True)]
    own = from_disjoint(
        element_vectors("matscholar").table[np.concatenate([g["numbers"] for g in graphs])],
        np.concatenate(pairs),
        gaussians(np.concatenate([g["distance"] for g in graphs])),
        np.repeat(np.arange(3), sizes),
    )
    batch = batches.batch(np.arange(3))
    assert set(own) == set(batch) and all(np.array_equal(own[name], batch[name]) for name in own)
    with pytest.raises(UserError, match="every pair in both directions"):
        from_disjoint(np.zeros((2, 200)), np.array([[0, 1]]), np.zeros((1, 20)), np.zeros(2, dtype=int))
