"""ESNet has the article's parameter counts and uses all of its inputs."""

import numpy as np
import pytest

from common.train.recipes.variants import chosen
from esnet.config import VARIANTS, ESNetConfig
from esnet.model import build_esnet


@pytest.fixture(scope="module")
def model():
    return build_esnet()


def test_parameter_counts(model):
    trained = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert (model.count_params(), trained) == (9_756_225, 9_736_001)


def test_the_articles_composition_gives_another_count():
    """110 elements and a width of 50, with the stem: what the text says does not give what it prints."""
    assert build_esnet(ESNetConfig(elements=110, embedding=50)).count_params() == 9_752_815


def test_lengths_of_the_stages(model):
    lengths = [
        layer.output.shape[1]
        for layer in model.layers
        if "average_pooling1d" in layer.name and "global" not in layer.name
    ]
    assert sorted(lengths, reverse=True) == [375, 375, 188, 188, 94, 94, 47, 47]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_input_counts(variant):
    config = VARIANTS[variant]
    model = build_esnet(chosen(VARIANTS, variant, points=200))
    random = np.random.default_rng(0)
    batch = {name: random.normal(size=(2, 200, config.orbitals)).astype("float32") for name in ("up", "down")}
    batch["composition"] = random.integers(0, 2, (2, config.elements)).astype("float32")
    first = model.predict_on_batch(batch)
    assert first.shape == (2, 1) and np.isfinite(first).all()
    for name in batch:
        assert not np.allclose(model.predict_on_batch({**batch, name: batch[name] + 1}), first)


def test_extra_channels_for_f():
    assert build_esnet(ESNetConfig(orbitals=16, points=100)).count_params() == 9_756_225 + 2 * 7 * 20 * 64
