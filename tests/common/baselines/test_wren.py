"""Wren sees the space group and the occupied positions, in all equivalent descriptions, and nothing else."""

import numpy as np
import pytest

from common.baselines.roost import build_roost
from common.baselines.wren import SYMMETRY, Wren, WrenConfig, WyckoffGraphs, build_wren, symmetry_vectors, wyckoff_graph
from common.chem.element_vectors import element_vectors
from common.data.splits import Split
from common.errors import UserError
from common.features.graphs import all_pairs
from common.features.ragged import Ragged
from tests.common.baselines.conftest import (
    assert_comes_back,
    of_crystals,
    outputs,
    permuted,
    shaken,
    supercell,
    trainable,
)

SMALL = {"channels": 6, "symmetry": 5, "hidden": 7, "layers": 2, "trunk": (12, 8), "tail": (8, 6)}
RECIPE = {"epochs": 2, "batch": 16}
VECTORS = element_vectors("matscholar")


def p1_cell(n: int, seed: int = 0):
    """Atoms on a shaken grid, so that none overlap."""
    random = np.random.default_rng(seed)
    grid = random.permutation(np.indices((8, 8, 8)).reshape(3, -1).T)[:n]
    return random.choice([8, 14], n), np.diag([20.0, 21.0, 22.0]), (grid + random.uniform(-0.3, 0.3, (n, 3))) / 8


@pytest.fixture(scope="module")
def network():
    return shaken(build_wren(WrenConfig(**SMALL)))


def test_parameter_count():
    message, pool = 82_754, 49_986
    head = trainable(build_roost()) - 201 * 63 - 9 * message - 3 * pool
    assert SYMMETRY == 444
    assert trainable(build_wren()) == 1_713_706 == 201 * 32 + 446 * 32 + 3 * message + pool + head


def test_symmetry_vectors():
    table, rows = symmetry_vectors()
    assert table.shape == (1731, 444)
    points = table[:, :185].sum(axis=1)
    assert np.array_equal(points, table[:, 185:433].sum(axis=1)) and points.max() == 192
    assert (table[:, 433:439].sum(axis=1) == 1).all() and (table[:, 439:].sum(axis=1) == 1).all()
    assert len({row.tobytes() for row in table}) > 900
    one, other = (table[rows[225, letter]] for letter in "ab")
    assert np.abs(one - other).sum() == 2 * 4  # the origin and the middle of an edge


def one_by_one(network, crystal):
    """The output from every equivalent description by itself, every occupied position a node of its own."""
    from keras import Model

    graph = wyckoff_graph(crystal, 10**6)
    head = Model(network.get_layer("average").output, network.output)
    pool = Model(network.inputs, network.get_layer("pool").output)
    ends = np.cumsum(graph["sizes"])
    vectors = []
    for start, end in zip(ends - graph["sizes"], ends, strict=True):
        part = np.repeat(np.arange(start, end), graph["counts"][start:end])
        alone = {name: graph[name][part] for name in ("numbers", "places", "fractions")}
        alone |= {"counts": np.ones(len(part), dtype=int), "sizes": np.array([len(part)])}
        vectors.append(pool.predict_on_batch(WyckoffGraphs(Ragged.stack([alone]), VECTORS).batch(np.arange(1)))[0])
    return head.predict_on_batch(np.mean(vectors, axis=0)[None])[0, 0], len(vectors)


def test_it_averages_over_equivalent_descriptions(network, mini):
    crystals = [mini.structure(row) for row in (0, 45, 90, 200, 300)]
    crystals.append((np.array([14] * 4 + [8] * 5), *p1_cell(9)[1:]))
    found = outputs(Wren(**SMALL), network, of_crystals(crystals))
    expected = [one_by_one(network, crystal) for crystal in crystals]
    assert np.abs(found - [value for value, _ in expected]).max() < 1e-5
    assert max(n for _, n in expected) > 1


def test_order_origin_and_cell_change_nothing(network, mini):
    """An origin at an equivalent position swaps the letters that spglib gives."""
    random = np.random.default_rng(0)
    model = Wren(**SMALL)
    crystals = [mini.structure(row) for row in range(0, 336, 20)]
    expected = outputs(model, network, of_crystals(crystals))
    moved = [c._replace(frac=c.frac + 0.5) for c in crystals]
    for changed in ([permuted(c, random) for c in crystals], [supercell(c) for c in crystals], moved):
        assert np.abs(outputs(model, network, of_crystals(changed)) - expected).max() < 1e-5 < np.ptp(expected)
    strained = [c._replace(lattice=c.lattice * 1.03) for c in crystals]
    assert np.abs(outputs(model, network, of_crystals(strained)) - expected).max() < 1e-6


def test_a_p1_cell_is_its_formula_and_size(network):
    """500 atoms are two nodes: as many pairs as a small cell has."""
    large = p1_cell(500)
    graph = wyckoff_graph(large, 100)
    assert len(graph["numbers"]) == 2 and graph["counts"].sum() == 500 and len(all_pairs(graph["sizes"])) == 4
    half = np.array([8, 14] * 250), *large[1:]
    moved = np.array([14, 8] * 250), *p1_cell(500, seed=1)[1:]
    smaller = np.array([8, 14] * 5), *p1_cell(10)[1:]
    found = outputs(Wren(**SMALL), network, of_crystals([half, moved, smaller]))
    assert abs(found[0] - found[1]) < 1e-5 < 1e-3 < abs(found[0] - found[2])


@pytest.mark.slow
def test_it_learns_and_comes_back(table, split, tmp_path):
    model = Wren(seed=1, **RECIPE, **SMALL).fit(table, "formation_energy", split)
    assert model.state.history[-1]["loss"] < model.state.history[0]["loss"]
    assert_comes_back(model, table, tmp_path / "model")


def test_bad_crystals_are_named_and_the_rest_goes_on(mini):
    overlap = (np.array([11, 11]), np.eye(3) * 4, np.zeros((2, 3)))
    heavy = (np.array([118]), np.eye(3) * 4, np.zeros((1, 3)))
    table = of_crystals([mini.structure(0), overlap, heavy, mini.structure(9)])
    model = Wren(**SMALL, epochs=1).fit(table, "gap", Split(("0", "1"), ("3",), ()))
    assert model.predict(table, bar=False).ids.tolist() == ["0", "3"]
    assert "two atoms are only" in model.left_out["1"] and "do not cover Og" in model.left_out["2"]
    with pytest.raises(UserError, match=r"make [0-9,]+ pairs; Wren accepts 1 \(limit="):
        wyckoff_graph(mini.structure(0), 1)
