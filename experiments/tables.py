"""Tables from stored predictions only: ours beside the paper's, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.hdf5 import write_text
from common.metrics import r2_swapped
from common.predictions import Predictions
from common.printing import as_csv, unit_of
from experiments import contents, plan
from experiments.run import folder_of

HERE = Path(__file__).parent
MINI_NOTE = "Embedded data set, small budget: to see that everything runs. Not to be compared with the paper's numbers."
REAL_NOTE = (
    "Mean ± standard deviation over random splits, computed from stored predictions; one value where there is one "
    "split. A seed gives the same split to every model."
)


#: Where there is nothing to print, so that no cell is blank.
NONE = "–"
#: What is printed of the record of a cell.
NEEDED = ("unit", "split", "data", "device", "versions", "wall_seconds")


@dataclass
class Line:
    """One row of one column: per metric the values over the stored seeds, and what the paper reports."""

    row: str
    values: dict[str, np.ndarray]
    reported: dict[str, float]
    open: str = ""
    #: The stored seeds, in the order of the values; with published folds they are the numbers of the folds.
    seeds: list[int] = field(default_factory=list)
    #: Published MAE of single folds.
    folds: dict[int, float] = field(default_factory=dict)
    #: Paper and table that the cells belong to, where it is another one.
    taken: str = ""
    #: What the values come from, in the order of the seeds: predictions and the record beside them.
    stored: list[tuple[Predictions, dict]] = field(default_factory=list)

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
    #: Whether wall time, parameters and hardware stand beside the errors.
    costs: bool = False


def load_block(paper: str, table: str, scale: str, column: str, budget: dict) -> Block:
    """Everything stored of one column. A row without a finished cell is left open, with the reason."""
    layout = plan.layout(paper, table, scale)
    data = layout["columns"][column]
    printed = plan.printed(paper, data.get("reported"))
    own = plan.declaration(paper).get("own", "")
    reported = _printed(printed, layout["rows"].get(own, {}).get("reported"))
    unit, notes = printed.get("unit", ""), data.get("notes", [])
    block = Block(column, unit, 0, 0, [], notes, own, reported, layout.get("costs", False))
    for row, model in layout["rows"].items():
        mine = plan.cells_of(paper, table, scale, column, row, **budget)
        found = [(cell.seed, stored_cell(cell, plan.shown(data))) for cell in mine]
        seeds, stored = [seed for seed, s in found if s], [s for _, s in found if s]
        metrics = [_metrics(predictions, layout["metrics"]) for predictions, _ in stored]
        values = {m: np.array([one[m] for one in metrics]) for m in layout["metrics"]} if metrics else {}
        reason = plan.reason(data, row, model) or ("not run yet" if mine else "left out at this scale")
        reason = reason if not stored else ""
        if not reason and len(stored) < len(mine):
            reason = f"{len(stored)} of {len(mine)} seeds"
        folds = printed.get("rows", {}).get(model.get("reported"), {}).get("folds", {})
        taken = next((f"{c.paper} {c.table}" for c in mine if (c.paper, c.table) != (paper, table)), "")
        line = Line(row, values, _printed(printed, model.get("reported")), reason, seeds, folds, taken, stored)
        if folds and seeds:
            line.reported["MAE"] = float(np.mean([folds[seed] for seed in seeds]))
            block.notes = [*block.notes, _fold_by_fold(line)]
        if stored and "note" in model:
            block.notes = [*block.notes, f"{row} {model['note']}"]
        tested = sum(record["split"]["n_test"] for _, record in stored)
        if (fewer := tested - sum(len(predictions) for predictions, _ in stored)) > 0:
            block.notes = [
                *block.notes,
                f"{row} cannot predict {fewer} of {tested:,} test materials and is judged by the rest.",
            ]
        block.lines.append(line)
        for predictions, record in stored:
            record.setdefault("parameters", model.get("parameters"))
            block.materials, block.test = record["data"]["rows"], len(predictions)
            block.unit = predictions.unit if predictions.unit != "1" else "dimensionless"
    return block


def _metrics(predictions: Predictions, names: list[str]) -> dict[str, float]:
    found = predictions.metrics()
    if "R2 swapped" in names:
        found["R2 swapped"] = r2_swapped(predictions.target, predictions.prediction)
    return found


def _fold_by_fold(line: Line) -> str:
    """Our MAE of every fold beside the published one."""
    pairs = [
        f"{seed}: {ours:.4g} / {line.folds[seed]:.4g} ({ours / line.folds[seed]:.2f})"
        for seed, ours in zip(line.seeds, line.values["MAE"], strict=True)
    ]
    return f"{line.row}, fold by fold, our MAE / published MAE (ratio): {'; '.join(pairs)}."


def stored_cell(cell: plan.Cell, also: str = "") -> tuple[Predictions, dict] | None:
    """Predictions and record of a cell; `also` names predictions that it stores beside those of its test part."""
    folder = folder_of(cell)
    try:
        record = json.loads((folder / "cell.json").read_text())
        if lacking := [name for name in NEEDED if name not in record]:
            raise ValueError(f"it lacks {', '.join(lacking)}")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{folder / 'cell.json'} is damaged ({error}); remove it and run the cell again") from None
    path = folder / f"{also or 'predictions'}.csv.gz"
    return _predictions(path, path.stat().st_mtime_ns, record["unit"]), record


@cache
def _predictions(path: Path, written: int, unit: str) -> Predictions:
    """One reading serves every style and table; `written` tells a file from the one that it replaces."""
    return Predictions.load(path, unit)


def _printed(printed: dict, row: str | None) -> dict[str, float]:
    cells = printed.get("rows", {}).get(row, {})
    return {m: c["value"] for m, c in cells.items() if isinstance(c, dict) and isinstance(c.get("value"), int | float)}


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


COSTS = ["wall time (min)", "parameters", "hardware"]


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
        return _csv(blocks, metrics)
    parts = [
        STYLES[style](block, *rows_of(block, metrics, mini), open_lines(block, metrics[0], mini)) for block in blocks
    ]
    if style == "latex":
        return f"% {title}\n" + "\n".join(parts)
    return "\n\n".join([f"### {title}", MINI_NOTE if mini else layout.get("note", REAL_NOTE), *parts]) + "\n"


def _render_derived(paper: str, table: str, scale: str, style: str, budget: dict) -> str:
    """A table that is made of another one's predictions."""
    from experiments import derived

    layout = plan.layout(paper, table, scale)
    title = f"{layout['title']} ({paper}, scale {scale})"
    made = derived.parts(paper, table, scale, **budget)
    if style == "csv":
        # Every part has a head of its own, so a line names its part and columns go by their place.
        width = max((len(part.head) for part in made), default=0)
        lines = [[part.title, *row, *[""] * (width - len(row))] for part in made for row in [part.head, *part.rows]]
        return as_csv(["part", *(f"column {k + 1}" for k in range(width))], lines)
    if style == "latex":
        return f"% {title}\n" + "\n".join(latex_table(part.title, part.head, part.rows, part.notes) for part in made)
    notes = [layout["note"]] if "note" in layout else []
    texts = [
        "\n".join([f"**{part.title}**", "", *pipe_table(part.head, part.rows), *_bullets(part.notes)])
        if part.rows
        else "\n".join([f"**{part.title}**", *_bullets(part.notes)])
        for part in made
    ]
    return "\n\n".join([f"### {title}", *([MINI_NOTE] if scale == "mini" else []), *notes, *texts]) + "\n"


def pipe_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table with aligned columns; no cell is blank."""
    rows = [[cell or NONE for cell in row] for row in rows]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in [head, *rows]]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return text


def _bullets(notes: list[str]) -> list[str]:
    return ["", *(f"* {note}" for note in notes)] if notes else []


def _markdown(block: Block, head: list[str], rows: list[list[str]], missing: list[str]) -> str:
    size = f"; {block.materials:,} materials, {block.test:,} in each test part" if block.materials else ""
    lines = [f"**{block.name}**" + (f", {block.unit}" if block.unit else "") + size]
    if rows:
        lines += ["", *pipe_table(head, rows)]
    return "\n".join([*lines, *_bullets([*missing, *block.notes])])


def _csv(blocks: list[Block], metrics: list[str]) -> str:
    """One line a data set, model and metric, numbers in columns of their own."""
    head = ["data set", "unit", "model", "metric", "mean", "sd", "splits", "lowest", "highest", "paper", "open"]
    rows = []
    for block in blocks:
        for line in block.lines:
            for metric in metrics:
                found = _numbers(line.values[metric]) if line.values else ["", "", 0, "", ""]
                unit = "" if block.unit == "dimensionless" else unit_of(metric, block.unit).strip(" ()")
                rows.append([block.name, unit, line.row, metric, *found, line.reported.get(metric, ""), line.open])
    return as_csv(head, rows)


def _numbers(values: np.ndarray) -> list:
    sd = f"{values.std(ddof=1):.6g}" if len(values) > 1 else ""
    return [f"{values.mean():.6g}", sd, len(values), f"{values.min():.6g}", f"{values.max():.6g}"]


def _latex(block: Block, head: list[str], rows: list[list[str]], missing: list[str]) -> str:
    return latex_table(f"{block.name}, {block.unit}", head, rows, missing)


def latex_table(caption: str, head: list[str], rows: list[list[str]], notes: list[str]) -> str:
    def line(cells: list[str]) -> str:
        text = " & ".join(cell or "--" for cell in cells)
        text = text.replace("±", r"$\pm$").replace("^2", "$^2$").replace("_", r"\_").replace("%", r"\%")
        return text + r" \\"

    caption = caption.replace("_", r"\_")
    lines = [
        rf"\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}",
        rf"\multicolumn{{{len(head)}}}{{l}}{{{caption}}} \\",
        r"\toprule",
        line(head),
        r"\midrule",
        *map(line, rows),
        r"\bottomrule",
        r"\end{tabular}",
        *(f"% {note}" for note in notes),
        "",
    ]
    return "\n".join(lines)


STYLES = {"markdown": _markdown, "latex": _latex}
ENDINGS = {"markdown": "md", "csv": "csv", "latex": "tex"}


def committed_tables() -> dict[Path, str]:
    """Path -> text of every table file that the repository keeps: all declared tables at scale real, and where every
    table and figure of the papers is made."""
    texts = {HERE / "tables" / "contents.md": contents.render()}
    for paper in plan.papers():
        for table in plan.tables(paper, "real"):
            for style, ending in ENDINGS.items():
                texts[HERE / "tables" / f"{paper}-{table}.{ending}"] = render(paper, table, "real", style)
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
    readme = HERE.parent / "README.md"
    if readme.exists():
        write_text(readme, readme_with_tables(readme.read_text()))
    return [*texts, readme]
