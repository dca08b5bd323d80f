"""Loss and validation error against epoch."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.plots.style import BLUE, RED, corner, drawing, log_axis, suffix, with_unit


def learning_curve(
    path: str | Path, history: str | Path, *, unit: str = "", name: str = "", monitor: str = "MAE"
) -> int:
    """Training loss and validation error against epoch, from a run's `history.csv`; returns the epoch marked as best.

    The best epoch is the first with the lowest validation error, from which the weights are restored; without a
    validation set, the one with the lowest loss.
    """
    columns = read_history(history)
    validation = columns.get(f"validation_{monitor}")
    watched = columns["loss"] if validation is None else validation
    best = int(np.argmin(watched))
    epoch = columns["epoch"]
    squared = f"({unit})²" if "/" in unit else f"{unit}²"
    curves = [("training loss", columns["loss"], "")]
    if validation is not None:
        curves.append((f"validation {monitor}", validation, squared if monitor == "MSE" and unit else unit))
    with drawing(path, (4.6, 1.0 + 1.7 * len(curves)), rows=len(curves)) as axes:
        panels = np.atleast_1d(axes)
        for panel, (label, values, its_unit) in zip(panels, curves, strict=True):
            panel.plot(epoch, values, color=BLUE, linewidth=1.0, marker="." if len(epoch) < 15 else "")
            panel.axvline(epoch[best], color=RED, linewidth=0.8, linestyle=(0, (4, 3)))
            panel.set_ylabel(with_unit(label, its_unit))
            if values.min() > 0 and values.max() > 8 * values.min():
                log_axis(panel)
        panels[-1].plot(epoch[best], watched[best], "o", color=RED, markersize=5)
        panels[-1].set_xlabel("epoch")
        corner(panels[-1], f"best: epoch {epoch[best]:.0f}, {watched[best]:.4g}{suffix(curves[-1][2])}", right=True)
        panels[0].set_title(name)
    return int(epoch[best])


def read_history(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a run's `history.csv`: epoch, loss, and with a validation set its errors."""
    try:
        with open(path, newline="") as file:
            lines = list(csv.DictReader(file))
        columns = {name: np.array([float(line[name]) for line in lines]) for name in (lines[0] if lines else ())}
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as the history of a training run: {error}") from None
    if not {"epoch", "loss"} <= columns.keys():
        raise UserError(f"{path} holds no history of a training run (columns epoch and loss)")
    return columns
