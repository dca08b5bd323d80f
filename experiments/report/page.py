"""The report as one HTML page that needs no network: templates of this folder, filled with tables and pictures."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

from common import __version__
from common.io.files import write_text
from common.io.progress import progress
from experiments.declare import plan
from experiments.report import claims, costs, pictures, summary
from experiments.report.canvas import Picture
from experiments.report.document import WITHIN, PaperReport, Result, ResultTable, Section, all_results

#: The ends of the axis of ratios; what lies beyond is drawn at its end.
RATIOS = (0.5, 2.0)


def write(papers: list[PaperReport], path: str | Path) -> None:
    write_text(path, render(papers))


def render(papers: list[PaperReport]) -> str:
    """Equal results give an equal page: it states neither time nor place."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"prose": prose, "slug": anchor, "kind": kind, "across": across}
    drawn = [result for result in all_results(papers) if _is_drawn(result)]
    shown = {(r.paper, r.table, r.scale, r.column, r.row): _pictures(r) for r in progress(drawn, desc="pictures")}
    return environment.get_template("page.html").render(
        papers=papers,
        total=summary.tally(all_results(papers)),
        overview=summary.overview(papers),
        meaning=summary.MEANING,
        claims_meaning=claims.MEANING,
        within=WITHIN,
        hardware=costs.hardware,
        versions=costs.versions(papers),
        duration=costs.duration,
        figures=lambda table: _figures(table, shown),
        by_size=pictures.by_size,
        reasons=reasons,
        ticks=[(ratio, across(ratio)) for ratio in (0.5, 1, 2)],
        near=(across(0.9), across(1.1)),
        version=__version__,
    )


def _is_drawn(result: Result) -> bool:
    """A constant prediction makes an uninformative plot."""
    return result.finished and result.runs[0].settings["model"] != "dummy"


def _pictures(result: Result) -> list[Picture]:
    return [pictures.parity(result), *([curve] if (curve := pictures.learning_curve(result)) else [])]


def _figures(table: ResultTable, shown: dict) -> tuple[list[Picture], list[Picture], int]:
    """Pictures of the paper's own model, those of the others, and how many others there are."""
    first, others, count = [], [], 0
    for r in table.results:
        found = shown.get((r.paper, r.table, r.scale, r.column, r.row), [])
        if r.row == plan.layout(r.paper, r.table, r.scale)["own_row"]:
            first += found
        else:
            others += found
            count += bool(found)
    return first, others, count


def reasons(section: Section) -> str:
    """Why results are open, and how many for each reason."""
    counts = Counter(result.model.open for result in section.open.results)
    return "; ".join(f"{count} {reason}" if len(counts) > 1 else reason for reason, count in counts.items())


def kind(result: Result) -> str:
    """CSS class of a verdict."""
    if result.ratio is None:
        return "plain" if result.finished else "open"
    return "near" if result.within else "better" if result.better else "above"


def across(ratio: float) -> float:
    """Position of a ratio on the logarithmic axis, in per cent of its width."""
    low, high = (math.log(end) for end in RATIOS)
    return round(100 * min(max((math.log(ratio) - low) / (high - low), 0), 1), 2)


def anchor(text: str) -> str:
    return plan.slug(text).lower()


def prose(text: str):
    """Escaped text with `code` set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
