"""The style that all figures share, and the context in which one is drawn and written."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UserError
from common.io.files import replacing
from common.plots.fonts import use_readable_fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, BLUE, RED, PALE, AMBER = "#333333", "#2b5c8a", "#c0492f", "#9db4c8", "#d9a441"
#: Text stays text in SVG, so that it can be searched and set in a journal's font.
STYLE = {
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


@contextmanager
def drawing(
    path: str | Path, size: tuple[float, float] = (3.6, 3.4), rows: int = 1, share: bool = True, columns: int = 1
) -> Iterator[Any]:
    """Yield the axes of a figure of `size` inches, an array of them if there are several, and save it at the end.

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
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=size, layout="constrained")
        yield figure.subplots(rows, columns, sharex=share)
        for axes in figure.axes:
            axes.title.set_wrap(True)
        if kind == "png":
            use_readable_fonts(figure, path)
        # Without a date, equal data give an equal file.
        metadata = {"Date": None} if kind == "svg" else None
        with replacing(path) as temporary, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # of text that stays text in SVG
            figure.savefig(temporary, format=kind, metadata=metadata)


@contextmanager
def panels(path: str | Path, count: int, size: tuple[float, float], across: int = 3) -> Iterator[list[Any]]:
    """Yield `count` axes, at most `across` side by side, in a figure with places of `size` inches."""
    columns = min(across, count)
    rows = -(-count // columns)
    with drawing(path, (size[0] * columns, size[1] * rows), rows, share=False, columns=columns) as grid:
        places = [grid] if count == 1 else list(grid.ravel())
        yield places[:count]
        for axes in places[count:]:
            axes.set_axis_off()


def with_unit(label: str, unit: str) -> str:
    return f"{label} ({unit})" if unit and unit != "1" else label


def suffix(unit: str) -> str:
    return f" {unit}" if unit and unit != "1" else ""


def corner(axes: Axes, text: str, *, right: bool = False, colour: str = INK) -> None:
    """Text in an upper corner."""
    place = {"x": 0.97, "ha": "right"} if right else {"x": 0.03, "ha": "left"}
    axes.text(y=0.97, s=text, va="top", color=colour, transform=axes.transAxes, **place)


def log_axis(axes: Axes) -> None:
    """Logarithmic, with plain numbers instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def whole_numbers(axes: Axes) -> None:
    """Ticks of the horizontal axis at whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
