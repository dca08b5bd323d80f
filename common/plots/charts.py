"""Parity plots, histograms, heat maps, bars and scatter plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.data import metrics
from common.plots.fonts import readable
from common.plots.style import AMBER, BLUE, INK, PALE, RED, corner, drawing, log_axis, suffix, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More points are drawn as density: dots would hide each other and swell an SVG.
MANY = 4000


def parity(
    path: str | Path,
    target: np.ndarray,
    prediction: np.ndarray,
    *,
    unit: str = "",
    name: str = "",
    labels: tuple[str, str] = ("target", "prediction"),
) -> None:
    """Prediction against target on equal axes, with MAE, Pearson's r and n in the corner.

    To compare two models, name them in `labels`; the MAE is then the mean distance between them.
    """
    with drawing(path) as axes:
        _parity(axes, target, prediction, _ends(target, prediction), unit=unit, name=name, labels=labels)


def parity_side_by_side(
    path: str | Path, target: np.ndarray, predictions: Mapping[str, np.ndarray], *, unit: str = ""
) -> None:
    """Parity plots of several models, by name, on the same materials and axes."""
    ends = _ends(target, *predictions.values())
    with drawing(path, (3.5 * len(predictions), 3.6), columns=len(predictions)) as several:
        for axes, (name, prediction) in zip(np.ravel(several), predictions.items(), strict=True):
            _parity(axes, target, prediction, ends, unit=unit, name=name)


def _ends(*values: np.ndarray) -> tuple[float, float]:
    """The ends of axes that hold all these values."""
    low, high = min(map(np.min, values)), max(map(np.max, values))
    margin = 0.04 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _parity(
    axes: Axes,
    target: np.ndarray,
    prediction: np.ndarray,
    ends: tuple[float, float],
    *,
    unit: str,
    name: str,
    labels: tuple[str, str] = ("target", "prediction"),
) -> None:
    scores = metrics.regression(target, prediction)
    axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    cloud(axes, target, prediction, (*ends, *ends))
    axes.set(xlim=ends, ylim=ends, aspect="equal", title=name)
    axes.set(xlabel=with_unit(labels[0], unit), ylabel=with_unit(labels[1], unit))
    mae = f"MAE {scores['MAE']:.3g}{suffix(unit)}"
    corner(axes, f"{mae}\nr = {scores['Pearson']:.3f}\nn = {len(target):,}")


def error_histogram(
    path: str | Path, target: np.ndarray, prediction: np.ndarray, *, unit: str = "", name: str = ""
) -> None:
    """Distribution of the errors. The axis spans the central 99 %; the corner counts what lies beyond."""
    scores = metrics.regression(target, prediction)
    error = np.asarray(prediction, dtype=float) - np.asarray(target, dtype=float)
    reach = float(np.quantile(np.abs(error), 0.99)) or 1.0
    inside = error[np.abs(error) <= reach]
    with drawing(path, (4.2, 3.0)) as axes:
        count = int(np.clip(np.sqrt(len(inside)) * 1.5, 8, 80)) | 1  # odd, so that one bin is centred on zero
        axes.hist(inside, bins=count, range=(-reach, reach), color=PALE, edgecolor="white", linewidth=0.5)
        axes.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.axvline(scores["ME"], color=RED, linewidth=1.2)
        axes.set(xlabel=with_unit("prediction − target", unit), ylabel="materials", title=name)
        beyond = f"\n{len(error) - len(inside)} beyond ±{reach:.2g}" if len(inside) < len(error) else ""
        corner(axes, f"n = {len(error):,}{beyond}")
        corner(axes, f"mean {scores['ME']:+.2g}{suffix(unit)}", right=True, colour=RED)


def heat_map(
    path: str | Path,
    matrix: np.ndarray,
    names: Sequence[str],
    *,
    rows: str = "",
    columns: str = "",
    label: str = "",
    text: str = "",
) -> None:
    """A square matrix with the same names on both sides; `text`, such as "{:.1f}", prints the values in the cells. NaN
    stays blank."""
    matrix = np.asarray(matrix, dtype=float)
    side = 1.9 + 0.37 * len(names)
    with drawing(path, (side + 0.7, side)) as axes:
        axes.spines[:].set_visible(False)
        image = axes.imshow(matrix, cmap="Blues", vmin=min(0.0, float(np.nanmin(matrix))))
        ticks = np.arange(len(names))
        axes.set_xticks(
            ticks, [readable(name, path) for name in names], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(ticks, [readable(name, path) for name in names])
        axes.tick_params(length=0)
        axes.set(xlabel=columns, ylabel=rows)
        axes.figure.colorbar(image, ax=axes, label=label, shrink=0.8, pad=0.03).outline.set_visible(False)
        if text:
            dark = image.norm(matrix) > 0.55
            for (i, j), value in ((place, value) for place, value in np.ndenumerate(matrix) if np.isfinite(value)):
                colour = "white" if dark[i, j] else INK
                axes.text(j, i, text.format(value), ha="center", va="center", fontsize=6.5, color=colour)


def bars(
    path: str | Path,
    names: Sequence[str],
    values: Sequence[float],
    *,
    label: str,
    text: str = "{:.3g}",
    reference: Sequence[float] | None = None,
    series: tuple[str, str] = ("ours", "reported"),
) -> None:
    """Horizontal bars in the given order, the first on top, each with its value.

    reference: values to compare with, NaN where there is none; each is a second bar in another colour below the first.
    """
    compared = reference is not None and bool(np.isfinite(reference).any())
    place = np.arange(len(names), dtype=float)
    with drawing(path, (5.0, 0.9 + (0.5 if compared else 0.36) * len(names))) as axes:
        groups = [(series[0], np.asarray(values, dtype=float), BLUE)]
        if compared:
            groups.append((series[1], np.asarray(reference, dtype=float), AMBER))
        height = 0.62 if not compared else 0.38
        for k, (name, lengths, colour) in enumerate(groups):
            known = np.isfinite(lengths)
            # A bar without a partner stands in the middle of its place.
            single = ~np.isfinite(groups[1][1]) if compared else np.ones(len(names), dtype=bool)
            offset = np.where(single, 0.0, (k - 0.5) * height)
            drawn = axes.barh((place + offset)[known], lengths[known], color=colour, height=height, label=name)
            axes.bar_label(drawn, [text.format(value) for value in lengths[known]], padding=3)
        axes.set_yticks(place, [readable(name, path) for name in names])
        axes.margins(x=0.14)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(label)
        if compared:
            axes.figure.legend(loc="outside upper center", ncols=2)


def scatter(
    path: str | Path,
    x: np.ndarray,
    y: np.ndarray,
    *,
    labels: tuple[str, str],
    window: tuple[float, float, float, float],
    curve: tuple[np.ndarray, np.ndarray, str] | None = None,
    corner: str = "",
    log_y: bool = False,
) -> None:
    """y against x inside `window` (x from, x to, y from, y to), with a curve (x, y, legend) where one is given."""
    with drawing(path, (4.4, 3.6)) as axes:
        if log_y:
            log_axis(axes)
        cloud(axes, x, y, window)
        if curve is not None:
            axes.plot(curve[0], curve[1], color=RED, linewidth=1.5, label=curve[2])
            axes.legend(loc="upper right")
        axes.set(xlim=window[:2], ylim=window[2:], xlabel=labels[0], ylabel=labels[1])
        if corner:
            axes.text(0.98, 0.80, corner, transform=axes.transAxes, ha="right", va="top")


def cloud(axes: Axes, x: np.ndarray, y: np.ndarray, window: tuple[float, float, float, float]) -> None:
    """Points, or their density if there are many, inside `window`: x from, x to, y from, y to."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(x) <= MANY:
        axes.scatter(x, y, s=9, color=BLUE, alpha=0.45, linewidths=0, zorder=2)
        return
    log = axes.get_yscale() == "log"
    extent = (*window[:2], *np.log10(window[2:])) if log else window
    inside = (x >= window[0]) & (x <= window[1]) & (y >= window[2]) & (y <= window[3])
    settings = {"gridsize": 60, "bins": "log", "mincnt": 1, "cmap": "Blues", "linewidths": 0.1, "vmin": 0.5}
    cells = axes.hexbin(x[inside], y[inside], extent=extent, yscale="log" if log else "linear", zorder=2, **settings)
    axes.figure.colorbar(cells, ax=axes, label="materials", shrink=0.7, pad=0.02).outline.set_visible(False)
