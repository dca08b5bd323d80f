"""Pictures of the errors of a model: parity, residuals, calibration of its intervals, learning curve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.data.conformal import LEVELS, Conformal, coverage
from common.data.predictions import Predictions
from common.data.uncertainty import calibration_curve
from common.errors import UserError
from common.plots.charts import cloud, parity
from common.plots.learning import learning_curve, learning_curves
from common.plots.style import BLUE, INK, PALE, RED, drawing, suffix, with_unit

#: Label -> expected and observed coverage.
Curves = dict[str, tuple[np.ndarray, np.ndarray]]


def draw_evaluation(
    folder: str | Path,
    predicted: Predictions,
    *,
    name: str,
    title: str = "",
    curves: Curves,
    histories: Mapping[str, Path],
) -> list[Path]:
    """Draw all pictures that the predictions allow into `folder`; returns their paths.

    name: of the target. curves: of the calibration. histories: the `history.csv` of each training, by name.
    """
    folder, unit = Path(folder), predicted.unit
    if predicted.target is None or len(predicted) < 2:
        raise UserError("pictures need predictions of two materials or more with known values")
    target, prediction = np.ravel(predicted.target), np.ravel(predicted.prediction)
    paths = [folder / "parity.png", folder / "residuals.png"]
    parity(paths[0], target, prediction, unit=unit, name=title, labels=(name, f"predicted {name}"))
    residuals(paths[1], target, prediction, unit=unit, name=title)
    if curves:
        paths.append(folder / "calibration.png")
        calibration(paths[-1], curves, name=title)
    if histories:
        paths.append(folder / "learning-curve.png")
        if len(histories) == 1:
            learning_curve(paths[-1], next(iter(histories.values())), unit=unit, name=name)
        else:
            learning_curves(paths[-1], histories, unit=unit, name=name)
    return paths


def residuals(path: str | Path, target: np.ndarray, prediction: np.ndarray, *, unit: str = "", name: str = "") -> None:
    """Error against prediction, and beside it the distribution of the errors. The axis spans the central 99 %."""
    error = np.asarray(prediction, dtype=float) - np.asarray(target, dtype=float)
    reach = 1.05 * float(np.quantile(np.abs(error), 0.99)) or 1.0
    inside = np.abs(error) <= reach
    low, high = float(np.min(prediction)), float(np.max(prediction))
    margin = 0.04 * (high - low) or 1.0
    with drawing(path, (5.8, 3.4), share=False, columns=2) as (left, right):
        left.figure.axes[0].get_gridspec().set_width_ratios((2.4, 1))
        cloud(left, np.asarray(prediction)[inside], error[inside], (low - margin, high + margin, -reach, reach))
        left.set(xlim=(low - margin, high + margin), xlabel=with_unit("prediction", unit))
        left.locator_params(axis="x", nbins=6)  # labels of nearly equal predictions are long
        left.set_ylabel(with_unit("prediction − target", unit))
        count = int(np.clip(np.sqrt(inside.sum()) * 1.5, 8, 60)) | 1  # odd, so that one bin is centred on zero
        settings = {"color": PALE, "edgecolor": "white", "linewidth": 0.5}
        right.hist(error[inside], bins=count, range=(-reach, reach), orientation="horizontal", **settings)
        right.set_xlabel("materials")
        right.tick_params(labelleft=False)
        for axes in (left, right):
            axes.set_ylim(-reach, reach)
            axes.axhline(0.0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        right.axhline(float(error.mean()), color=RED, linewidth=1.2)
        beyond = int((~inside).sum())
        more = f"{beyond} of {len(error):,} errors are beyond the axis" if beyond else ""
        left.set_title(", ".join(filter(None, (name, more))), fontsize="medium")
        right.set_title(f"mean {error.mean():+.2g}{suffix(unit)}", fontsize="small", color=RED)


def calibration(path: str | Path, curves: Curves, *, name: str = "") -> None:
    """Observed against expected coverage of intervals; on the diagonal they are calibrated."""
    colours = dict(zip(curves, (BLUE, RED), strict=False))
    with drawing(path, (3.8, 3.9)) as axes:
        axes.plot((0, 100), (0, 100), color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        for label, (expected, observed) in curves.items():
            axes.plot(100 * expected, 100 * observed, color=colours.get(label, PALE), linewidth=1.5, label=label)
        axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal", title=name)
        axes.set(xlabel="probability of the interval (%)", ylabel="values inside the interval (%)")
        axes.legend(loc="upper left")


def interval_curve(predicted: Predictions, conformal: Conformal | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Expected and observed coverage of the calibrated intervals, at all levels that they have."""
    if conformal is None or predicted.target is None or (conformal.smallest_std and predicted.std is None):
        return None
    levels = LEVELS[: len(conformal.half_widths)]
    return np.array(levels), np.array([coverage(conformal.interval(predicted, level)) for level in levels])


def calibration_curves(predicted: Predictions, conformal: Conformal | None) -> Curves:
    """The curves of calibrated intervals and of standard deviations, as far as a model has them."""
    found: Curves = {}
    if (curve := interval_curve(predicted, conformal)) is not None:
        found["calibrated intervals"] = curve
    if predicted.std is not None and predicted.target is not None and (predicted.std > 0).all():
        found["standard deviations"] = calibration_curve(predicted)
    return found
