"""How far stated standard deviations can be trusted."""

from __future__ import annotations

import numpy as np

from common.data.predictions import Predictions
from common.errors import UserError

DISTRIBUTIONS = ("laplace", "normal")


def calibration_curve(
    predicted: Predictions, shape: str = "laplace", points: int = 101
) -> tuple[np.ndarray, np.ndarray]:
    """Expected and observed shares of targets inside the central interval of each probability.

    shape: the distribution that the standard deviations belong to; robust L1 is the likelihood of "laplace".
    """
    if predicted.std is None or predicted.target is None:
        raise UserError("calibration needs predictions with targets and standard deviations")
    if shape not in DISTRIBUTIONS:
        raise UserError(f"distribution {shape!r} is unknown; choose one of {', '.join(DISTRIBUTIONS)}")
    off = np.abs(predicted.target - predicted.prediction).ravel() / predicted.std.ravel()
    expected = np.linspace(0.0, 1.0, points)
    return expected, np.searchsorted(np.sort(off), _half_width(expected, shape), side="right") / len(off)


def _half_width(probability: np.ndarray, shape: str) -> np.ndarray:
    """Half the central interval of a probability, in standard deviations."""
    if shape == "laplace":
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log1p(-probability) / 2**0.5)
    from scipy.special import ndtri

    return np.asarray(ndtri((1 + probability) / 2))


def miscalibration_area(predicted: Predictions, shape: str = "laplace") -> float:
    """The area between the calibration curve and the diagonal: 0 is perfect, 0.5 the worst."""
    expected, observed = calibration_curve(predicted, shape)
    return float(np.trapezoid(np.abs(observed - expected), expected))
