"""Parity plots, learning curves, and errors against the size of the training set, from stored results."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from common.data import metrics
from common.data.predictions import together
from common.plots import read_history, with_unit
from experiments.report.document import Result
from experiments.report.plots.canvas import SIDE, TOP, Panel, Picture, Scale
from experiments.run.store import folder_of

#: More points are drawn as density, in so many squares a side and so many shades.
MANY, SQUARES, SHADES = 500, 50, 5
#: Of a longer training so many epochs are drawn.
EPOCHS = 120
#: Between the panels of a learning curve, and above them, in units of the SVG: room for a line of text.
GAP, NAMED = 24.0, 10.0


# --- prediction against target -------------------------------------------------------------------


def parity(result: Result) -> Picture:
    """The predictions of all test sets; spectra point by point."""
    every = together([predictions for predictions, _ in result.model.stored])
    target, prediction = every.target.ravel().astype(float), every.prediction.ravel().astype(float)
    low, high = min(target.min(), prediction.min()), max(target.max(), prediction.max())
    margin = 0.03 * (high - low) or 1.0
    scale = Scale(low - margin, high + margin)
    panel = Panel(
        0,
        SIDE,
        scale.ticks(),
        [(SIDE - at, text) for at, text in scale.ticks()],
        with_unit("target", result.unit),
        with_unit("prediction", result.unit),
        [("diagonal", f"M0 {SIDE:g}L{SIDE:g} 0")],
    )
    x, y = scale(target), SIDE - scale(prediction)
    panel.paths += _dots(x, y) if len(x) <= MANY else _density(x, y)
    scores = metrics.regression(target, prediction)
    unit = f" {result.unit}" if result.unit else ""
    numbers = f"MAE {scores['MAE']:.3g}{unit}, R² {scores['R2']:.2f}, n\u00a0=\u00a0{len(target):,}"
    kind = "A dot a material" if len(x) <= MANY else "Darker squares hold more materials"
    text = (
        f"Predictions of {result.row} against targets of {result.column}, {low:.3g} to {high:.3g}{unit}; {numbers}. "
        f"{kind}; on the dashed line the two are equal."
    )
    return Picture(f"{result.row}: {numbers}", text, [panel])


def _dots(x: np.ndarray, y: np.ndarray) -> list[tuple[str, str]]:
    """Lines of zero length, which round caps turn into dots."""
    places = sorted({(round(a, 1), round(b, 1)) for a, b in zip(x.tolist(), y.tolist(), strict=True)})
    return [("dots", "".join(f"M{a:g} {b:g}h0" for a, b in places))]


def _density(x: np.ndarray, y: np.ndarray) -> list[tuple[str, str]]:
    """One path a shade, of the rows of squares that have it; shades follow the logarithm of the count."""
    side = SIDE / SQUARES
    counts = np.histogram2d(y, x, bins=SQUARES, range=[[0, SIDE], [0, SIDE]])[0]
    top = np.log(counts.max()) or 1.0
    with np.errstate(divide="ignore"):
        shade = np.where(counts > 0, 1 + np.floor(np.log(counts) / top * (SHADES - 1e-9)).clip(0), 0).astype(int)
    runs: dict[int, list[str]] = {}
    for row, shades in enumerate(shade):
        ends = np.flatnonzero(np.diff(shades, prepend=0, append=0))
        for start, end in pairwise(ends.tolist()):
            if shades[start]:
                across = (end - start) * side
                at = f"M{start * side:g} {row * side:g}h{across:g}v{side:g}h{-across:g}z"
                runs.setdefault(int(shades[start]), []).append(at)
    return [(f"shade shade-{which}", "".join(runs[which])) for which in sorted(runs)]


# --- error against epoch -------------------------------------------------------------------------


def learning_curve(result: Result) -> Picture | None:
    """Training loss above, validation error below, a line a split, a dot at the chosen epoch. None: no history."""
    runs = [
        (read_history(path), record)
        for run, record in result.records()
        if record and (path := folder_of(run) / "history.csv").exists()
    ]
    if not runs:
        return None
    monitor = runs[0][1]["resolved"]["recipe"].get("monitor", "MAE")
    validated = all(f"validation_{monitor}" in columns for columns, _ in runs)
    name = f"validation {monitor}" if validated else "training loss"
    # A loss is that of scaled targets, so it has no unit.
    unit = {"MAE": result.unit, "MSE": result.unit and f"({result.unit})²"}.get(monitor, "") if validated else ""
    last = max(columns["epoch"][-1] for columns, _ in runs)
    across = Scale(0.0, float(last))
    panels = [_curves(runs, across, "loss", "training loss", 0.0)]
    if validated:
        below = panels[0].height + GAP
        panels.append(_curves(runs, across, f"validation_{monitor}", with_unit(name, unit), below))
        panels[0].x_ticks, panels[0].x_label = [(at, "") for at, _ in panels[0].x_ticks], ""
    chosen = [record["best_epoch"] for _, record in runs]
    best = [record["best_validation"] for _, record in runs]
    epochs = f"epoch {chosen[0]}" if len(set(chosen)) == 1 else f"epochs {min(chosen)} to {max(chosen)}"
    splits = f"{len(runs)} split{'s' if len(runs) > 1 else ''}"
    watched = f"Training loss and {name}" if validated else "Training loss"
    text = (
        f"{watched} of {result.row} on {result.column} over {last:.0f} epochs of {splits}; "
        f"the chosen {epochs} have a {name} of {np.mean(best):.3g}{f' {unit}' if unit else ''} in the mean."
    )
    return Picture(f"{result.row}: {splits}, chosen {epochs}", text, panels, top=TOP + NAMED)


def _curves(runs: list, across: Scale, name: str, label: str, top: float) -> Panel:
    height = (SIDE - GAP) / 2
    values = np.concatenate([columns[name] for columns, _ in runs])
    # A likelihood may be negative; then the first epochs, far above the others, are cut off instead.
    if values.min() > 0:
        scale = Scale(float(values.min()) / 1.1, float(values.max()) * 1.1, height, log=True)
    else:
        high = float(np.quantile(values, 0.98))
        scale = Scale(float(values.min()) - 0.06 * (high - float(values.min())), high, height)
    flip = top + height
    y_ticks = [(flip - at, text) for at, text in scale.ticks()]
    panel = Panel(top, height, across.ticks(), y_ticks, "epoch", label, named_above=True)
    dots = []
    for columns, record in runs:
        epochs, errors = columns["epoch"], columns[name]
        shown = np.unique([*range(0, len(epochs), max(1, len(epochs) // EPOCHS)), len(epochs) - 1])
        x, y = across(epochs), flip - scale(errors)
        panel.paths.append(
            ("curve", "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x[shown], y[shown], strict=True)))
        )
        # The history of a resumed run may lack its first epochs.
        chosen = np.flatnonzero(epochs == record["best_epoch"])
        dots += [f"M{x[k]:.1f} {y[k]:.1f}h0" for k in chosen]
    panel.paths.append(("chosen", "".join(dots)))
    return panel


# --- error against the size of the training set --------------------------------------------------


def by_size(results: Iterable[Result]) -> Picture | None:
    """A line a model, named at its end, where a table's datasets are subsets of one; None where they are not."""
    series: dict[str, list[tuple[int, float]]] = {}
    results = [result for result in results if result.finished]
    subsets = {_data(result) for result in results if "train" in _split(result)}
    for result in results:
        if _data(result) in subsets:
            # The whole set may be a run of another table, which declares no number.
            size = _split(result).get("train") or result.model.stored[0][1]["split"]["n_train"]
            series.setdefault(result.row, []).append((size, result.model.mean(result.metric)))
            label = with_unit(result.metric, result.unit)
    series = {row: sorted(points) for row, points in series.items() if len(points) > 1}
    if not series:
        return None
    sizes, errors = np.array([point for points in series.values() for point in points]).T
    across, up = (
        Scale(sizes.min() / 1.1, sizes.max(), log=True),
        Scale(errors.min() / 1.05, errors.max() * 1.05, log=True),
    )
    y_ticks = [(SIDE - at, text) for at, text in up.ticks()]
    panel = Panel(
        0, SIDE, [(float(across(n)), f"{n:g}") for n in np.unique(sizes)], y_ticks, "training materials", label
    )
    free = SIDE + 20.0
    for row, points in sorted(series.items(), key=lambda item: item[1][-1][1]):
        places = [(across(n), SIDE - up(error)) for n, error in points]
        panel.paths.append(("curve", "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)))
        panel.paths.append(("dots", "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)))
        # From the lowest upwards, each name a line above the one before.
        free = min(places[-1][1] + 3.5, free - 11)
        panel.labels.append((places[-1][0] + 6, round(free, 1), row))
    values = "; ".join(f"{row} {', '.join(f'{e:.3g} at {n:,}' for n, e in points)}" for row, points in series.items())
    text = f"{label} against the number of training materials, both axes logarithmic: {values}."
    return Picture(
        "Error against the number of training materials", text, [panel], right=6 + 6.2 * max(map(len, series))
    )


def _split(result: Result) -> dict:
    return result.runs[0].settings["split"]


def _data(result: Result) -> tuple[str, str]:
    """The dataset from which the materials are drawn."""
    return result.runs[0].settings["source"], result.runs[0].settings["target"]
