"""What commands print: predictions and errors as aligned text, JSON or CSV; notes and bad materials on stderr."""

from __future__ import annotations

import math
from collections.abc import Sequence

from common.errors import UserError
from common.io.text import aligned, as_csv, as_json, unit_of


def form_of(arguments) -> str:
    return "json" if arguments.json else "csv" if arguments.csv else "text"


# --- predictions ---------------------------------------------------------------------------------


def predictions(predicted, formulas: Sequence[str], target: str, form: str, left_out: dict[str, str]) -> str:
    """Id, formula, value, unit, and the standard deviations where the model has them; a curve has value[0], ..."""
    from common.data.predictions import columns_of  # numpy, which --help does without

    if form == "text" and predicted.prediction.ndim == 2:
        raise UserError(f"{target} is a curve; ask for --json or --csv, or write it with --output")
    fields = columns_of({"value": predicted.prediction, **predicted.uncertainties()})
    names, columns = list(fields), list(fields.values())
    if form == "text":
        columns = [_fixed(values) for values in columns]
        names[0] = target
    else:
        # Nine digits hold a float32 exactly.
        columns = [[f"{value:.9g}" for value in values] for values in columns]
    rows = list(zip(predicted.ids.tolist(), formulas, *columns, [predicted.unit] * len(predicted), strict=True))
    header = ["id", "formula", *names, "unit"]
    if form == "csv":
        return as_csv(header, rows)
    if form == "json":
        numbers = range(2, 2 + len(columns))
        rows = [[float(cell) if i in numbers else cell for i, cell in enumerate(row)] for row in rows]
        found = [dict(zip(header, row, strict=True)) for row in rows]
        return as_json({"target": target, "unit": predicted.unit, "predictions": found, "left_out": left_out})
    return _with_left_unit(header, rows)


def _with_left_unit(header: list[str], rows: list[tuple]) -> str:
    """Text whose last column, the unit, is flush left."""
    width = max(len(str(row[-1])) for row in [header, *rows])
    return aligned(header, [[*row[:-1], row[-1].ljust(width)] for row in rows], left=2)


def _fixed(values: Sequence[float]) -> list[str]:
    """Four significant digits of the largest value, the same number of decimals for all."""
    largest = max((abs(float(value)) for value in values if math.isfinite(value)), default=0.0)
    decimals = min(max(3 - math.floor(math.log10(largest)), 1), 9) if largest > 0 else 4
    return [f"{value:.{decimals}f}" for value in values]


# --- errors --------------------------------------------------------------------------------------


def errors(scores: dict[str, dict], target: str, unit: str, form: str, more: dict | None = None) -> str:
    """`scores`: part -> n and metrics. `more` goes into the JSON alone."""
    names = list(next(iter(scores.values())))
    if form == "json":
        return as_json({"target": target, "unit": unit, "errors": scores, **(more or {})})
    if form == "csv":
        rows = [[part, target, unit, *(_digits(score[n], 9) for n in names)] for part, score in scores.items()]
        return as_csv(["part", "target", "unit", *names], rows)
    header = [target, *(f"{name}{unit_of(name, unit)}" for name in names)]
    return aligned(header, [[part, *(_digits(score[n], 4) for n in names)] for part, score in scores.items()])


def _digits(value: float, digits: int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
