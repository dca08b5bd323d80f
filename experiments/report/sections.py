"""Every declared table as tables of text, from what is stored of it."""

from __future__ import annotations

import numpy as np
import yaml

from common.io.progress import progress
from common.io.text import unit_of
from experiments.analyses import derived
from experiments.analyses.results import DatasetResult, load_results
from experiments.analyses.text_table import NONE, TextTable
from experiments.declare import plan
from experiments.report import bands, claims, coverage
from experiments.report.costs import COSTS, costs_of
from experiments.report.document import PaperReport, Result, ResultTable, Section

#: Results on the embedded set (scale mini) are not in the report, so that they cannot be mistaken for the paper's.
SCALES = ("real", "paper")
MINI_NOTE = "Embedded dataset, small budget: to see that everything runs. Not to be compared with the paper's numbers."
REAL_NOTE = (
    "Mean ± standard deviation over random splits, computed from stored predictions; one value where there is one "
    "split. A seed gives the same split to every model."
)
#: Longer texts are words rather than numbers.
LONG = 30


def gather(papers: list[str] | None = None) -> list[PaperReport]:
    """Everything declared and stored, paper by paper."""
    names = papers or plan.papers()
    places = [(p, t, s) for p in names for s in SCALES for t in plan.tables(p, s)]
    sections = [section(*place) for place in progress(places, desc="tables", unit="table")]
    made = []
    for paper in names:
        # Above its tables the file names the article.
        file = plan.folder(paper) / "reported.yaml"
        about = yaml.safe_load(file.read_text().partition("\ntables:")[0]) if file.exists() else plan.declaration(paper)
        here = [one for one in sections if one.paper == paper]
        mini = [table for table in plan.tables(paper) if table not in {one.table for one in here}]
        title, doi = about.get("title", ""), about.get("doi", "")
        made.append(PaperReport(paper, title, doi, here, mini, claims.table(paper), coverage.table(paper)))
    return made


def section(paper: str, table: str, scale: str, **budget) -> Section:
    """One table. `budget`: seeds and epochs where they are overridden."""
    layout = plan.layout(paper, table, scale)
    is_derived = "derived" in layout
    note = MINI_NOTE if scale == "mini" else layout.get("note", "" if is_derived else REAL_NOTE)
    made = Section(paper, table, scale, layout["title"], note)
    if is_derived:
        made.tables = [_derived_table(one) for one in derived.text_tables(paper, table, scale, **budget)]
        return made
    without_results: list[Result] = []
    for column in layout["columns"]:
        dataset = load_results(paper, table, scale, column, budget)
        results = _results(dataset, layout, paper, table, scale, budget)
        if any(result.finished for result in results):
            made.tables.append(_dataset_table(dataset, layout["metrics"], results))
        else:
            without_results += results
    if without_results:
        made.open = _open_table(without_results)
    return made


def _results(dataset: DatasetResult, layout: dict, paper: str, table: str, scale: str, budget: dict) -> list[Result]:
    column, results = layout["columns"][dataset.name], []
    for model in dataset.models:
        if scale == "mini":
            model.reported = {}
        runs = plan.runs_of(paper, table, scale, dataset.name, model.row, **budget)
        band = None if scale == "mini" else bands.band(paper, table, dataset.name, model.row, scale)
        aside = column.get("not_comparable", layout.get("not_comparable", ""))
        results.append(
            Result(
                paper, table, scale, dataset.name, model, layout["metrics"][0], dataset.plain_unit, runs, band, aside
            )
        )
    return results


def _derived_table(one: TextTable) -> ResultTable:
    rows = [[cell or NONE for cell in row] for row in one.rows]
    words = [k for k in range(len(one.head)) if k == 0 or any(len(row[k]) > LONG for row in rows)]
    return ResultTable(one.title, one.head, rows, one.notes, words=tuple(words))


def _dataset_table(dataset: DatasetResult, metrics: list[str], results: list[Result]) -> ResultTable:
    """A dataset of which something is stored: ours, the paper's, their ratio, the splits, the band."""
    first, unit, scale = metrics[0], results[0].unit, results[0].scale
    # Of the other metrics a paper prints few; how many times better than the mean an error is stands beside it.
    order = sorted(metrics[1:], key=lambda metric: metric != "MAD:MAE")
    others = {m: any(m in r.model.reported for r in results) for m in order}
    columns = [("model", lambda r: r.row), (f"ours, {first}{unit_of(first, unit)}", lambda r: spread(r, first))]
    if any(r.model.reported for r in results):
        columns += [
            (f"reported {first}", lambda r: _reported(r, first)),
            ("ours / reported", lambda r: _ratio(r, first)),
        ]
        columns.append(("verdict", lambda r: r.verdict))
    for m, printed in others.items():
        columns.append((f"ours, {m}{unit_of(m, unit)}", lambda r, m=m: spread(r, m)))
        if printed:
            columns += [(f"reported {m}", lambda r, m=m: _reported(r, m)), ("ratio", lambda r, m=m: _ratio(r, m))]
    columns += [("state", lambda r: r.state), ("from, to", _span)]
    own = dataset.own_reported.get(first) if scale != "mini" else None
    if own is not None and any(len(r.model.seeds) > 1 for r in results):
        columns.append((f"splits below reported {dataset.own}", lambda r: _below(r, own)))
    if any(r.band for r in results):
        columns.append((f"band of ours{unit_of(first, unit)}", _band))
    if dataset.costs:
        columns += [(name, lambda r, k=k: costs_of(r.model)[k] if r.finished else NONE) for k, name in enumerate(COSTS)]
    head = [name for name, _ in columns]
    words = tuple(k for k, name in enumerate(head) if name in ("model", "verdict", "state", COSTS[-1]))
    rows = [[text(result) for _, text in columns] for result in results]
    notes = [f"Not compared with the paper: {results[0].not_comparable}."] if results[0].not_comparable else []
    title = f"{dataset.name}, {dataset.unit}; {dataset.materials:,} materials, {_sizes(results)}; scale {scale}"
    return ResultTable(title, head, rows, [*notes, *dataset.notes], results, words)


def spread(result: Result, metric: str) -> str:
    """Mean and standard deviation over the splits."""
    values = result.model.values.get(metric, ())
    if not len(values):
        return "open"
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _reported(result: Result, metric: str) -> str:
    reported = result.model.reported.get(metric)
    # Means over published folds have more digits than are significant.
    return NONE if reported is None else f"{reported:.4g}" if result.model.folds else f"{reported:g}"


def _ratio(result: Result, metric: str) -> str:
    ratio = result.ratio_of(metric)
    return NONE if ratio is None else f"{ratio:.2f}"


def _span(result: Result) -> str:
    values = result.model.values.get(result.metric, np.zeros(0))
    return f"{values.min():.3f} to {values.max():.3f}" if len(values) > 1 else NONE


def _below(result: Result, own: float) -> str:
    values = result.model.values.get(result.metric, np.zeros(0))
    return f"{(values < own).sum()} of {len(values)}" if len(values) > 1 else NONE


def _band(result: Result) -> str:
    if result.band is None or not result.finished:
        return NONE
    low, high = result.band
    inside = low <= result.model.mean(result.metric) <= high
    return f"{low:g} to {high:g}, {'inside' if inside else 'outside'}"


def _sizes(results: list[Result]) -> str:
    """Sizes of training, validation and test set in one split; equal for all models."""
    split = next(r.model.stored[0][1]["split"] for r in results if r.finished)
    return f"{split['n_train']:,} to train, {split['n_validation']:,} to validate, {split['n_test']:,} to test"


def _open_table(results: list[Result]) -> ResultTable:
    title, head = f"Datasets without results; scale {results[0].scale}", ["dataset", "model", "open, because"]
    rows = [[r.column, r.row, r.model.open] for r in results]
    if results[0].scale == "mini":
        return ResultTable(title, head, rows, results=results, words=(0, 1, 2))
    head.insert(2, f"reported {results[0].metric}")
    for r, row in zip(results, rows, strict=True):
        row.insert(2, NONE if r.reported is None else f"{r.reported:g}{f' {r.unit}' if r.unit else ''}")
    return ResultTable(title, head, rows, results=results, words=(0, 1, 3))
