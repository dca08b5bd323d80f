"""Figure S6: how much the errors grow where the composition was measured wrongly, from stored predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from diffcomp.robustness import TOLERATED, increases, picture, window
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable
from experiments.declare.plan import slug

EXTRA = "composition-errors"


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """Epsilon, the increase of the MAE in per cent, against the error of the metal's content."""
    made = []
    for dataset in datasets:
        series = _series(dataset)
        if not series:
            made.append(TextTable.not_run(dataset.name))
            continue
        errors = list(next(iter(series.values())))
        rows = [[f"{error:+g}", *(f"{one[error]:.1f}" for one in series.values())] for error in errors]
        folds = {row: f"{dataset.models[row].splits} of {dataset.folds} folds" for row in series}
        notes = [
            f"{row}: below {TOLERATED:g} % up to an error of {window(one):g} %; {folds[row]}"
            for row, one in series.items()
        ]
        key = dataset.printed.get("composition_error")
        if key:
            cells = printed["composition_error"]["rows"][key]
            limit, error = (cells[n]["value"] for n in ("relative_MAE_increase_below", "composition_error_window"))
            notes.append(f"The paper: below {limit:g} % up to an error of {error:g} %")
        head = ["error (%)", *(f"{row}, increase (%)" for row in series)]
        made.append(TextTable(dataset.name, head, rows, [f"{note}." for note in notes]))
    return made


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    for dataset in datasets:
        series = _series(dataset)
        if series:
            path = folder / f"{slug(dataset.name)}-composition-error.png"
            picture(path, series)
            yield path


def _series(dataset: DatasetPredictions) -> dict[str, dict[float, float]]:
    return {
        name: increases(row.predictions, row.extra[EXTRA]) for name, row in dataset.models.items() if EXTRA in row.extra
    }
