"""Prediction intervals by split conformal prediction, from the errors on a set that the model has not seen.

A material exchangeable with the calibration set lies inside the interval with at least the stated probability. That
holds where the calibration set neither trained the model nor chose its epoch; see `Conformal.of`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np

from common.data.predictions import Predictions
from common.errors import UserError

#: Probabilities for which half widths are stored; one in between takes the next larger.
LEVELS = (*(k / 100 for k in range(1, 100)), 0.995, 0.999)
#: Standard deviations below this fraction of the calibration set's median count as that.
SMALLEST_STD = 0.01
#: Materials of a calibration set from which it is taken that a quantity is never negative.
MANY = 30


@dataclass(frozen=True)
class Conformal:
    """Half widths of intervals as plain numbers.

    n: size of the calibration set, `source` ("calibration" or "validation"). half_widths: for the first of `LEVELS`, as
    many as n allows; in standard deviations of the prediction where `smallest_std` is above zero, else in the target's
    unit. lowest: of a quantity that is never negative, 0, below which no bound lies.
    """

    n: int
    source: str
    half_widths: tuple[float, ...]
    smallest_std: float = 0.0
    lowest: float | None = None

    @classmethod
    def of(cls, predicted: Predictions, source: str) -> Self | None:
        """Calibrate on predictions with targets; None if there are too few for any level.

        source: "calibration" for a set of its own, which gives the guarantee; "validation" for the set that chose the
        epoch, on which errors are slightly too small, and so are the intervals.
        """
        if predicted.target is None:
            raise UserError("calibration needs predictions with targets")
        n = len(predicted)
        if not n:
            return None
        smallest = 0.0
        if predicted.std is not None:
            smallest = SMALLEST_STD * float(np.median(predicted.std))
        scores = np.sort(_scores(predicted, smallest))
        ranks = [rank(n, level) for level in LEVELS]
        widths = tuple(float(f"{scores[k - 1]:.9g}") for k in ranks if k <= n)
        return cls(n, source, widths, smallest, _lowest(predicted)) if widths else None

    def half_width(self, level: float) -> float:
        """The stored half width for a probability."""
        if not isinstance(level, int | float):
            raise UserError(f"an interval is a probability, such as 0.9, not {level!r}")
        if not 0 < level < 1:
            raise UserError(f"an interval of probability {level:g} is impossible; choose one between 0 and 1")
        place = int(np.searchsorted(LEVELS, level - 1e-9))
        if place >= len(self.half_widths):
            raise UserError(
                f"the {self.n} materials of the {self.source} set allow intervals up to "
                f"{LEVELS[len(self.half_widths) - 1]:g}, not {level:g}"
            )
        return self.half_widths[place]

    def interval(self, predicted: Predictions, level: float) -> Predictions:
        """The predictions with `lower` and `upper`. The band of a curve holds all of its points together.

        A quantity that is never negative is predicted as 0 where the network says less.
        """
        half: Any = self.half_width(level)
        if self.smallest_std and predicted.std is None:
            raise UserError("these intervals scale with standard deviations, which the predictions lack")
        if self.smallest_std:
            half = half * np.maximum(np.asarray(predicted.std), self.smallest_std)
        mean = predicted.prediction
        bounds = [mean - half, mean + half, mean]
        if self.lowest is not None:  # targets lie above it, so that no coverage is lost
            bounds = [np.maximum(one, self.lowest) for one in bounds]
        lower, upper, mean = bounds
        return replace(predicted, prediction=mean, lower=lower, upper=upper)

    def as_plain(self) -> dict[str, Any]:
        return {**asdict(self), "half_widths": list(self.half_widths)}

    @classmethod
    def from_plain(cls, stored: dict[str, Any]) -> Self:
        widths = tuple(float(width) for width in stored["half_widths"])
        lowest = stored.get("lowest")
        smallest, lowest = float(stored.get("smallest_std", 0.0)), None if lowest is None else float(lowest)
        made = cls(int(stored["n"]), str(stored["source"]), widths, smallest, lowest)
        if not all(0 <= number < math.inf for number in (made.n, *widths, made.smallest_std)):
            raise ValueError("half_widths, n and smallest_std must be finite and not negative")
        if lowest is not None and not math.isfinite(lowest):
            raise ValueError("lowest must be finite")
        return made


def _lowest(predicted: Predictions) -> float | None:
    """0 for a quantity of which many values are known and none is negative; a logarithm may become negative."""
    never = len(predicted) >= MANY and bool((np.asarray(predicted.target) >= 0).all())
    return 0.0 if never and not predicted.unit.startswith("log") else None


def rank(n: int, level: float) -> int:
    """Which of n sorted scores, from 1, bounds a new one with this probability; n + 1 if none does."""
    return math.ceil((n + 1) * level - 1e-9)


def _scores(predicted: Predictions, smallest_std: float) -> np.ndarray:
    """Absolute errors, over the standard deviations if these have a lower limit; of a curve the largest."""
    errors = np.abs(np.asarray(predicted.target) - predicted.prediction)
    if smallest_std:
        errors = errors / np.maximum(np.asarray(predicted.std), smallest_std)
    return errors.reshape(len(errors), -1).max(axis=1)


def with_interval(predicted: Predictions, conformal: Conformal | None, level: float | None) -> Predictions:
    """The predictions with bounds of this probability, if one is given."""
    if level is None:
        return predicted
    if conformal is None:
        raise UserError("this model has no calibrated intervals; train it with a validation or calibration set")
    return conformal.interval(predicted, level)


def coverage(predicted: Predictions) -> float:
    """The fraction of targets inside their intervals; a curve counts if all of it is."""
    if predicted.target is None or predicted.lower is None or predicted.upper is None:
        raise UserError("coverage needs predictions with targets and intervals")
    inside = (predicted.lower <= predicted.target) & (predicted.target <= predicted.upper)
    return float(inside.reshape(len(inside), -1).all(axis=1).mean())
