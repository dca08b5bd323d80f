"""Paired comparison of two models, against cases whose result is known."""

import numpy as np
import pytest

from common.data.comparison import compare, paired
from common.data.predictions import Predictions
from common.errors import UserError

TARGET = np.linspace(-2, 2, 200)


def test_a_better_model_is_found_with_its_difference():
    noise = np.random.default_rng(0).normal(size=200)
    found = compare(TARGET, TARGET + 0.1 * noise, TARGET + 0.2 * noise)
    assert found.significant and found.better == 200 and found.ties == 0 and found.n == 200
    assert found.difference == pytest.approx(found.mae[0] - found.mae[1])
    assert found.low < found.difference < found.high < 0
    # The interval of a mean of independent values, from their standard deviation.
    error = np.std(0.1 * np.abs(noise), ddof=1) / 200**0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.05)
    turned = compare(TARGET, TARGET + 0.2 * noise, TARGET + 0.1 * noise)
    assert turned.difference == -found.difference and turned.better == 0 and turned.significant


def test_equal_models_do_not_differ():
    zero = np.zeros(200)
    found = compare(zero, zero + 1, zero - 1)
    assert found.difference == pytest.approx(0) and found.p == 1.0 and not found.significant
    same = compare(TARGET, TARGET + 1, TARGET + 1)
    assert same.ties == 200 and (same.low, same.high, same.p) == (0, 0, 1)


def test_few_false_alarms():
    """Of two models with errors of one distribution about 5 % are called different."""
    random = np.random.default_rng(1)
    errors = random.normal(size=(200, 2, 60))
    found = [compare(np.zeros(60), one, other, resamples=400) for one, other in errors]
    assert 0.01 <= np.mean([one.significant for one in found]) <= 0.11


def test_seed_and_curves():
    noise = np.random.default_rng(2).normal(size=(50, 3))
    target = np.zeros((50, 3))
    assert compare(target, noise, 2 * noise, seed=5) == compare(target, noise, 2 * noise, seed=5)
    assert compare(target, noise, 2 * noise).mae[0] == pytest.approx(np.abs(noise).mean())


def test_materials_are_paired_by_id():
    one = Predictions(np.array(["a", "b", "c"]), np.array([1.0, 2, 3]), np.array([1.0, 2, 3]))
    other = Predictions(np.array(["c", "a", "d"]), np.array([30.0, 10, 40]))
    first, second = paired(one, other)
    assert first.ids.tolist() == second.ids.tolist() == ["a", "c"]
    assert first.target.tolist() == [1, 3] and second.prediction.tolist() == [10, 30]
    with pytest.raises(UserError, match="no material has predictions of both"):
        paired(one, Predictions(np.array(["x"]), np.array([1.0])))


def test_what_cannot_be_compared():
    with pytest.raises(UserError, match="two materials or more"):
        compare(TARGET[:1], TARGET[:1], TARGET[:1])
    with pytest.raises(UserError, match="not numbers"):
        compare(TARGET, TARGET * np.nan, TARGET)
