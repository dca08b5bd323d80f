"""Sheets of the report across papers: coverage of intervals, and all learning curves of the papers' own models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from common.data.predictions import Predictions, together
from common.data.uncertainty import calibration_curve, miscalibration_area
from experiments.report import summary
from experiments.report.document import PaperReport, Result, ResultTable, all_results
from experiments.report.plots import pictures
from experiments.report.plots.canvas import SIDE, Panel, Picture, Scale

#: Stated probabilities of the table.
LEVELS = (0.5, 0.8, 0.9, 0.95)
HEAD = ["model", "dataset", "materials", *(f"inside {100 * level:g} %" for level in LEVELS), "miscalibration area"]
#: The loss whose predicted widths belong to a Laplace distribution.
LAPLACE = "robust_l1"
COVERAGE_NOTE = (
    "Some networks predict a width for each material. The interval of probability P is the central one of a Laplace "
    "distribution of this width; the table shows the fraction of test targets inside, over all splits. A fraction "
    "below P means that the network is too sure of itself. Intervals that are calibrated on held-out materials "
    "(`predict --interval`) correct this."
)


def with_widths(papers: Iterable[PaperReport]) -> list[tuple[Result, Predictions]]:
    """Results whose stored predictions have widths of a Laplace distribution, and these, all test sets joined."""
    found = []
    for r in all_results(papers):
        if r.finished and not r.model.source_table and all(p.std is not None for p, _ in r.model.stored):
            recipe = r.model.stored[0][1]["resolved"].get("recipe", {})
            if recipe.get("loss") == LAPLACE:
                found.append((r, together([predictions for predictions, _ in r.model.stored])))
    return found


def coverage_table(results: list[tuple[Result, Predictions]]) -> ResultTable:
    rows = []
    for r, predicted in results:
        expected, observed = calibration_curve(predicted)
        inside = [f"{100 * observed[np.abs(expected - level).argmin()]:.0f} %" for level in LEVELS]
        rows.append([r.row, r.column, f"{len(predicted):,}", *inside, f"{miscalibration_area(predicted):.3f}"])
    return ResultTable("Test targets inside intervals of a stated probability", HEAD, rows, words=(0, 1))


def coverage_plots(results: list[tuple[Result, Predictions]]) -> list[Picture]:
    """Observed against stated probability, for the papers' own models."""
    return [_coverage_plot(r, predicted) for r, predicted in results if summary.is_own(r)]


def _coverage_plot(result: Result, predicted: Predictions) -> Picture:
    scale = Scale(0.0, 1.0)
    expected, observed = calibration_curve(predicted, points=51)
    x, y = scale(expected), SIDE - scale(observed)
    panel = Panel(
        0,
        SIDE,
        scale.ticks(),
        [(SIDE - at, text) for at, text in scale.ticks()],
        "stated probability",
        "observed fraction",
        [("diagonal", f"M0 {SIDE:g}L{SIDE:g} 0")],
    )
    panel.paths.append(("curve", "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))))
    inside = 100 * observed[np.abs(expected - 0.9).argmin()]
    caption = f"{result.row}, {result.column}: 90 % intervals hold {inside:.0f} %"
    text = f"{caption} of {len(predicted):,} test targets; on the dashed line statement and observation agree."
    return Picture(caption, text, [panel])


def learning_curves(papers: Iterable[PaperReport]) -> list[Picture]:
    """The learning curves of the papers' own models, named by dataset."""
    found = [(r, pictures.learning_curve(r)) for r in summary.own_results(papers)]
    return [replace(curve, caption=f"{r.column}, {curve.caption}") for r, curve in found if curve]
