"""Tables from stored predictions only: ours beside the paper's, as Markdown, CSV and LaTeX."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common.io.files import write_text
from common.io.text import as_csv, unit_of
from experiments.analyses import derived, styles
from experiments.analyses.results import Block, Line, load_block
from experiments.declare import plan
from experiments.report import contents

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "results"
MINI_NOTE = "Embedded data set, small budget: to see that everything runs. Not to be compared with the paper's numbers."
REAL_NOTE = (
    "Mean ± standard deviation over random splits, computed from stored predictions; one value where there is one "
    "split. A seed gives the same split to every model."
)
#: What a table with costs says of every line.
COSTS = ["wall time (min)", "parameters", "hardware"]


def rows_of(block: Block, metrics: list[str], mini: bool) -> tuple[list[str], list[list[str]]]:
    """Header and rows of text for the lines that have results."""
    first = metrics[0]
    unit = "" if block.unit == "dimensionless" else block.unit
    head = ["model", *(f"{m}{unit_of(m, unit)}" for m in metrics), "splits", f"{first} from, to"]
    head += COSTS if block.costs else []
    mini = mini or not any(line.reported for line in block.lines)
    if not mini:
        head += [f"paper's {first}", "ours / paper's", f"splits better than the paper's {block.own}"]
    rows = []
    for line in block.lines:
        if line.values:
            values = line.values[first]
            count = line.open.replace(" seeds", "") or str(len(values))
            span = f"{values.min():.3f}, {values.max():.3f}" if len(values) > 1 else ""
            cells = [line.row, *(spread(line.values[m]) for m in metrics), count, span]
            cells += costs_of(line) if block.costs else []
            rows.append(cells if mini else cells + _compared(line, first, block.own_reported.get(first)))
    return head, rows


def costs_of(line: Line) -> list[str]:
    """What the runs behind a line took, on average, and on what; trees and medians have no parameters to count."""
    records = [record for _, record in line.stored]
    minutes = np.mean([record["wall_seconds"] for record in records]) / 60
    parameters = {record["parameters"] for record in records}
    counted = ", ".join(f"{n:,}" for n in sorted(parameters)) if None not in parameters else "not counted"
    return [f"{minutes:.1f}", counted, ", ".join(sorted({_hardware(record["device"]) for record in records}))]


def _hardware(device: dict) -> str:
    if device.get("accelerator", "none") != "none":
        return device["accelerator"]
    return f"{device['processor']}, {device['threads']} thread{'s' if device['threads'] > 1 else ''}"


def open_lines(block: Block, metric: str, mini: bool) -> list[str]:
    """One sentence a reason for the rows without results, with what the paper reports of them."""
    reasons: dict[str, list[str]] = {}
    for line in block.lines:
        if not line.values:
            printed = "" if mini or metric not in line.reported else f" (paper's {metric} {line.reported[metric]:g})"
            reasons.setdefault(line.open, []).append(line.row + printed)
    return [f"Open, {reason}: {', '.join(rows)}." for reason, rows in reasons.items()]


def _compared(line: Line, metric: str, own: float | None) -> list[str]:
    """The paper's number, our ratio to it, and how many of our splits undercut what the paper has for its own model."""
    printed, values = line.reported.get(metric), line.values.get(metric, np.zeros(0))
    return [
        "" if printed is None else f"{printed:g}",
        "" if printed is None or not len(values) else f"{values.mean() / printed:.2f}",
        "" if own is None or len(values) < 2 else f"{(values < own).sum()} of {len(values)}",
    ]


def spread(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def render(paper: str, table: str, scale: str, style: str = "markdown", **budget) -> str:
    """A whole table as text. `style`: markdown, csv or latex; `budget`: seeds and epochs where they are overridden."""
    layout = plan.layout(paper, table, scale)
    if "derived" in layout:
        return _render_derived(paper, table, scale, style, budget)
    metrics, mini = layout["metrics"], scale == "mini"
    blocks = [load_block(paper, table, scale, column, budget) for column in layout["columns"]]
    title = f"{layout['title']} ({paper}, scale {scale})"
    if style == "csv":
        return styles.csv(blocks, metrics)
    parts = [
        STYLES[style](block, *rows_of(block, metrics, mini), open_lines(block, metrics[0], mini)) for block in blocks
    ]
    if style == "latex":
        return f"% {title}\n" + "\n".join(parts)
    return "\n\n".join([f"### {title}", MINI_NOTE if mini else layout.get("note", REAL_NOTE), *parts]) + "\n"


def _render_derived(paper: str, table: str, scale: str, style: str, budget: dict) -> str:
    """A table that is made of another one's predictions."""
    layout = plan.layout(paper, table, scale)
    title = f"{layout['title']} ({paper}, scale {scale})"
    made = derived.parts(paper, table, scale, **budget)
    if style == "csv":
        # Every part has a head of its own, so a line names its part and columns go by their place.
        width = max((len(part.head) for part in made), default=0)
        lines = [[part.title, *row, *[""] * (width - len(row))] for part in made for row in [part.head, *part.rows]]
        return as_csv(["part", *(f"column {k + 1}" for k in range(width))], lines)
    if style == "latex":
        return f"% {title}\n" + "\n".join(
            styles.latex_table(part.title, part.head, part.rows, part.notes) for part in made
        )
    notes = [layout["note"]] if "note" in layout else []
    texts = [
        "\n".join([f"**{part.title}**", "", *styles.pipe_table(part.head, part.rows), *styles.bullets(part.notes)])
        if part.rows
        else "\n".join([f"**{part.title}**", *styles.bullets(part.notes)])
        for part in made
    ]
    return "\n\n".join([f"### {title}", *([MINI_NOTE] if scale == "mini" else []), *notes, *texts]) + "\n"


STYLES = {"markdown": styles.markdown, "latex": styles.latex}
ENDINGS = {"markdown": "md", "csv": "csv", "latex": "tex"}


def committed_tables() -> dict[Path, str]:
    """Path -> text of every table file that the repository keeps: all declared tables at scale real, and where every
    table and figure of the papers is made."""
    texts = {FOLDER / "contents.md": contents.render()}
    for paper in plan.papers():
        for table in plan.tables(paper, "real"):
            for style, ending in ENDINGS.items():
                texts[FOLDER / f"{paper}-{table}.{ending}"] = render(paper, table, "real", style)
    return texts


START, END = "<!-- tables: generated by `make tables` -->", "<!-- end of tables -->"


def readme_with_tables(readme: str) -> str:
    """The README with its generated part renewed: the tables of models with at least one finished cell."""
    blocks = [
        text
        for paper in plan.papers()
        for table in plan.tables(paper, "real")
        if "derived" not in plan.layout(paper, table, "real") and "\n| " in (text := render(paper, table, "real"))
    ]
    before, rest = readme.split(START)
    return f"{before}{START}\n\n{chr(10).join(blocks)}\n{END}{rest.split(END)[1]}"


def write_all() -> list[Path]:
    """Write every generated table and the README's part; returns the files."""
    texts = committed_tables()
    for path, text in texts.items():
        write_text(path, text)
    readme = ROOT / "README.md"
    if readme.exists():
        write_text(readme, readme_with_tables(readme.read_text()))
    return [*texts, readme]
