"""The models with the lowest errors on each common task, for the page that helps to choose one."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.analyses.text_table import NONE
from experiments.report.costs import duration
from experiments.report.document import PaperReport, Result, ResultTable

#: The paper whose tables compare all models, and the rows that are references rather than candidates.
COMMON, SIMPLE, CONSTANT = "grand", "XGBoost-Magpie", "dummy"
HEAD = ["task", "best model", "second", "third", "XGBoost on Magpie features", "constant"]


def table(papers: Iterable[PaperReport]) -> ResultTable:
    """A row a task: the three best models, then the references; each with its error and training time."""
    results = [r for paper in papers if paper.name == COMMON for r in paper.results if r.finished]
    rows = []
    for column in dict.fromkeys(r.column for r in results):
        here = sorted((r for r in results if r.column == column), key=lambda r: r.model.mean(r.metric))
        named = {r.row: r for r in here}
        best = [r for r in here if r.row not in (SIMPLE, CONSTANT)][:3]
        cells = [f"{r.row}: {_cell(r)}" for r in best] + [NONE] * (3 - len(best))
        cells += [_cell(named[row]) if row in named else NONE for row in (SIMPLE, CONSTANT)]
        rows.append([f"{column} ({here[0].unit})" if here[0].unit else column, *cells])
    return ResultTable("Models with the lowest errors on each task", HEAD, rows)


def _cell(result: Result) -> str:
    seconds = [record["wall_seconds"] for _, record in result.model.stored]
    return f"{result.model.mean(result.metric):.3g}, {duration(sum(seconds) / len(seconds))}"
