"""The report as one HTML page that needs no network: templates of this folder, filled with tables and pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from common import __version__
from common.io.files import write_text
from common.io.progress import progress
from experiments.declare import plan
from experiments.report import claims, costs, summary
from experiments.report.document import WITHIN, PaperReport, Result, ResultTable, Section, all_results, kind
from experiments.report.plots import pictures, sheets
from experiments.report.plots.canvas import Picture
from experiments.report.templates import across, fill

#: CSS class of a verdict -> its name in the filter.
KINDS = {
    "better": "better by more than 10 %",
    "near": WITHIN,
    "above": "more than 10 % above",
    "plain": "not compared",
    "open": "open",
}


def write(papers: list[PaperReport], path: str | Path) -> None:
    write_text(path, render(papers))


def render(papers: list[PaperReport]) -> str:
    """Equal results give an equal page: it states neither time nor place."""
    drawn = [result for result in all_results(papers) if _is_drawn(result)]
    shown = {(r.paper, r.table, r.scale, r.column, r.row): _pictures(r) for r in progress(drawn, desc="pictures")}
    widths = sheets.with_widths(papers)
    return fill(
        "page.html",
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
        coverage=sheets.coverage_table(widths),
        coverage_plots=sheets.coverage_plots(widths),
        coverage_note=sheets.COVERAGE_NOTE,
        learning=sheets.learning_curves(papers),
        kinds=_kinds(papers),
    )


def _kinds(papers: list[PaperReport]) -> list[tuple[str, str, int]]:
    """What the page can be filtered by: class and name of a verdict, and the number of results with it."""
    counts = Counter(kind(result) for result in all_results(papers))
    return [(name, words, counts[name]) for name, words in KINDS.items()]


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
