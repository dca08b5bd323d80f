"""Compare the errors of two models on the same materials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.data.predictions import Predictions
from common.errors import UserError

#: Numbers drawn at a time, which bounds the memory.
CHUNK = 2_000_000


@dataclass(frozen=True)
class Comparison:
    """Mean absolute errors of two models, and that of the first less that of the second, from paired errors.

    low, high: 95 % interval of the difference. p: two-sided probability of no difference. better: materials for which
    the first model has the smaller error; ties: for which the errors are equal.
    """

    n: int
    mae: tuple[float, float]
    difference: float
    low: float
    high: float
    p: float
    better: int
    ties: int

    @property
    def significant(self) -> bool:
        return self.p < 0.05


def paired(one: Predictions, other: Predictions) -> tuple[Predictions, Predictions]:
    """Both predictions for the materials that both have, in the same order."""
    row_of = {name: row for row, name in enumerate(other.ids.tolist())}
    rows = [row for row, name in enumerate(one.ids.tolist()) if name in row_of]
    if not rows:
        raise UserError("no material has predictions of both models")
    partners = [row_of[name] for name in one.ids[rows].tolist()]
    return one.take(np.array(rows)), other.take(np.array(partners))


def compare(
    target: np.ndarray, one: np.ndarray, other: np.ndarray, *, resamples: int = 10_000, seed: int = 0
) -> Comparison:
    """Bootstrap of the paired differences of absolute errors: materials are drawn with replacement."""
    first, second = (np.abs(np.asarray(values, dtype=np.float64) - target) for values in (one, other))
    if first.ndim > 1:  # of curves, the mean along them
        first, second = first.mean(axis=1), second.mean(axis=1)
    differences = first - second
    if len(differences) < 2:
        raise UserError("a comparison needs two materials or more")
    if not np.isfinite(differences).all():
        raise UserError("targets or predictions are not numbers; drop these materials")
    random, means, n = np.random.default_rng(seed), [], len(differences)
    step = max(1, CHUNK // n)
    for start in range(0, resamples, step):
        draws = random.integers(0, n, (min(step, resamples - start), n))
        means.append(differences[draws].mean(axis=1))
    drawn = np.concatenate(means)
    tail = min(float(np.mean(drawn <= 0)), float(np.mean(drawn >= 0)))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Comparison(
        n,
        (float(first.mean()), float(second.mean())),
        float(differences.mean()),
        float(low),
        float(high),
        min(1.0, max(2 * tail, 1 / resamples)),
        int((differences < 0).sum()),
        int((differences == 0).sum()),
    )
