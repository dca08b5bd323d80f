"""Pictures as SVG files of the repository: the README's overview, and the plots of a paper's page of results."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from itertools import groupby

from experiments.declare import plan
from experiments.report import summary
from experiments.report.document import NEAR, PaperReport, kind
from experiments.report.plots import pictures
from experiments.report.plots.canvas import Picture
from experiments.report.templates import fill

#: Layout of the overview in pixels: its width, the ends of the axis, the first line, and a line's height.
WIDTH, AXIS, TOP, LINE = 800, (400, 740), 56, 22
#: The ends of the axis of ratios.
RATIOS = (0.7, 5.0)
TICKS = (0.7, 1, 1.5, 2, 3, 5)
#: Characters of a caption's line, and its height in pixels.
CAPTION, CAPTION_LINE = 38, 14


def overview(papers: Iterable[PaperReport]) -> str:
    """A line a result that is compared with a reported error, on a logarithmic axis of ratios."""
    results = [r for r in summary.own_results(papers) if r.ratio is not None]
    lines, groups, y = [], [], TOP - LINE / 2
    labels = summary.names(results)
    for paper, members in groupby(zip(results, labels, strict=True), key=lambda pair: pair[0].paper):
        y += LINE
        groups.append((y + 4, paper))
        for r, name in members:
            y += LINE
            lines.append({"y": y, "x": _across(r.ratio), "name": name, "ratio": r.ratio, "kind": kind(r)})
    floor = y + LINE
    text = "; ".join(f"{r.paper}, {name}: {r.ratio:.2f}" for r, name in zip(results, labels, strict=True))
    return fill(
        "overview.svg",
        width=WIDTH,
        height=floor + 48,
        top=TOP - LINE / 2,
        floor=floor,
        left=AXIS[0],
        one=_across(1),
        near=(_across(1 - NEAR), _across(1 + NEAR)),
        ticks=[(f"{ratio:g}", _across(ratio)) for ratio in TICKS],
        groups=groups,
        lines=lines,
        text=f"Our error divided by the reported one: {text}.",
    )


def _across(ratio: float) -> float:
    low, high = (math.log(end) for end in RATIOS)
    part = min(max((math.log(ratio) - low) / (high - low), 0), 1)
    return round(AXIS[0] + part * (AXIS[1] - AXIS[0]), 1)


def plots(paper: PaperReport) -> dict[str, tuple[Picture, str]]:
    """File name -> picture and SVG: parity plot and learning curve of each result of the paper's own models."""
    found = {}
    for r in summary.own_results([paper]):
        name = plan.slug(f"{r.paper}-{r.table}-{r.column}-{r.row}")
        curve = pictures.learning_curve(r)
        for file, picture in ((name, pictures.parity(r)), (f"{name}-learning", curve)):
            if picture:
                found[f"{file}.svg"] = picture, plot(picture, f"{r.column}, {picture.caption}")
    return found


def plot(picture: Picture, caption: str) -> str:
    """A picture as a file of its own, with its caption above."""
    lines = textwrap.wrap(caption, CAPTION)
    top = 10 + CAPTION_LINE * len(lines)
    _, _, width, height = (float(number) for number in picture.box.split())
    return fill("plot.svg", picture=picture, caption=lines, top=top, width=round(width), height=round(height + top + 4))
