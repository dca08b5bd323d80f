"""Figure of a search: the lowest error so far, and the error against each setting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common import plots
from common.tuning.journal import Trial
from common.tuning.space import Axis


def draw(path: str | Path, trials: Sequence[Trial], axes: Sequence[Axis], *, metric: str, unit: str, name: str) -> None:
    """`trials` in the order of their numbers, without the failed ones; the best is marked in every panel."""
    errors = np.array([trial.error for trial in trials])
    best = int(np.argmin(errors))
    label = plots.with_unit(f"validation {metric}", unit)
    searched = [axis for axis in axes if len(axis.values) != 1]
    # A trial that diverged must not flatten the others: it is cut off; errors of several magnitudes take a log axis.
    usual = np.quantile(errors, 0.75, method="lower")
    inside = errors <= max(usual + 3 * (usual - errors.min()), 1.5 * errors.min())
    log = errors.min() > 0 and errors[inside].max() > 8 * errors.min()
    margin = 0.08 * float(np.ptp(errors[inside])) or 0.05 * abs(usual) or 1.0
    with plots.drawing(path, (4.6, 0.7 + 2.0 * (1 + len(searched))), rows=1 + len(searched), share=False) as drawn:
        panels = np.atleast_1d(drawn)
        for panel in panels:
            panel.set_ylabel(label)
            if log:
                plots.log_axis(panel)
                panel.set_ylim(errors.min() / 1.2, errors[inside].max() * 2.5)
            else:
                panel.set_ylim(errors.min() - margin, errors[inside].max() + 4 * margin)  # room for the text
        numbers = [trial.number + 1 for trial in trials]
        panels[0].scatter(numbers, errors, s=14, color=plots.BLUE, alpha=0.6, linewidths=0)
        panels[0].step(numbers, np.minimum.accumulate(errors), where="post", color=plots.RED, linewidth=1.0)
        panels[0].plot(numbers[best], errors[best], "o", color=plots.RED, markersize=5)
        panels[0].set(xlabel="trial", title=name, xlim=(0, max(numbers) + 1))
        panels[0].xaxis.get_major_locator().set_params(integer=True)
        best_text = f"best: trial {numbers[best]}, {errors[best]:.4g}{f' {unit}' if unit not in ('', '1') else ''}"
        hidden = f"\nabove: {(~inside).sum()}" if not inside.all() else ""
        panels[0].text(0.97, 0.97, best_text + hidden, transform=panels[0].transAxes, ha="right", va="top")
        for panel, axis in zip(panels[1:], searched, strict=True):
            values = [trial.settings[axis.name] for trial in trials]
            if axis.kind in ("str", "bool"):
                values = [axis.values.index(value) for value in values]
                panel.set_xticks(range(len(axis.values)), [str(value) for value in axis.values])
                panel.set_xlim(-0.5, len(axis.values) - 0.5)
            panel.scatter(values, errors, s=14, color=plots.BLUE, alpha=0.6, linewidths=0)
            panel.plot(values[best], errors[best], "o", color=plots.RED, markersize=5)
            if axis.log:
                panel.set_xscale("log")
            elif not axis.values:
                panel.locator_params(axis="x", nbins=6)
            if not axis.values:  # all that was searched
                over = (axis.high / axis.low) ** 0.03 if axis.log else 0.03 * (axis.high - axis.low)
                ends = (axis.low / over, axis.high * over) if axis.log else (axis.low - over, axis.high + over)
                panel.set_xlim(*ends)
            panel.set_xlabel(axis.name.replace("_", " "))
