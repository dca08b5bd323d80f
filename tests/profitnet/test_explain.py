"""SHAP values sum to what they explain, and land in the blocks to which they belong."""

import csv

import numpy as np
import pytest

from common.errors import UserError
from profitnet import explain as explaining
from profitnet.atoms import ATOM, BLOCKS
from profitnet.regressor import OFMCNN, PROFiTNet

NAMES = list(BLOCKS)


def linear_network(weights: np.ndarray):
    """f(x) = sum of weights times entries, whose SHAP values are weights times (x - mean of the background)."""
    from keras import Input, Model, layers

    inputs = Input((ATOM * ATOM, 1))
    outputs = layers.Dense(1, use_bias=False)(layers.Flatten()(inputs))
    model = Model(inputs, outputs)
    model.set_weights([weights.reshape(-1, 1).astype(np.float32)])
    return model


@pytest.fixture
def untrained():
    """A network with its start weights is as good to explain as a trained one."""
    from common.train import devices

    devices.setup(0)
    model = PROFiTNet()
    model.model, model.target, model.unit = model.build(), "formation_energy", "eV/atom"
    return model


def test_a_linear_model_gives_the_exact_values(mini):
    weights = np.random.default_rng(0).normal(size=(ATOM, ATOM))
    model = PROFiTNet()
    model.model, model.unit = linear_network(weights), "eV"
    table, background = mini.take(np.arange(0, 40, 4)), mini.take(np.arange(100, 112))
    found = explaining.explain(model, table, background=background, samples=10)
    x = model.features(table).features.batch(np.arange(10))[..., 0]
    mean = model.features(background).features.batch(np.arange(12))[..., 0].mean(axis=0)
    exact = np.abs(weights.reshape(-1) * (x - mean)).sum(axis=0).reshape(ATOM, ATOM)
    assert np.allclose(found.matrix, explaining.grouped(exact), atol=1e-6)
    assert found.matrix.sum() == pytest.approx(1)


def test_only_the_block_that_a_model_reads_is_important(mini):
    weights = np.zeros((ATOM, ATOM))
    weights[BLOCKS["period"], BLOCKS["block"]] = 1.0
    model = PROFiTNet()
    model.model, model.unit = linear_network(weights), "eV"
    found = explaining.explain(model, mini.take(np.arange(0, 300, 30)), background=mini.take(np.arange(5)))
    assert found.pairs()[0] == ("period", "block", pytest.approx(1.0))
    assert (found.rows, found.columns) == ("neighbour", "centre")


def test_values_of_the_network_sum_to_its_prediction(untrained, mini):
    found = explaining.explain(untrained, mini, background=mini.take(np.arange(0, 20)), samples=3)
    predicted = untrained.predict(mini, bar=False).prediction
    assert found.materials == 3
    assert found.gap < 1e-3 * np.ptp(predicted)


def test_the_article_variant_has_the_centre_in_its_rows(mini):
    model = PROFiTNet("paper")
    model.model, model.unit = linear_network(np.ones((ATOM, ATOM))), "eV"
    found = explaining.explain(model, mini.take([0, 50]), background=mini.take([1, 2]))
    assert (found.rows, found.columns) == ("centre", "neighbour")


def test_files_and_pictures_are_written(tmp_path):
    matrix = np.arange(121.0).reshape(11, 11)
    explaining.Importance(matrix / matrix.sum(), "neighbour", "centre", 7, 0.0, "eV").save(tmp_path)
    rows = list(csv.reader((tmp_path / "importance.csv").read_text().splitlines()))
    assert rows[0][1:] == NAMES and [row[0] for row in rows[1:]] == NAMES
    assert float(rows[-1][-1]) == pytest.approx(120 / matrix.sum(), rel=1e-5)
    ranked = list(csv.reader((tmp_path / "pairs.csv").read_text().splitlines()))
    assert ranked[1][:2] == [NAMES[-1], NAMES[-1]]
    assert len(ranked) == 122
    for name in ("matrix.png", "top5.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_explained_is_refused(mini):
    with pytest.raises(UserError, match="valence block only"):
        explaining.explain(OFMCNN(), mini, background=mini)
    with pytest.raises(UserError, match="not trained"):
        explaining.explain(PROFiTNet(), mini, background=mini)
