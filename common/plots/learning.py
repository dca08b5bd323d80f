"""Loss and validation error against epoch."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.plots.style import AMBER, BLUE, INK, PALE, RED, corner, drawing, log_axis, suffix, whole_numbers, with_unit

#: Colours of several curves, in turn, and the largest number of curves that a legend names.
COLOURS, NAMED = (BLUE, RED, AMBER, PALE, INK), 10


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
        whole_numbers(panels[-1])
        corner(panels[-1], f"best: epoch {epoch[best]:.0f}, {watched[best]:.4g}{suffix(curves[-1][2])}", right=True)
        panels[0].set_title(name)
    return int(epoch[best])


def learning_curves(
    path: str | Path, histories: Mapping[str, str | Path], *, unit: str = "", name: str = "", monitor: str = "MAE"
) -> None:
    """Validation error of several trainings against epoch, by name; without a validation set the training loss."""
    columns = {one: read_history(history) for one, history in histories.items()}
    validated = all(f"validation_{monitor}" in found for found in columns.values())
    key, label = (f"validation_{monitor}", f"validation {monitor}") if validated else ("loss", "training loss")
    with drawing(path, (5.4, 3.2)) as axes:
        for number, (one, found) in enumerate(columns.items()):
            colour = COLOURS[number % len(COLOURS)]
            marker = "." if len(found["epoch"]) < 15 else ""
            axes.plot(found["epoch"], found[key], color=colour, linewidth=1.0, marker=marker, label=one)
        axes.set(xlabel="epoch", ylabel=with_unit(label, unit if validated else ""), title=name)
        whole_numbers(axes)
        values = np.concatenate([found[key] for found in columns.values()])
        if values.min() > 0 and values.max() > 8 * values.min():
            log_axis(axes)
        if len(columns) <= NAMED:
            axes.figure.legend(loc="outside right upper")


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
