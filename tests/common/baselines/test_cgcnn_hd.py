"""CGCNN-HD is the released network, and its standard deviations are those of dropout."""

import numpy as np
import pytest

from common.baselines.cgcnn import build_cgcnn
from common.baselines.cgcnn_hd import CGCNNHD
from tests.common.baselines.conftest import (
    assert_comes_back,
    of_crystals,
    outputs,
    permuted,
    shaken,
    supercell,
    trainable,
)

SMALL = {"channels": 8, "hidden": 12, "layers": 2, "samples": 20}
RECIPE = {"epochs": 2, "batch": 16}


def test_parameter_count():
    convolution = (2 * 90 + 21) * 180 + 180 + 2 * 180 + 2 * 90
    count = 93 * 90 + 5 * convolution + 91 * 180 + 181 * 180 + 181
    assert trainable(build_cgcnn(CGCNNHD("released").config)) == 242_011 == count


def test_settings_of_the_program():
    model = CGCNNHD("released")
    assert (model.recipe.learning_rate, model.recipe.decay, model.recipe.batch, model.recipe.epochs) == (
        1e-3,
        0.97,
        64,
        200,
    )
    assert (model.config.activation, model.config.dropout, model.config.most, model.config.cutoff) == (
        "tanh",
        0.2,
        8,
        4,
    )


def test_order_and_cell_change_nothing(mini):
    random = np.random.default_rng(0)
    model = CGCNNHD(**SMALL)
    network = shaken(build_cgcnn(model.config))
    crystals = [mini.structure(row) for row in range(0, 336, 30)]
    expected = outputs(model, network, of_crystals(crystals))
    for changed in ([permuted(c, random) for c in crystals], [supercell(c) for c in crystals]):
        assert np.abs(outputs(model, network, of_crystals(changed)) - expected).max() < 1e-5 < np.ptp(expected)


@pytest.fixture(scope="module")
def fitted(table, split):
    return CGCNNHD(seed=1, **RECIPE, **SMALL).fit(table, "formation_energy", split)


def test_it_comes_back_with_its_uncertainty(fitted, table, tmp_path):
    assert_comes_back(fitted, table, tmp_path / "model")
    whole, few = fitted.predict(table, bar=False), fitted.predict(table.take(np.array([5, 3])), bar=False)
    assert np.allclose(whole.std[[5, 3]], few.std, rtol=1e-4)  # no matter in whose company


def test_many_samples_come_to_what_dropout_before_a_linear_layer_must_give(fitted, table):
    """std^2 = p / (1 - p) * sum of (h_k w_k)^2."""
    from dataclasses import replace

    from keras import Model

    before = fitted.config
    try:
        fitted.config = replace(before, samples=4000)
        found = fitted.predict(table, bar=False).std
    finally:
        fitted.config = before
    made = fitted.features(table)
    inner = Model(fitted.model.inputs, fitted.model.get_layer("dense_2").output)
    hidden = np.asarray(inner.predict_on_batch(made.features.batch(np.arange(len(made.rows)))))
    kernel = fitted.model.get_layer("output").get_weights()[0][:, 0]
    expected = fitted.scaler.factor * np.sqrt(0.25 * ((hidden * kernel) ** 2).sum(axis=1))
    assert np.allclose(found, expected, rtol=0.06)
