"""The two-branch network has the released sizes, at every ratio."""

import numpy as np
import pytest

from common.errors import UserError
from diffcomp.model import build_diffcomp


def test_parameter_count():
    assert build_diffcomp(9).count_params() == 4_553_557


@pytest.mark.parametrize("nodes", range(11))
def test_every_ratio(nodes):
    """513 parameters move from one branch to the other with each node; the ends lose a branch."""
    model = build_diffcomp(nodes)
    picture = 53_696 + 8192 * 512 + 512
    vector = 256 + 16_448 + 20_544 + 512 * 512 + 512
    expected = (picture if nodes < 10 else 0) + (vector if nodes > 0 else 0) + 10 * 513 + 11
    assert model.count_params() == expected
    names = {"pattern": nodes < 10, "composition": nodes > 0}
    assert set(model.input_names if hasattr(model, "input_names") else model.input) == {
        n for n, x in names.items() if x
    }


def test_both_inputs_count():
    model = build_diffcomp(5)
    random = np.random.default_rng(0)
    batch = {"pattern": random.random((2, 128, 128, 3)), "composition": random.random((2, 60, 1))}
    first = model.predict_on_batch(batch)
    assert first.shape == (2, 1)
    for name in batch:
        assert not np.allclose(model.predict_on_batch({**batch, name: 3 * batch[name]}), first)


def test_ratios_outside():
    with pytest.raises(UserError, match="choose 0 to 10"):
        build_diffcomp(11)


@pytest.mark.parametrize("nodes", [1, 5])
def test_every_mixed_ratio_can_be_the_same_function(nodes):
    """Ten nodes are linear on both sides, so the output is one linear sum of the 1,024 hidden features at any ratio."""
    model, other = build_diffcomp(9), build_diffcomp(nodes)
    *hidden, picture, vector, output = [layer for layer in model.layers if layer.weights]
    *same, other_picture, other_vector, other_output = [layer for layer in other.layers if layer.weights]
    for one, copy in zip(hidden, same, strict=True):
        copy.set_weights(one.get_weights())
    weights, bias = output.get_weights()
    for one, copy, part in ((picture, other_picture, weights[:1]), (vector, other_vector, weights[1:])):
        kernel, offset = one.get_weights()
        empty = [np.zeros_like(values) for values in copy.get_weights()]
        empty[0][:, :1], empty[1][:1] = kernel @ part, offset @ part  # the whole branch in its first node
        copy.set_weights(empty)
    other_output.set_weights([np.ones_like(weights), bias])
    random = np.random.default_rng(0)
    batch = {"pattern": random.random((2, 128, 128, 3)), "composition": random.random((2, 60, 1))}
    assert other.predict_on_batch(batch) == pytest.approx(model.predict_on_batch(batch), rel=1e-4)
