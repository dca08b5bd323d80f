"""What commands print: predictions and errors as aligned text, JSON or CSV."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence

from common.data.predictions import Predictions, columns_of
from common.errors import UserError
from common.io.text import aligned, as_csv, as_json, unit_of


def form_of(arguments: Namespace) -> str:
    """The format that --json and --csv ask for."""
    return "json" if arguments.json else "csv" if arguments.csv else "text"


# --- predictions ---------------------------------------------------------------------------------


def predictions(
    predicted: Predictions,
    formulas: Sequence[str],
    target: str,
    form: str,
    left_out: dict[str, str],
    unseen: Sequence[str] | None = None,
) -> str:
    """Id, formula, value, unit, and the standard deviations where the model has them; a curve has value[0], ...

    unseen: for each material the elements that are absent from training, where these are known.
    """
    if form == "text" and predicted.prediction.ndim == 2:
        raise UserError(f"{target} is a curve; ask for --json or --csv, or write it with --output")
    if form == "text" and not any(unseen or ()):
        unseen = None
    fields = columns_of({"value": predicted.prediction, **predicted.uncertainties()})
    names, columns = list(fields), list(fields.values())
    if form == "text":
        columns = [_fixed(values) for values in columns]
        names[0] = target
    else:
        # Nine digits hold a float32 exactly.
        columns = [[f"{value:.9g}" for value in values] for values in columns]
    more = {} if unseen is None else {"unseen_elements": unseen}
    if predicted.domain is not None:
        more = {"domain": predicted.domain.tolist(), **more}
    units = [predicted.unit] * len(predicted)
    rows = list(zip(predicted.ids.tolist(), formulas, *columns, units, *more.values(), strict=True))
    header = ["id", "formula", *names, "unit", *more]
    if form == "csv":
        return as_csv(header, rows)
    if form == "json":
        numbers = range(2, 2 + len(columns))
        rows = [[float(cell) if i in numbers else cell for i, cell in enumerate(row)] for row in rows]
        found = [dict(zip(header, row, strict=True)) for row in rows]
        return as_json({"target": target, "unit": predicted.unit, "predictions": found, "left_out": left_out})
    return _left_aligned(header, rows, 1 + len(more))


def _left_aligned(header: list[str], rows: list[tuple], last: int) -> str:
    """Text whose last columns, the unit and what follows it, are flush left."""
    texts = [header, *rows]
    widths = {i: max(len(str(row[i])) for row in texts) for i in range(len(header) - last, len(header))}
    first, *rest = [[str(cell).ljust(widths.get(i, 0)) for i, cell in enumerate(row)] for row in texts]
    return aligned(first, rest, left=2)


def _fixed(values: Sequence[float]) -> list[str]:
    """Four significant digits of the largest value, the same number of decimals for all."""
    largest = max((abs(float(value)) for value in values if math.isfinite(value)), default=0.0)
    decimals = min(max(3 - math.floor(math.log10(largest)), 1), 9) if largest > 0 else 4
    return [f"{value:.{decimals}f}" for value in values]


# --- errors --------------------------------------------------------------------------------------


def errors(scores: dict[str, dict], target: str, unit: str, form: str, more: dict | None = None) -> str:
    """`scores`: name of a set -> n and metrics. `more` is added to the JSON only."""
    names = list(next(iter(scores.values())))
    if form == "json":
        return as_json({"target": target, "unit": unit, "errors": scores, **(more or {})})
    if form == "csv":
        rows = [[name, target, unit, *(_digits(score[n], 9) for n in names)] for name, score in scores.items()]
        return as_csv(["set", "target", "unit", *names], rows)
    header = [target, *(f"{name}{unit_of(name, unit)}" for name in names)]
    return aligned(header, [[name, *(_digits(score[n], 4) for n in names)] for name, score in scores.items()])


def _digits(value: float, digits: int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.{digits}g}"
