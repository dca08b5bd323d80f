"""CGCNN is the published network, and neither the order of sites nor the choice of the cell matters to it."""

from dataclasses import replace

import numpy as np
import pytest

from common.baselines.cgcnn import CGCNN, VARIANTS, CGCNNConfig, build_cgcnn
from common.baselines.layers import GatedConvolution, Gaussians
from common.data.splits import Split
from common.errors import UserError
from common.train.devices import PRECISIONS
from tests.common.baselines.conftest import (
    assert_comes_back,
    of_crystals,
    outputs,
    permuted,
    shaken,
    supercell,
    trainable,
)

SMALL = {"channels": 8, "hidden": 12, "layers": 2}
RECIPE = {"epochs": 2, "batch": 16}


@pytest.fixture(scope="module")
def network():
    return shaken(build_cgcnn(CGCNNConfig(**SMALL)))


def test_parameter_count():
    convolution = (2 * 64 + 41) * 128 + 128 + 2 * 128 + 2 * 64
    assert trainable(build_cgcnn()) == 80_833 == 93 * 64 + 3 * convolution + 65 * 128 + 129


def test_defaults_of_the_program():
    recipe, config = CGCNN().recipe, CGCNN("released").config
    assert (recipe.optimizer, recipe.learning_rate, recipe.drop_at, recipe.batch) == ("sgd", 0.01, 100, 256)
    assert (recipe.epochs, recipe.loss, recipe.standardize) == (30, "mse", True)
    assert (config.channels, config.layers, config.hidden, config.dense) == (64, 3, 128, 1)
    assert (config.cutoff, config.most, config.ties) == (8.0, 12, "cut")


def random_graph(seed=0, m=7, e=20, c=4, d=3):
    random = np.random.default_rng(seed)
    pairs = random.integers(0, m - 1, (2, e)).astype(np.int32)
    weights = random.choice([0.0, 0.5, 1.0], e).astype(np.float32)
    pairs[:, weights == 0] = m - 1  # filling pairs touch the last atom alone
    counts = np.ones(m, dtype=np.float32)
    counts[-1] = 0
    nodes, edges = random.normal(size=(m, c)).astype(np.float32), random.normal(size=(e, d)).astype(np.float32)
    return nodes, *pairs, weights, counts, edges


def weights_of(layer, seed=1):
    random = np.random.default_rng(seed)
    layer.set_weights([random.uniform(0.2, 1.0, w.shape) for w in layer.get_weights()])
    return layer.kernel.numpy(), layer.bias.numpy()


def test_the_layer_equals_spektrals_crystal_conv():
    """Spektral's has no BatchNorm and no last activation: ours with norms that do nothing, through softplus."""
    import tensorflow as tf
    from spektral.layers import CrystalConv

    nodes, firsts, seconds, weights, counts, edges = random_graph()
    weights = (weights > 0).astype(np.float32)
    layer = GatedConvolution()
    layer(nodes, firsts, seconds, weights, counts, edges)
    kernel, bias = weights_of(layer)
    for norm in layer.norms:
        one = np.ones(norm.gamma.shape)
        norm.set_weights([one, 0 * one, 0 * one, one - norm.epsilon])  # gamma, beta, mean, variance
    there = weights > 0
    indices = np.stack([seconds[there], firsts[there]], axis=1).astype(np.int64)  # sender first
    other = CrystalConv(activation="softplus")
    adjacency = tf.sparse.SparseTensor(indices, np.ones(len(indices), np.float32), (len(nodes), len(nodes)))
    other.build([nodes.shape, adjacency.shape, edges.shape])
    for dense in (other.dense_f, other.dense_s):
        dense.build((None, kernel.shape[0]))
    other.dense_f.set_weights([kernel[:, :4], bias[:4]])
    other.dense_s.set_weights([kernel[:, 4:], bias[4:]])
    expected = tf.nn.softplus(other.propagate(tf.constant(nodes), adjacency, tf.constant(edges[there])))
    found = layer(nodes, firsts, seconds, weights, counts, edges, training=False)
    assert np.abs(np.asarray(found) - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("activation", ["softplus", "tanh"])
def test_the_layer_equals_the_equations(activation):
    """With BatchNorm as in training, over the pairs and atoms that are there."""
    nodes, firsts, seconds, weights, counts, edges = random_graph(3)
    layer = GatedConvolution(activation)
    layer(nodes, firsts, seconds, weights, counts, edges)
    kernel, bias = weights_of(layer)
    f = {"softplus": lambda x: np.log1p(np.exp(x)), "tanh": np.tanh}[activation]

    def norm(x, weight, layer):
        mean = np.average(x, axis=0, weights=weight)
        variance = np.average((x - mean) ** 2, axis=0, weights=weight)
        return (x - mean) / np.sqrt(variance + 1e-5) * layer.gamma.numpy() + layer.beta.numpy()

    z = np.concatenate([nodes[firsts], nodes[seconds], edges], axis=1) @ kernel + bias
    z = norm(z, weights, layer.norms[0])
    message = weights[:, None] / (1 + np.exp(-z[:, :4])) * f(z[:, 4:])
    total = np.zeros_like(nodes)
    np.add.at(total, firsts, message)
    expected = f(nodes + norm(total, counts, layer.norms[1]))
    found = np.asarray(layer(nodes, firsts, seconds, weights, counts, edges, training=True))
    assert np.abs(found - expected)[:-1].max() < 1e-4


def test_gaussians():
    values = np.asarray(Gaussians()(np.array([0.0, 1.0, 7.9], dtype=np.float32)))
    assert values.shape == (3, 41) and np.isclose(values[1, 5], 1.0) and np.isclose(values[1, 6], np.exp(-1), atol=1e-5)


def test_order_company_and_cell_change_nothing(network, mini):
    random = np.random.default_rng(0)
    model = CGCNN(**SMALL)
    crystals = [mini.structure(row) for row in range(0, 336, 30)]
    expected = outputs(model, network, of_crystals(crystals))
    assert np.ptp(expected) > 1e-2
    for changed in ([permuted(c, random) for c in crystals], [supercell(c) for c in crystals]):
        assert np.abs(outputs(model, network, of_crystals(changed)) - expected).max() < 1e-5
    alone = np.concatenate([outputs(model, network, of_crystals([c])) for c in crystals])
    assert np.abs(alone - expected).max() < 1e-5


@pytest.mark.parametrize("precision", PRECISIONS)
def test_gradients_are_finite(precision):
    import tensorflow as tf

    from common.train import devices

    devices.setup(0, precision=precision)
    try:
        far = (np.array([2, 10]), np.eye(3) * 30, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))
        with pytest.warns(UserWarning, match="1 of 2 crystals have no two sites within 8 angstrom"):
            features = (
                CGCNN().features(of_crystals([far, (np.array([29]), np.eye(3) * 2.5, np.zeros((1, 3)))])).features
            )
        model = shaken(build_cgcnn(CGCNNConfig(**SMALL)))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(features.batch(np.arange(2)), training=True) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        assert all(np.isfinite(g).all() for g in gradients) and np.isfinite(loss)
    finally:
        devices.setup(0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_learns_and_comes_back(variant, table, split, tmp_path):
    model = CGCNN(variant, seed=1, **RECIPE, **SMALL).fit(table, "formation_energy", split)
    losses = [row["loss"] for row in model.state.history]
    assert losses[-1] < losses[0]
    loaded = assert_comes_back(model, table, tmp_path / "model")
    assert loaded.config == replace(VARIANTS[variant], **SMALL)


def test_bad_materials_are_named_and_the_rest_goes_on(mini):
    from common.data.materials import MaterialsDataset, Target

    good = mini.structure(0)
    heavy = good._replace(numbers=np.full_like(good.numbers, 104))
    ids, crystals = ["a", "b", "c", "d"], [good, heavy, None, mini.structure(20)]
    table = MaterialsDataset.from_structures(
        ids, crystals, {"gap": Target(np.arange(4.0), "eV")}, formulas=["A"] * 4, origin="test"
    )
    model = CGCNN(**SMALL, epochs=1).fit(table, "gap", Split(("a", "b"), ("d",), ()))
    assert model.predict(table, bar=False).ids.tolist() == ["a", "d"]
    assert "do not cover Rf" in model.left_out["b"] and "needs a structure" in model.left_out["c"]
    with pytest.raises(UserError, match="no such setting"):
        CGCNN(depth=4)
    with pytest.raises(UserError, match="'adagrad' is unknown"):
        CGCNN(optimizer="adagrad")
