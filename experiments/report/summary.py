"""The top of the report: how much has run, how much of that lies near the reported values, what is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from experiments.analyses.styles import NONE
from experiments.report.facts import WITHIN, Paper, Result, Sheet, all_results
from experiments.report.runs import duration

MEANING = (
    "A cell is one model, one data set, one split; a result is the mean over the splits of a model on a data set. It "
    "is compared where the paper reports a value for the same kind of data: the ratio is ours over the reported error, "
    f"lower is better. {WITHIN.capitalize()} counts results on both sides of the reported value; better counts those "
    "below it, however little; a result may be both. What a table takes from another one is counted there alone. Open "
    "results have no finished cell; their tables say why. Numbers on the embedded set (scale mini) are not comparable "
    "with the papers' and are left out."
)


@dataclass(frozen=True)
class Tally:
    cells: int
    cells_run: int
    results: int
    results_run: int
    compared: int
    within: int
    better: int
    open: int
    seconds: float


def tally(results: Iterable[Result]) -> Tally:
    """Counts, each cell once. What a table takes from another one is counted there."""
    results = [r for r in results if not r.line.taken]
    runs = {c.key: run for r in results for c, run in r.runs()}
    return Tally(
        cells=len(runs),
        cells_run=sum(run is not None for run in runs.values()),
        results=len(results),
        results_run=sum(r.run for r in results),
        compared=sum(r.ratio is not None for r in results),
        within=sum(r.within for r in results),
        better=sum(r.better for r in results),
        open=sum(not r.run for r in results),
        seconds=sum(run["wall_seconds"] for run in runs.values() if run),
    )


def overview(papers: list[Paper]) -> Sheet:
    """A line a paper and scale, and one for all."""
    head = [
        "paper, scale",
        "cells run",
        "results",
        "compared",
        WITHIN,
        "better",
        "open",
        "training time",
    ]
    rows = []
    for paper in papers:
        for scale in dict.fromkeys(section.scale for section in paper.sections):
            rows.append(_row(f"{paper.name}, {scale}", tally(r for r in paper.results if r.scale == scale)))
    rows.append(_row("all", tally(all_results(papers))))
    return Sheet("Cells and results, paper by paper", head, rows)


def _row(name: str, found: Tally) -> list[str]:
    return [
        name,
        f"{found.cells_run:,} of {found.cells:,}",
        f"{found.results_run:,} of {found.results:,}",
        f"{found.compared:,}",
        f"{found.within:,}",
        f"{found.better:,}",
        f"{found.open:,}",
        duration(found.seconds) if found.seconds else NONE,
    ]


def sentence(papers: list[Paper]) -> str:
    found = tally(all_results(papers))
    return (
        f"{found.cells_run:,} of {found.cells:,} cells run; of {found.compared:,} results beside a reported value "
        f"{found.within:,} {WITHIN}, {found.better:,} better; {found.open:,} of {found.results:,} results open\n"
    )


def as_dict(papers: list[Paper]) -> dict:
    """The same for programs: counts, and a dictionary a result."""
    results = [
        {
            "paper": r.paper,
            "table": r.table,
            "scale": r.scale,
            "data set": r.column,
            "model": r.row,
            "metric": r.metric,
            "unit": r.unit,
            "ours": r.line.mean(r.metric) if r.run else None,
            "reported": r.line.reported.get(r.metric),
            "ratio": r.ratio,
            "band": r.band,
            "splits": [len(r.line.seeds), len(r.cells)],
            "open": r.line.open,
            "not compared": r.aside,
        }
        for r in all_results(papers)
    ]
    return {"summary": asdict(tally(all_results(papers))), "results": results}
