"""Every declared table as sheets of text, from what is stored of it.

Numbers on the embedded set (scale mini) are not here at all: nobody shall put them beside a paper's.
"""

from __future__ import annotations

import yaml

from common.io.progress import progress
from common.io.text import unit_of
from experiments.analyses import derived
from experiments.analyses.results import Block, Line, load_block
from experiments.analyses.styles import NONE
from experiments.declare import plan
from experiments.report import bands, contents
from experiments.report.facts import Paper, Result, Section, Sheet, verdict
from experiments.report.tables import COSTS, costs_of, spread

SCALES = ("real", "paper")
#: No number has so many characters.
LONG = 30


def gather() -> list[Paper]:
    """Everything declared and stored, paper by paper."""
    places = [(p, t, s) for p in plan.papers() for s in SCALES for t in plan.tables(p, s)]
    sections = [_section(*place) for place in progress(places, desc="tables", unit="table")]
    made = []
    for paper in plan.papers():
        # Above its tables the file names the article.
        file = plan.PAPERS / paper / "reported.yaml"
        about = yaml.safe_load(file.read_text().partition("\ntables:")[0]) if file.exists() else plan.declaration(paper)
        elsewhere = {table for _, table, _ in (place for place in places if place[0] == paper)}
        mini = [table for table in plan.tables(paper) if table not in elsewhere]
        listed = Sheet("Tables and figures of the article", contents.HEAD, contents.rows_of(paper), words=(0, 1, 2))
        mine = [section for section in sections if section.paper == paper]
        made.append(Paper(paper, about.get("title", ""), about.get("doi", ""), mine, mini, listed))
    return made


def _section(paper: str, table: str, scale: str) -> Section:
    layout = plan.layout(paper, table, scale)
    section = Section(paper, table, scale, layout["title"], layout.get("note", ""), [])
    if "derived" in layout:
        parts = derived.parts(paper, table, scale)
        section.sheets = [_derived_sheet(part) for part in parts]
        return section
    away: list[Result] = []
    for column, data in layout["columns"].items():
        block = load_block(paper, table, scale, column, {})
        results = [
            Result(
                paper,
                table,
                scale,
                column,
                line,
                layout["metrics"][0],
                "" if block.unit == "dimensionless" else block.unit,
                plan.runs_of(paper, table, scale, column, line.row),
                bands.band(paper, table, column, line.row, scale),
                data.get("aside", layout.get("aside", "")),
            )
            for line in block.lines
        ]
        if any(result.run for result in results):
            section.sheets.append(_sheet(block, layout["metrics"], results))
        else:
            away += results
    if away:
        section.open = _open_sheet(away)
    return section


def _derived_sheet(part: derived.Part) -> Sheet:
    """Long cells, such as lists of materials, are columns of words."""
    rows = [[cell or NONE for cell in row] for row in part.rows]
    words = [k for k in range(len(part.head)) if k == 0 or any(len(row[k]) > LONG for row in rows)]
    return Sheet(part.title, part.head, rows, part.notes, words=tuple(words))


def _sheet(block: Block, metrics: list[str], results: list[Result]) -> Sheet:
    """A column of which something is stored: ours, the paper's, their ratio, the band, the splits."""
    first, unit = metrics[0], results[0].unit
    # Of the other metrics a paper prints few; how many times better than the mean an error is stands beside it.
    order = sorted(metrics[1:], key=lambda metric: metric != "MAD:MAE")
    others = {m: any(m in r.line.reported for r in results) for m in order}
    beside, banded = any(r.line.reported for r in results), any(r.band for r in results)
    head = ["model", f"ours, {first}{unit_of(first, unit)}"]
    head += [f"reported {first}", "ours / reported", "verdict"] if beside else []
    for metric, printed in others.items():
        head += [f"ours, {metric}{unit_of(metric, unit)}", *([f"reported {metric}", "ratio"] if printed else [])]
    head += ["state", "from, to", *([f"band of ours{unit_of(first, unit)}"] if banded else [])]
    head += COSTS if block.costs else []
    words = [k for k, name in enumerate(head) if name in ("model", "verdict", "state", COSTS[-1])]
    rows = []
    for result in results:
        row = _row(result, others, beside, banded)
        if block.costs:
            row += costs_of(result.line) if result.run else [NONE] * len(COSTS)
        rows.append(row)
    notes = [f"Not compared with the paper: {results[0].aside}."] if results[0].aside else []
    size = f"{block.materials:,} materials, {_parts(results)}"
    title = f"{block.name}, {block.unit}; {size}; scale {results[0].scale}"
    return Sheet(title, head, rows, [*notes, *block.notes], results, tuple(words))


def _row(result: Result, others: dict[str, bool], beside: bool, banded: bool) -> list[str]:
    line = result.line
    values = line.values.get(result.metric)
    span = f"{values.min():.3f} to {values.max():.3f}" if result.run and len(values) > 1 else NONE
    ours, *theirs = _ours_and_theirs(line, result.metric, result.ratio)
    row = [line.row, ours, *([*theirs, verdict(result)] if beside else [])]
    for metric, printed in others.items():
        reported = line.reported.get(metric)
        ratio = line.mean(metric) / reported if result.run and reported and not result.aside else None
        texts = _ours_and_theirs(line, metric, ratio)
        row += texts if printed else texts[:1]
    row += [result.state, span, *([_band(result)] if banded else [])]
    return row


def _ours_and_theirs(line: Line, metric: str, ratio: float | None) -> list[str]:
    ours = spread(line.values[metric]) if line.values else "open"
    reported = line.reported.get(metric)
    # Means over published folds have more digits than say something.
    printed = NONE if reported is None else f"{reported:.4g}" if line.folds else f"{reported:g}"
    return [ours, printed, NONE if ratio is None else f"{ratio:.2f}"]


def _band(result: Result) -> str:
    if result.band is None or not result.run:
        return NONE
    low, high = result.band
    inside = low <= result.line.mean(result.metric) <= high
    return f"{low:g} to {high:g}, {'inside' if inside else 'outside'}"


def _parts(results: list[Result]) -> str:
    """Sizes of the parts in one split; equal for all models."""
    split = next(r.line.stored[0][1]["split"] for r in results if r.run)
    return f"{split['n_train']:,} to train, {split['n_validation']:,} to validate, {split['n_test']:,} to test"


def _open_sheet(results: list[Result]) -> Sheet:
    rows = []
    for r in results:
        reported = r.line.reported.get(r.metric)
        value = NONE if reported is None else f"{reported:g}{f' {r.unit}' if r.unit else ''}"
        rows.append([r.column, r.row, value, r.line.open])
    head = ["data set", "model", f"reported {results[0].metric}", "open, because"]
    return Sheet(f"Open altogether; scale {results[0].scale}", head, rows, results=results, words=(0, 1, 3))
