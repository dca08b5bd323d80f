"""Tables from stored predictions only: ours beside the paper's, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from common.hdf5 import write_text
from common.predictions import Predictions
from experiments import plan
from experiments.run import folder_of

HERE = Path(__file__).parent
MINI_NOTE = "Embedded data set, small budget: these numbers show the road and are not to be compared with the paper's."


@dataclass
class Line:
    """One row of one column: per metric the values over the stored seeds, and what the paper reports."""

    row: str
    values: dict[str, np.ndarray]
    reported: dict[str, float]
    open: str = ""

    def mean(self, metric: str) -> float:
        return float(self.values[metric].mean())


@dataclass
class Block:
    """One column of a table: a data set with its lines."""

    name: str
    unit: str
    materials: int
    test: int
    lines: list[Line]
    notes: list[str]
    #: The paper's own model and what the paper reports of it, to see where that lies among our splits.
    own: str = ""
    own_reported: dict[str, float] = field(default_factory=dict)
    #: Why no row of this column can run; empty where some can.
    open: str = ""


def load_block(paper: str, table: str, scale: str, column: str, budget: dict) -> Block:
    """Everything stored of one column. A row without a finished cell is left open, with the reason."""
    layout = plan.layout(paper, table, scale)
    data = layout["columns"][column]
    printed = plan.reported(paper).get(data.get("reported"), {})
    every = [c for c in plan.cells(paper, table, scale, **budget) if c.column == column]
    own = plan.declaration(paper).get("own", "")
    reported = _printed(printed, layout["rows"].get(own, {}).get("reported"))
    unit, notes = printed.get("unit", ""), data.get("notes", [])
    block = Block(column, unit, 0, 0, [], notes, own, reported, data.get("open", ""))
    for row, model in layout["rows"].items():
        mine = [c for c in every if c.row == row]
        stored = [s for s in map(stored_cell, mine) if s]
        metrics = [predictions.metrics() for predictions, _ in stored]
        values = {m: np.array([one[m] for one in metrics]) for m in layout["metrics"]} if metrics else {}
        reason = data.get("open") or model.get("open") or ("" if stored else "not run yet")
        if not reason and len(stored) < len(mine):
            reason = f"{len(stored)} of {len(mine)} seeds"
        block.lines.append(Line(row, values, _printed(printed, model.get("reported")), reason))
        for predictions, record in stored:
            block.materials, block.test = record["data"]["rows"], len(predictions)
            block.unit = predictions.unit if predictions.unit != "1" else "dimensionless"
    return block


def stored_cell(cell: plan.Cell) -> tuple[Predictions, dict] | None:
    folder = folder_of(cell)
    try:
        record = json.loads((folder / "cell.json").read_text())
    except FileNotFoundError:
        return None
    return Predictions.load(folder / "predictions.csv.gz", record["unit"]), record


def _printed(printed: dict, row: str | None) -> dict[str, float]:
    cells = printed.get("rows", {}).get(row, {})
    return {m: c["value"] for m, c in cells.items() if isinstance(c, dict) and isinstance(c.get("value"), int | float)}


def rows_of(block: Block, metrics: list[str], mini: bool) -> tuple[list[str], list[list[str]]]:
    """Header and rows of text for one column."""
    first = metrics[0]
    head = ["model", *(f"{m}, mean ± sd" for m in metrics), "splits", "range"]
    if not mini:
        head += [f"paper's {first}", "ours / paper's", f"splits below the paper's {block.own}"]
    rows = []
    for line in block.lines:
        if not line.values:
            cells = ["open: " + line.open, *[""] * (len(metrics) + 1)]
        else:
            values = line.values[first]
            cells = [_spread(line.values[m]) for m in metrics]
            cells += [str(len(values)), f"{values.min():.3f} to {values.max():.3f}" if len(values) > 1 else ""]
            if line.open:
                cells[0] += f" ({line.open})"
        if not mini:
            cells += _compared(line, first, block.own_reported.get(first))
        rows.append([line.row, *cells])
    return head, rows


def _compared(line: Line, metric: str, own: float | None) -> list[str]:
    """The paper's number, our ratio to it, and how many of our splits undercut what the paper has for its own model."""
    printed, values = line.reported.get(metric), line.values.get(metric, np.zeros(0))
    return [
        "" if printed is None else f"{printed:g}",
        "" if printed is None or not len(values) else f"{values.mean() / printed:.2f}",
        "" if own is None or len(values) < 2 else f"{(values < own).sum()} of {len(values)}",
    ]


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def render(paper: str, table: str, scale: str, style: str = "markdown", **budget) -> str:
    """A whole table as text. `style`: markdown, csv or latex; `budget`: seeds and epochs where they are overridden."""
    layout = plan.layout(paper, table, scale)
    mini = scale == "mini"
    parts = []
    for column in layout["columns"]:
        block = load_block(paper, table, scale, column, budget)
        head, rows = rows_of(block, layout["metrics"], mini)
        parts.append(STYLES[style](block, head, rows))
    title = f"{layout['title']} ({paper}, scale {scale})"
    if style == "markdown":
        note = (
            MINI_NOTE
            if mini
            else "Ours: mean and standard deviation over random splits, recomputed from stored predictions."
        )
        return "\n\n".join([f"### {title}", note, *parts]) + "\n"
    if style == "csv":
        return "\n".join(parts)
    return f"% {title}\n" + "\n".join(parts)


def _markdown(block: Block, head: list[str], rows: list[list[str]]) -> str:
    title = f"**{block.name}**" + (f", {block.unit}" if block.unit else "")
    if block.open:
        # A variant in brackets repeats the number of its row.
        own = [line for line in block.lines if line.reported and "(" not in line.row]
        printed = [f"{line.row} {next(iter(line.reported.values())):g}" for line in own]
        return f"{title}: open, {block.open}. The paper reports: {', '.join(printed)}."
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in [head, *rows]]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    size = f"; {block.materials:,} materials, {block.test:,} in each test part" if block.materials else ""
    lines = [title + size, "", *text]
    if block.notes:
        lines += ["", *(f"* {note}" for note in block.notes)]
    return "\n".join(lines)


def _csv(block: Block, head: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data set", "unit", *head])
    writer.writerows([block.name, block.unit, *row] for row in rows)
    return text.getvalue()


def _latex(block: Block, head: list[str], rows: list[list[str]]) -> str:
    def line(cells: list[str]) -> str:
        text = " & ".join(cells).replace("±", r"$\pm$").replace("_", r"\_").replace("%", r"\%")
        return text + r" \\"

    body = [line(head), r"\midrule", *map(line, rows)]
    caption = f"{block.name}, {block.unit}".replace("_", r"\_")
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        rf"\multicolumn{{{len(head)}}}{{l}}{{{caption}}} \\",
        r"\toprule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        "",
    ]
    return "\n".join(lines)


STYLES = {"markdown": _markdown, "csv": _csv, "latex": _latex}
ENDINGS = {"markdown": "md", "csv": "csv", "latex": "tex"}


def committed_tables() -> dict[Path, str]:
    """Path -> text of every table file that the repository keeps: all declared tables at scale real."""
    texts = {}
    for paper in plan.papers():
        for table in plan.tables(paper):
            if "real" in plan.declaration(paper)["tables"][table]["scales"]:
                for style, ending in ENDINGS.items():
                    texts[HERE / "tables" / f"{paper}-{table}.{ending}"] = render(paper, table, "real", style)
    return texts


START, END = "<!-- tables: generated by `make tables` -->", "<!-- end of tables -->"


def readme_with_tables(readme: str) -> str:
    """The README with its generated part renewed: the Markdown tables with at least one finished cell."""
    blocks = [t for p, t in committed_tables().items() if p.suffix == ".md" and " ± " in t]
    before, rest = readme.split(START)
    return f"{before}{START}\n\n{chr(10).join(blocks)}\n{END}{rest.split(END)[1]}"


def write_all() -> list[Path]:
    """Write every generated table and the README's part; returns the files."""
    texts = committed_tables()
    for path, text in texts.items():
        write_text(path, text)
    readme = HERE.parent / "README.md"
    if readme.exists():
        write_text(readme, readme_with_tables(readme.read_text()))
    return [*texts, readme]
