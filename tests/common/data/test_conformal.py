"""Conformal intervals against an independent implementation, and their coverage."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, RegressorMixin

from common.data.conformal import LEVELS, Conformal, coverage, rank
from common.data.predictions import Predictions
from common.errors import UserError


def drawn(n, seed, *, std=False, curve=0):
    """Predictions whose errors are Laplacian, twice as wide as stated."""
    random = np.random.default_rng(seed)
    shape = (n, curve) if curve else (n,)
    scale = random.lognormal(0, 1, shape)
    prediction = random.normal(size=shape)
    target = prediction + 2 * scale * random.laplace(size=shape)
    return Predictions(np.arange(n).astype(str), prediction, target, scale if std else None)


@pytest.mark.parametrize("std", [False, True])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_half_widths_are_the_finite_sample_quantiles_of_numpy(level, std):
    """NumPy's "higher" quantile at (n + 1) / n times the level is what MAPIE uses."""
    predicted = drawn(137, 1, std=std)
    scores = np.abs(predicted.target - predicted.prediction) / (predicted.std if std else 1)
    # MAPIE: np.quantile(scores, ceil((n + 1) * level) / n, method="higher")
    expected = np.quantile(scores, np.ceil(138 * level) / 137 - 1e-12, method="inverted_cdf")
    found = Conformal.of(predicted, "calibration")
    if std:  # none of these is smaller than the limit
        assert found.smallest_std == pytest.approx(0.01 * np.median(predicted.std))
    assert found.half_width(level) == pytest.approx(expected, rel=1e-8)


class Given(RegressorMixin, BaseEstimator):
    """Predicts its input."""

    fitted_ = True

    def fit(self, X, y):
        return self

    def predict(self, X):
        return X[:, 0]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_are_those_of_mapie(level):
    known, new = drawn(137, 1), drawn(20, 2)
    theirs = SplitConformalRegressor(Given(), confidence_level=level, prefit=True)
    theirs.conformalize(known.prediction[:, None], known.target)
    _, bounds = theirs.predict_interval(new.prediction[:, None])
    ours = Conformal.of(known, "calibration").interval(new, level)
    assert np.allclose(ours.lower, bounds[:, 0, 0], atol=1e-7) and np.allclose(ours.upper, bounds[:, 1, 0], atol=1e-7)


@given(n=st.integers(10, 200), level=st.sampled_from([0.5, 0.8, 0.9]), std=st.booleans(), curve=st.sampled_from([0, 3]))
def test_coverage_over_many_draws_is_at_least_the_level_and_close_to_it(n, level, std, curve):
    if rank(n, level) > n:
        return
    covered = []
    for seed in range(100):
        every = drawn(n + 200, seed, std=std, curve=curve)
        calibration, test = (
            Predictions(
                *(None if x is None else x[rows] for x in (every.ids, every.prediction, every.target, every.std))
            )
            for rows in (slice(n), slice(n, None))
        )
        covered.append(coverage(Conformal.of(calibration, "calibration").interval(test, level)))
    assert level - 0.04 <= np.mean(covered) <= level + 1 / (n + 1) + 0.04


@given(n=st.integers(1, 2000))
def test_the_stored_levels_are_those_that_n_materials_allow(n):
    found = Conformal.of(drawn(n, n), "calibration")
    assert len(found.half_widths) == sum(np.ceil((n + 1) * level - 1e-9) <= n for level in LEVELS)
    assert list(found.half_widths) == sorted(found.half_widths)
    assert Conformal.from_plain(found.as_plain()) == found


def test_a_level_in_between_takes_the_next_larger():
    found = Conformal.of(drawn(500, 0), "calibration")
    assert found.half_width(0.903) == found.half_width(0.91)
    assert found.half_width(0.9) == found.half_widths[89]


def test_refusals():
    found = Conformal.of(drawn(20, 0), "calibration")
    with pytest.raises(UserError, match=r"20 materials of the calibration set allow intervals up to 0\.95"):
        found.half_width(0.99)
    with pytest.raises(UserError, match="between 0 and 1"):
        found.half_width(1.0)
    with pytest.raises(UserError, match=r"such as 0\.9, not '0\.9'"):
        found.half_width("0.9")
    assert Conformal.of(drawn(0, 0), "calibration") is None
    with pytest.raises(UserError, match="which the predictions lack"):
        Conformal.of(drawn(20, 0, std=True), "calibration").interval(drawn(5, 1), 0.9)


def test_standard_deviations_of_zero_give_intervals_of_one_width():
    predicted = drawn(50, 0)
    still = Predictions(predicted.ids, predicted.prediction, predicted.target, np.zeros(50))
    assert Conformal.of(still, "calibration") == Conformal.of(predicted, "calibration")


def test_a_frame_has_all_columns():
    predicted = drawn(50, 0, std=True)
    frame = Conformal.of(predicted, "calibration").interval(predicted, 0.9).to_frame()
    assert list(frame.columns) == ["target", "prediction", "std", "lower", "upper", "unit"]
    assert frame.index.name == "id" and (frame.lower < frame.upper).all()


@pytest.mark.parametrize(
    ("shift", "unit", "n", "lowest"),
    [(0.0, "eV", 50, 0.0), (-0.1, "eV", 50, None), (0.0, "log10(GPa)", 50, None), (0.0, "eV", 20, None)],
)
def test_bounds_of_what_is_never_negative(shift, unit, n, lowest):
    """Such bounds contain the same targets, and come back from the model's file."""
    target = np.linspace(0.0, 1.0, n) + shift
    predicted = Predictions(np.arange(n).astype(str), target + np.where(np.arange(n) % 2, 0.3, -0.3), target, unit=unit)
    made = Conformal.of(predicted, "calibration")
    assert made.lowest == lowest and Conformal.from_plain(made.as_plain()) == made
    found = made.interval(predicted, 0.9)
    assert coverage(found) == coverage(replace(made, lowest=None).interval(predicted, 0.9))
    assert (found.lower.min() >= 0) == (lowest == 0)
    assert ((found.lower <= found.prediction) & (found.prediction <= found.upper)).all()
    assert (
        Conformal.from_plain({key: value for key, value in made.as_plain().items() if key != "lowest"}).lowest is None
    )
