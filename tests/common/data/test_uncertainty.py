"""The robust loss is the likelihood it claims to be, and calibration finds what was put in."""

import numpy as np
import pytest
from scipy import stats

from common.data.predictions import Predictions
from common.data.uncertainty import calibration_curve, miscalibration_area
from common.errors import UserError
from common.nn.losses import by_name, robust_l1, with_uncertainty


def test_robust_l1_is_a_laplace_likelihood():
    random = np.random.default_rng(0)
    mean, log, target = random.normal(size=(3, 50)).astype(np.float32)
    loss = np.asarray(robust_l1(target, np.stack([mean, log], axis=1)))
    # The density of standard deviation sigma has the scale sigma / sqrt(2); a constant of log(2) / 2 is left out.
    expected = -stats.laplace.logpdf(target, mean, np.exp(log) / 2**0.5) - np.log(2) / 2
    assert np.allclose(loss, expected, atol=1e-5)


def test_robust_l1_of_curves_and_its_limits():
    outputs = np.array([[1.0, 2.0, 50.0, -50.0]], dtype=np.float32)
    assert np.isclose(float(robust_l1(np.array([[1.0, 2.0]]), outputs)[0]), (10 - 10) / 2)
    assert by_name("mse") == "mse" and by_name("robust_l1") is robust_l1
    assert with_uncertainty("robust_l1") and not with_uncertainty("mae")


def made(shape: str, stated: float = 1.0, n: int = 20_000) -> Predictions:
    """Errors of standard deviation 2 from a distribution, stated as 2 * `stated`."""
    random = np.random.default_rng(1)
    errors = random.laplace(scale=2**0.5, size=n) if shape == "laplace" else random.normal(scale=2.0, size=n)
    ids = np.arange(n).astype(str)
    return Predictions(ids, np.zeros(n), errors, np.full(n, 2.0 * stated))


@pytest.mark.parametrize("shape", ["laplace", "normal"])
def test_true_deviations_are_calibrated(shape):
    expected, observed = calibration_curve(made(shape), shape)
    assert np.abs(expected - observed).max() < 0.01
    assert miscalibration_area(made(shape), shape) < 0.005
    assert miscalibration_area(made(shape, stated=0.3), shape) > 0.2
    assert miscalibration_area(made(shape, stated=3), shape) > 0.2


def test_deviations_of_nothing():
    with pytest.raises(UserError, match="needs predictions with targets and standard deviations"):
        miscalibration_area(Predictions(np.array(["a"]), np.zeros(1), np.zeros(1)))
    with pytest.raises(UserError, match="distribution 'cauchy' is unknown"):
        miscalibration_area(made("normal", n=10), "cauchy")
