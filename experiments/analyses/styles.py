"""Text of one column of a table: Markdown, CSV and LaTeX."""

from __future__ import annotations

import numpy as np

from common.io.text import as_csv, unit_of
from experiments.analyses.results import Block

#: Where there is nothing to print, so that no cell is blank.
NONE = "–"


def pipe_table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a Markdown table with aligned columns; no cell is blank."""
    rows = [[cell or NONE for cell in row] for row in rows]
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in [head, *rows]]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return text


def bullets(notes: list[str]) -> list[str]:
    return ["", *(f"* {note}" for note in notes)] if notes else []


def markdown(block: Block, head: list[str], rows: list[list[str]], missing: list[str]) -> str:
    size = f"; {block.materials:,} materials, {block.test:,} in each test part" if block.materials else ""
    lines = [f"**{block.name}**" + (f", {block.unit}" if block.unit else "") + size]
    if rows:
        lines += ["", *pipe_table(head, rows)]
    return "\n".join([*lines, *bullets([*missing, *block.notes])])


def csv(blocks: list[Block], metrics: list[str]) -> str:
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


def latex(block: Block, head: list[str], rows: list[list[str]], missing: list[str]) -> str:
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
