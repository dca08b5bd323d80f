"""MEGNet's block and set2set are those of a plain program; isolated atoms are dropped or kept."""

from itertools import pairwise

import numpy as np
import pytest

from common.baselines.megnet import VARIANTS, MEGNet, MEGNetConfig, build_megnet
from common.baselines.megnet_layers import MEGNetBlock, Set2Set
from common.data.splits import Split
from common.errors import UserError
from tests.common.baselines.conftest import (
    assert_comes_back,
    of_crystals,
    outputs,
    permuted,
    shaken,
    supercell,
    trainable,
)

SMALL = {"blocks": 2, "channels": 4, "units": (8, 6, 4), "gaussians": 10}
RECIPE = {"epochs": 2, "batch": 16}
FAR = (np.array([2, 10]), np.eye(3) * 20, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))


def test_parameter_count():
    def mlp(*sizes):
        return sum(a * b + b for a, b in pairwise(sizes))

    block = mlp(128, 64, 64, 32) + 2 * mlp(96, 64, 64, 32)
    start = mlp(16, 64, 32) + mlp(100, 64, 32) + mlp(2, 64, 32)
    sets = 2 * (32 * 16 + 16 + 32 * 64 + 64)
    whole = 95 * 16 + start + 3 * block + 2 * 3 * mlp(32, 64, 32) + sets + mlp(96, 32, 16, 1)
    assert trainable(build_megnet()) == 167_761 == whole


def test_defaults_of_the_program():
    recipe, config = MEGNet("released").recipe, MEGNet("released").config
    assert (recipe.learning_rate, recipe.clip, recipe.batch, recipe.epochs, recipe.patience) == (
        1e-3,
        3,
        128,
        1000,
        500,
    )
    assert (config.cutoff, config.gaussians, config.last, config.width) == (4, 100, 5, 0.5)
    assert (config.isolated, config.memory) == ("drop", False)


def softplus2(x):
    return np.log(np.exp(x) / 2 + 0.5)


def test_the_block_equals_the_equations():
    random = np.random.default_rng(1)
    m, e, graphs, c = 6, 14, 2, 3
    graph = np.array([0, 0, 0, 1, 1, 0], dtype=np.int32)
    counts = np.array([1, 1, 1, 1, 1, 0], dtype=np.float32)
    members = [[0, 1, 2], [3, 4]]
    pairs = np.array([random.choice(members[random.integers(0, 2)], 2) for _ in range(e)]).T.astype(np.int32)
    weights = np.ones(e, dtype=np.float32)
    weights[-2:], pairs[:, -2:] = 0, m - 1
    v, edges, u = (random.normal(size=(n, c)).astype(np.float32) for n in (m, e, graphs))
    block = MEGNetBlock((5, 4, 3))
    block(v, edges, u, *pairs, weights, graph, counts)
    block.set_weights([random.normal(size=w.shape) for w in block.get_weights()])

    def network(name, x):
        arrays = getattr(block, f"{name}_network").get_weights()
        for k in range(0, 6, 2):
            x = x @ arrays[k] + arrays[k + 1]
            x = softplus2(x) if k < 4 else x
        return x

    owner = graph[pairs[0]]
    new_edges = network("edge", np.concatenate([v[pairs[0]], v[pairs[1]], edges, u[owner]], axis=1))
    real = weights > 0
    around = np.array(
        [
            new_edges[real & (pairs[0] == k)].mean(axis=0) if (real & (pairs[0] == k)).any() else np.zeros(3)
            for k in range(m)
        ]
    )
    new_v = network("atom", np.concatenate([around, v, u[graph]], axis=1))
    means = [
        np.concatenate(
            [new_edges[real & (owner == g)].mean(axis=0), new_v[(counts > 0) & (graph == g)].mean(axis=0), u[g]]
        )
        for g in range(graphs)
    ]
    found = [np.asarray(x) for x in block(v, edges, u, *pairs, weights, graph, counts)]
    assert np.abs(found[0] - new_v)[counts > 0].max() < 1e-4
    assert np.abs(found[1] - new_edges)[real].max() < 1e-4
    assert np.abs(found[2] - network("state", np.array(means))).max() < 1e-4


@pytest.mark.parametrize("memory", [True, False])
def test_set2set_equals_the_equations(memory):
    random = np.random.default_rng(4)
    x = random.normal(size=(9, 5)).astype(np.float32)
    weights = np.array([1, 1, 1, 1, 0.5, 1, 1, 0, 0], dtype=np.float32)
    group = np.array([0, 0, 0, 2, 2, 2, 2, 0, 0], dtype=np.int32)  # set 1 is empty
    layer = Set2Set(3, memory=memory)
    layer(x, weights, group, np.zeros(3, np.float32))
    layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])
    kernel, bias, recurrent, recurrent_bias = layer.get_weights()
    found = np.asarray(layer(x, weights, group, np.zeros(3, np.float32)))

    def gate(z):
        return np.clip(0.2 * z + 0.5, 0, 1)

    members = x @ kernel + bias
    for one in range(3):
        mine = (group == one) & (weights > 0)
        cell, question = np.zeros(3), np.zeros(6)
        for _ in range(3):
            enter, keep, new, out = np.split(question @ recurrent + recurrent_bias, 4)
            state = gate(keep) * cell + gate(enter) * np.tanh(new)
            asked = gate(out) * np.tanh(state)
            cell = state if memory else cell
            raised = weights[mine] * np.exp(members[mine] @ asked)
            answer = raised @ members[mine] / raised.sum() if mine.any() else np.zeros(3)
            question = np.concatenate([asked, answer])
        assert np.abs(found[one] - question).max() < 1e-4


def test_order_company_and_cell_change_nothing(mini):
    random = np.random.default_rng(0)
    model, network = MEGNet(**SMALL), shaken(build_megnet(MEGNetConfig(**SMALL)))
    crystals = [mini.structure(row) for row in range(0, 336, 30)]
    expected = outputs(model, network, of_crystals(crystals))
    for changed in ([permuted(c, random) for c in crystals], [supercell(c) for c in crystals]):
        assert np.abs(outputs(model, network, of_crystals(changed)) - expected).max() < 1e-4 < np.ptp(expected)
    alone = np.concatenate([outputs(model, network, of_crystals([c])) for c in crystals[:4]])
    assert np.abs(alone - expected[:4]).max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_it_learns_and_comes_back(variant, table, split, tmp_path):
    model = MEGNet(variant, seed=1, **RECIPE, **SMALL, isolated="keep").fit(table, "formation_energy", split)
    assert model.state.history[-1]["loss"] < model.state.history[0]["loss"]
    assert_comes_back(model, table, tmp_path / "model")


@pytest.mark.slow
def test_isolated_atoms(mini):
    table = of_crystals(
        [mini.structure(0), FAR, mini.structure(9)._replace(numbers=np.full(len(mini.structure(9).numbers), 95))]
    )
    model = MEGNet("released", **SMALL, epochs=1).fit(table, "gap", Split(("0", "1"), (), ()))
    assert model.predict(table, bar=False).ids.tolist() == ["0"]
    assert "its He has no neighbour within 4 angstrom" in model.left_out["1"]
    assert "ends at Pu and has none for Am" in model.left_out["2"]
    with pytest.warns(UserWarning, match="1 of 2 crystals have no two sites within 4 angstrom"):
        kept = MEGNet(**SMALL, epochs=1).fit(table, "gap", Split(("0", "1"), (), ()))
        assert np.isfinite(kept.predict(table, bar=False).prediction).all()
    with pytest.raises(UserError, match="unknown value 'loose' for isolated"):
        MEGNet(isolated="loose")
