"""Bands in `experiments/papers/<paper>/bands.yaml`, within which a recomputed error must lie.

`matrepro bands` derives them from the stored results: 4 % to either side of the mean MAE, or 10 % as long as splits are
missing. A band stays as it is until more splits are finished, so that a change of a result is noticed.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

from common.io.files import write_text
from experiments.analyses.results import load_results
from experiments.declare import plan

COMPLETE, PARTIAL = 0.04, 0.10
SCALE = "real"


def path_of(paper: str) -> Path:
    return plan.folder(paper) / "bands.yaml"


def stated(paper: str) -> dict[str, dict]:
    """Table -> column -> row -> lowest MAE, highest MAE, splits that it was stated for."""
    return yaml.safe_load(path_of(paper).read_text()) if path_of(paper).exists() else {}


def band(paper: str, table: str, column: str, row: str, scale: str = SCALE) -> tuple[float, float] | None:
    """The band in the declaration, or at scale real in the file."""
    found = plan.layout(paper, table, scale)["columns"][column].get("bands", {}).get(row)
    if found is None and scale == SCALE and path_of(paper).exists():
        found = _as_of(path_of(paper), path_of(paper).stat().st_mtime_ns).get(table, {}).get(column, {}).get(row)
    return (found[0], found[1]) if found else None


@lru_cache
def _as_of(path: Path, written: int) -> dict[str, dict]:
    """Parsed once for all rows; `written` distinguishes the file from the one that it replaces."""
    return yaml.safe_load(path.read_text())


def renew(paper: str) -> list[str]:
    """State what is missing of a paper's bands; returns the names of the rows."""
    known, changed = stated(paper), []
    for table in plan.tables(paper, SCALE):
        layout = plan.layout(paper, table, SCALE)
        if "derived" in layout:
            continue
        for column in layout["columns"]:
            rows = known.setdefault(table, {}).setdefault(column, {})
            for model in load_results(paper, table, SCALE, column).models:
                splits = 0 if model.source_table else len(model.seeds)  # another table's results have their band there
                if splits > rows.get(model.row, (0, 0, 0))[2]:
                    width, mean = PARTIAL if model.open else COMPLETE, model.mean("MAE")
                    rows[model.row] = [*(float(f"{mean * (1 + side * width):.4g}") for side in (-1, 1)), splits]
                    changed.append(f"{table}, {column}, {model.row}")
    if changed:
        filled = {table: {c: rows for c, rows in columns.items() if rows} for table, columns in known.items()}
        filled = {table: columns for table, columns in filled.items() if columns}
        text = yaml.safe_dump(filled, sort_keys=False, default_flow_style=None, allow_unicode=True, width=120)
        write_text(path_of(paper), f"# Stated by `matrepro bands`: lowest MAE, highest MAE, splits.\n{text}")
    return changed
