"""The head of the report: how much has run, how much of that is near the reported values, what is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from experiments.analyses.text_table import NONE
from experiments.declare import plan
from experiments.report.costs import duration
from experiments.report.document import WITHIN, PaperReport, Result, ResultTable, all_results

MEANING = (
    "A run is one model, one dataset, one split; a result is the mean over the splits of a model on a dataset. It "
    "is compared where the paper reports a value for the same kind of data: the ratio is ours over the reported error, "
    f"lower is better. {WITHIN.capitalize()} counts results on both sides of the reported value; better counts those "
    "below it, however little; a result may be both. A result that two tables share is counted once. Open results have "
    "no finished run; their tables give the reason. Results on the embedded set (scale mini) are left out, since they "
    "are not comparable with the papers'."
)
HEAD = ["paper, scale", "runs finished", "results", "compared", WITHIN, "better", "open", "training time"]
#: The short table of the README: its columns, and its longest length.
SHORT_HEAD = ["paper", "model, dataset", "metric", "reported", "ours", "ratio", "verdict"]
SHORT = 30


@dataclass(frozen=True)
class Tally:
    runs: int
    runs_finished: int
    results: int
    results_finished: int
    compared: int
    within: int
    better: int
    open: int
    seconds: float


def tally(results: Iterable[Result]) -> Tally:
    """Counts, each run once. What a table takes from another one is counted there."""
    results = [r for r in results if not r.model.source_table]
    records = {run.key: record for r in results for run, record in r.records()}
    return Tally(
        runs=len(records),
        runs_finished=sum(record is not None for record in records.values()),
        results=len(results),
        results_finished=sum(r.finished for r in results),
        compared=sum(r.ratio is not None for r in results),
        within=sum(r.within for r in results),
        better=sum(r.better for r in results),
        open=sum(not r.finished for r in results),
        seconds=sum(record["wall_seconds"] for record in records.values() if record),
    )


def overview(papers: list[PaperReport]) -> ResultTable:
    """A row a paper and scale, and one for all."""
    rows = []
    for paper in papers:
        for scale in dict.fromkeys(section.scale for section in paper.sections):
            rows.append(_row(f"{paper.name}, {scale}", tally(r for r in paper.results if r.scale == scale)))
    rows.append(_row("all", tally(all_results(papers))))
    return ResultTable("Runs and results, paper by paper", HEAD, rows)


def _row(name: str, counts: Tally) -> list[str]:
    return [
        name,
        f"{counts.runs_finished:,} of {counts.runs:,}",
        f"{counts.results_finished:,} of {counts.results:,}",
        f"{counts.compared:,}",
        f"{counts.within:,}",
        f"{counts.better:,}",
        f"{counts.open:,}",
        duration(counts.seconds) if counts.seconds else NONE,
    ]


def own_results(papers: Iterable[PaperReport]) -> list[Result]:
    """The papers' own models beside reported errors; a paper without compared results shows what it has."""
    found = []
    for paper in papers:
        own = [r for r in paper.results if r.finished and r.reported is not None and is_own(r)]
        found += [r for r in own if r.ratio is not None] or own
    return found[:SHORT]


def short_table(papers: Iterable[PaperReport]) -> ResultTable:
    results = own_results(papers)
    rows = [_short_row(result, name) for result, name in zip(results, names(results), strict=True)]
    return ResultTable("The papers' own models: reported errors and ours", SHORT_HEAD, rows, words=(0, 1, 2, 6))


def names(results: list[Result]) -> list[str]:
    """Model and dataset; also the table, where several tables have both."""
    plain = [f"{one.row}, {one.column}" for one in results]
    return [
        f"{name} ({one.table})" if plain.count(name) > 1 else name for one, name in zip(results, plain, strict=True)
    ]


def _short_row(result: Result, name: str) -> list[str]:
    metric = f"{result.metric} ({result.unit})" if result.unit else result.metric
    errors = [f"{error:.4g}" for error in (result.reported, result.model.mean(result.metric))]
    ratio = NONE if result.ratio is None else f"{result.ratio:.2f}"
    verdict = result.verdict if result.ratio is not None else f"not compared: {result.not_comparable}"
    return [result.paper, name, metric, *errors, ratio, verdict]


def is_own(result: Result) -> bool:
    """The paper's model or a variant of it, such as a released one."""
    own = plan.layout(result.paper, result.table, result.scale)["own_row"]
    return bool(own) and result.row.startswith(own) and not result.model.source_table


def sentence(papers: list[PaperReport]) -> str:
    counts = tally(all_results(papers))
    return (
        f"{counts.runs_finished:,} of {counts.runs:,} runs finished; of {counts.compared:,} results beside a reported "
        f"value {counts.within:,} {WITHIN}, {counts.better:,} better; {counts.open:,} of {counts.results:,} results "
        "open\n"
    )


def as_dict(papers: list[PaperReport]) -> dict:
    """The same for programs: counts, and a dictionary a result."""
    results = [
        {
            "paper": r.paper,
            "table": r.table,
            "scale": r.scale,
            "dataset": r.column,
            "model": r.row,
            "metric": r.metric,
            "unit": r.unit,
            "ours": r.model.mean(r.metric) if r.finished else None,
            "reported": r.reported,
            "ratio": r.ratio,
            "band": r.band,
            "splits": [len(r.model.seeds), len(r.runs)],
            "open": r.model.open,
            "not compared": r.not_comparable,
        }
        for r in all_results(papers)
    ]
    return {"summary": asdict(tally(all_results(papers))), "results": results}
