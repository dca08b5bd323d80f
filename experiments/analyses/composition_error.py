"""Figure S6: how much the errors grow where the composition was measured wrongly, from stored predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from diffcomp.robustness import TOLERATED, increases, picture, window
from experiments.analyses.derived import Column, Part
from experiments.declare.plan import slug

PROBE = "composition-errors"


def table(columns: Sequence[Column], printed: dict, declared: dict) -> list[Part]:
    """Epsilon, the increase of the MAE in per cent, against the error of the metal's content."""
    made = []
    for column in columns:
        series = _series(column)
        if not series:
            made.append(Part(column.name, [], [], ["Open, not run yet."]))
            continue
        errors = list(next(iter(series.values())))
        rows = [[f"{error:+g}", *(f"{one[error]:.1f}" for one in series.values())] for error in errors]
        folds = {row: f"{column.rows[row].parts} of {column.folds} folds" for row in series}
        notes = [
            f"{row}: below {TOLERATED:g} % up to an error of {window(one):g} %; {folds[row]}"
            for row, one in series.items()
        ]
        key = column.printed.get("composition_error")
        if key:
            cells = printed["composition_error"]["rows"][key]
            limit, error = (cells[n]["value"] for n in ("relative_MAE_increase_below", "composition_error_window"))
            notes.append(f"The paper: below {limit:g} % up to an error of {error:g} %")
        head = ["error (%)", *(f"{row}, increase (%)" for row in series)]
        made.append(Part(column.name, head, rows, [f"{note}." for note in notes]))
    return made


def draw(columns: Sequence[Column], folder: Path, declared: dict) -> Iterator[Path]:
    for column in columns:
        series = _series(column)
        if series:
            path = folder / f"{slug(column.name)}-composition-error.png"
            picture(path, series)
            yield path


def _series(column: Column) -> dict[str, dict[float, float]]:
    return {
        name: increases(row.predictions, row.probes[PROBE]) for name, row in column.rows.items() if PROBE in row.probes
    }
