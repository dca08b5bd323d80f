"""The pictures of all four papers, in one look: parity, learning curve, error histogram, heat map, bars, scatter.

Each function draws one file, PNG or SVG by its ending, whole or not at all. Figures are made without pyplot, so no
window system, no global state and no setting of the user's own matplotlib takes part.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from common.data import metrics
from common.errors import UserError
from common.io.files import replacing

INK, BLUE, RED, PALE = "#333333", "#2b5c8a", "#c0492f", "#9db4c8"
#: The one look. Text stays text in SVG, so that it can be searched and set in a journal's font.
LOOK = {
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "matrepro",
}
#: Beyond this many points a cloud is drawn as density: dots would hide each other and swell an SVG.
MANY = 4000


@contextmanager
def drawing(path: str | Path, size: tuple[float, float] = (3.6, 3.4), rows: int = 1, share: bool = True) -> Iterator:
    """Yield axes (an array of them for more than one row) of a figure of `size` inches; save it at the end.

    share: whether the rows have one horizontal axis.
    """
    path = Path(path)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise UserError(f"{path}: pictures are written as .png or .svg; choose one of these endings")
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(rows, 1, sharex=share)
        # Without a date, equal data give an equal file.
        metadata = {"Date": None} if kind == "svg" else None
        with replacing(path) as temporary:
            figure.savefig(temporary, format=kind, metadata=metadata)


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

    Two models are compared the same way: `labels` then names them, and the MAE is the mean distance between them.
    """
    scores = metrics.regression(target, prediction)
    low, high = np.min([target, prediction]), np.max([target, prediction])
    margin = 0.04 * (high - low) or 1.0
    ends = (low - margin, high + margin)
    with drawing(path) as axes:
        axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        _cloud(axes, target, prediction, (*ends, *ends))
        axes.set(xlim=ends, ylim=ends, aspect="equal", title=name)
        axes.set(xlabel=with_unit(labels[0], unit), ylabel=with_unit(labels[1], unit))
        mae = f"MAE {scores['MAE']:.3g}{_suffix(unit)}"
        _corner(axes, f"{mae}\nr = {scores['Pearson']:.3f}\nn = {len(target):,}")


def learning_curve(
    path: str | Path, history: str | Path, *, unit: str = "", name: str = "", monitor: str = "MAE"
) -> int:
    """Training loss and validation error against epoch, from a run's `history.csv`; returns the epoch marked as best.

    Best is the first epoch with the lowest validation error, by which weights are kept; without a validation part, the
    lowest loss.
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
                _log_axis(panel)
        panels[-1].plot(epoch[best], watched[best], "o", color=RED, markersize=5)
        panels[-1].set_xlabel("epoch")
        _corner(panels[-1], f"best: epoch {epoch[best]:.0f}, {watched[best]:.4g}{_suffix(curves[-1][2])}", right=True)
        panels[0].set_title(name)
    return int(epoch[best])


def error_histogram(
    path: str | Path, target: np.ndarray, prediction: np.ndarray, *, unit: str = "", name: str = ""
) -> None:
    """How many predictions miss by how much. The axis spans the central 99 %; the corner counts what lies beyond."""
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
        _corner(axes, f"n = {len(error):,}{beyond}")
        _corner(axes, f"mean {scores['ME']:+.2g}{_suffix(unit)}", right=True, colour=RED)


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
        axes.set_xticks(ticks, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, names)
        axes.tick_params(length=0)
        axes.set(xlabel=columns, ylabel=rows)
        axes.figure.colorbar(image, ax=axes, label=label, shrink=0.8, pad=0.03).outline.set_visible(False)
        if text:
            dark = image.norm(matrix) > 0.55
            for (i, j), value in ((place, value) for place, value in np.ndenumerate(matrix) if np.isfinite(value)):
                colour = "white" if dark[i, j] else INK
                axes.text(j, i, text.format(value), ha="center", va="center", fontsize=6.5, color=colour)


def bars(path: str | Path, names: Sequence[str], values: Sequence[float], *, label: str, text: str = "{:.3g}") -> None:
    """Horizontal bars in the given order, the first on top, each with its value."""
    with drawing(path, (5.0, 0.9 + 0.36 * len(names))) as axes:
        drawn = axes.barh(names, values, color=BLUE, height=0.62)
        axes.bar_label(drawn, [text.format(value) for value in values], padding=3)
        axes.margins(x=0.14)
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(label)


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
            _log_axis(axes)
        _cloud(axes, x, y, window)
        if curve is not None:
            axes.plot(curve[0], curve[1], color=RED, linewidth=1.5, label=curve[2])
            axes.legend(loc="upper right")
        axes.set(xlim=window[:2], ylim=window[2:], xlabel=labels[0], ylabel=labels[1])
        if corner:
            axes.text(0.98, 0.80, corner, transform=axes.transAxes, ha="right", va="top")


def with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit and unit != "1" else label


def _suffix(unit: str) -> str:
    return f" {unit}" if unit and unit != "1" else ""


def _corner(axes, text: str, *, right: bool = False, colour: str = INK) -> None:
    place = {"x": 0.97, "ha": "right"} if right else {"x": 0.03, "ha": "left"}
    axes.text(y=0.97, s=text, va="top", color=colour, transform=axes.transAxes, **place)


def _log_axis(axes) -> None:
    """Logarithmic, with plain numbers instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _cloud(axes, x, y, window: tuple[float, float, float, float]) -> None:
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


def read_history(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a run's `history.csv`: epoch, loss, and where there is a validation part its errors."""
    try:
        with open(path, newline="") as file:
            lines = list(csv.DictReader(file))
        columns = {name: np.array([float(line[name]) for line in lines]) for name in (lines[0] if lines else ())}
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as the history of a training run: {error}") from None
    if not {"epoch", "loss"} <= columns.keys():
        raise UserError(f"{path} holds no history of a training run (columns epoch and loss)")
    return columns
