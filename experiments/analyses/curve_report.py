"""A table of text with curves: the report that is stored of data which no run predicts, as a table and a picture.

The dictionary goes to JSON beside the results, so that both can be made again without the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from common.plots import BLUE, INK, RED, panels
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable

Curve = list[list[float]]
#: The inches of one of several panels.
PANEL = (3.2, 2.4)


def histogram(values: np.ndarray, edges: np.ndarray) -> Curve:
    """Centres of the bins and percentages; values beyond the ends are in the outermost bins."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    centres = (edges[1:] + edges[:-1]) / 2
    return [np.round(centres, 6).tolist(), np.round(100 * counts / max(1, len(values)), 4).tolist()]


def panel(labels: tuple[str, str], curves: dict[str, Curve], *, bins: bool = True) -> dict:
    """One pair of axes: its labels, and name -> curve. bins: whether a point is a bin, drawn as a step."""
    return {"labels": labels, "curves": curves, "bins": bins}


def report(title: str, head: list[str], rows: list[list[str]], notes: list[str], panels: list[dict]) -> dict:
    return {"title": title, "head": head, "rows": rows, "notes": notes, "panels": panels}


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """The stored table."""
    found = declared.get("stored")
    if not found:
        return [TextTable.not_run(declared["title"])]
    return [TextTable(found["title"], found["head"], found["rows"], found["notes"])]


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """The stored curves, a panel each."""
    found = declared.get("stored")
    if not found:
        return
    shown = found["panels"]
    path = folder / "curves.png"
    with panels(path, len(shown), (4.8, 3.2) if len(shown) == 1 else PANEL) as places:
        for axes, one in zip(places, shown, strict=True):
            _draw_panel(axes, one)
    yield path


def _draw_panel(axes, one: dict) -> None:
    for (name, (x, y)), colour in zip(one["curves"].items(), (BLUE, RED, INK), strict=False):
        axes.plot(x, y, color=colour, linewidth=1.0, label=name, drawstyle="steps-mid" if one["bins"] else "default")
    if axes.get_xlim()[0] < 0.0 < axes.get_xlim()[1]:
        axes.axvline(0.0, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set(xlabel=one["labels"][0], ylabel=one["labels"][1])
    if len(one["curves"]) > 1:
        axes.legend(fontsize=8)
