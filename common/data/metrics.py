"""Errors of predictions. Every function takes truth first and prediction second."""

from __future__ import annotations

import numpy as np

from common.errors import UserError


def regression(target: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """MAE, MSE, RMSE, ME (positive = overestimation), R2, MAD:MAE and Pearson's r.

    MAD is the mean absolute deviation of the target from its own mean: MAD:MAE says how many times better
    a model is than always answering that mean.
    """
    target, prediction = _pair(target, prediction)
    error = prediction - target
    mae = float(np.abs(error).mean())
    mse = float((error**2).mean())
    spread = target - target.mean()
    deviation = float(np.abs(spread).mean())
    return {
        "MAE": mae,
        "MSE": mse,
        "RMSE": mse**0.5,
        "ME": float(error.mean()),
        "R2": 1.0 - mse / float((spread**2).mean()) if np.ptp(target) > 0 else float("nan"),
        "MAD:MAE": deviation / mae if mae > 0 else float("inf"),
        "Pearson": pearson(target, prediction),
    }


def r2_swapped(target: np.ndarray, prediction: np.ndarray) -> float:
    """R2 with predictions in the place of the truth, as Finder's released evaluation has it."""
    return regression(prediction, target)["R2"]


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation coefficient; NaN where one of the two is constant."""
    one, other = _pair(one, other)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def classification(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Precision, recall and F1 of a yes/no prediction; NaN where nothing was predicted or nothing was true."""
    truth, predicted = np.asarray(truth, dtype=bool), np.asarray(predicted, dtype=bool)
    hits = float((truth & predicted).sum())
    precision = hits / predicted.sum() if predicted.any() else float("nan")
    recall = hits / truth.sum() if truth.any() else float("nan")
    possible = truth.any() and predicted.any()
    f1 = 2 * hits / float(truth.sum() + predicted.sum()) if possible else float("nan")
    return {"precision": precision, "recall": recall, "F1": f1}


def _pair(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if one.shape != other.shape or one.size == 0:
        raise UserError(f"{one.shape} targets cannot be compared with {other.shape} predictions")
    bad = int((~(np.isfinite(one) & np.isfinite(other))).sum())
    if bad:
        raise UserError(f"{bad} targets or predictions are not numbers; drop them first")
    return one, other
