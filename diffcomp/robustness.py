"""What an error in the measured composition does to the predictions.

An error of e per cent multiplies the atomic fraction of the metal, the first element of a composition vector, by
1 + e / 100; the others share what is left as before. The article does not say whether its per cent are of the content
or of the whole. It calls a model tolerant where epsilon, the increase of the MAE over that without an error, stays
below 3 %.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import plots
from common.chem.formula import Amounts, parse_formula
from common.data.materials import MaterialsDataset
from common.data.metrics import regression
from common.data.predictions import Predictions
from diffcomp.composition.embedding import in_order
from diffcomp.features import Inputs

#: Errors in per cent of the metal's content.
ERRORS = (-20.0, -15.0, -10.0, -7.5, -5.0, -2.5, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0)
#: The largest fraction that an error can make of a metal; compositions of two elements keep both.
MOST = 0.99
#: Per cent of epsilon up to which the article calls a model tolerant.
TOLERATED = 3.0


def wrong(amounts: Amounts, error: float) -> dict[int, float]:
    """The composition with the metal's fraction wrong by `error` per cent of itself."""
    metal = in_order(amounts)[0]
    total = float(sum(amounts.values()))
    true = float(amounts[metal]) / total
    false = min(true * (1 + error / 100), max(true, MOST))
    return {z: false if z == metal else float(n) / total * (1 - false) / (1 - true) for z, n in amounts.items()}


def with_errors(model, table: MaterialsDataset, jobs: int = 1) -> Predictions:
    """Predictions (n, errors) for every material of the table, one column an entry of `ERRORS`."""
    made = model.features(table, jobs)
    table = table.take(made.rows)
    amounts = [parse_formula(formula) for formula in table.formulas.tolist()]
    columns = []
    for error in ERRORS if len(made.rows) else ():
        vectors = np.array([model.vector(wrong(one, error)) for one in amounts], dtype=np.float32)
        columns.append(model.outputs(Inputs(vectors, made.features.pictures)))
    found = np.array(columns).T if columns else np.zeros((0, len(ERRORS)))
    return Predictions(table.ids, found, table.target(model.target).values, unit=model.unit)


def increases(predicted: Predictions, under_errors: Predictions) -> dict[float, float]:
    """Error in per cent -> epsilon in per cent, the increase of the MAE over that without an error."""
    rows = {name: row for row, name in enumerate(predicted.ids.tolist())}
    order = [rows[name] for name in under_errors.ids.tolist()]
    plain = regression(predicted.target[order], predicted.prediction[order])["MAE"]
    found = {0.0: 0.0}
    for error, column in zip(ERRORS, under_errors.prediction.T, strict=True):
        found[error] = 100 * (regression(under_errors.target, column)["MAE"] / plain - 1)
    return dict(sorted(found.items()))


def window(increase: dict[float, float], limit: float = TOLERATED) -> float:
    """The largest error, in per cent either way, up to which every epsilon stays below the limit."""
    within = 0.0
    for error in sorted({abs(e) for e in increase} - {0.0}):
        if max(increase[error], increase[-error]) >= limit:
            break
        within = error
    return within


def picture(path: str | Path, series: dict[str, dict[float, float]]) -> None:
    """Epsilon against the error of composition, one line a model, with the line of 3 %."""
    with plots.drawing(path, (4.8, 3.6)) as axes:
        axes.axhline(TOLERATED, color=plots.INK, linewidth=0.8, linestyle=(0, (4, 3)))
        colours = (plots.BLUE, plots.RED, plots.PALE, plots.INK)
        for number, (name, increase) in enumerate(series.items()):
            colour, marker = colours[number % len(colours)], "os^D"[number % 4]
            axes.plot(*zip(*increase.items(), strict=True), marker + "-", color=colour, markersize=4, label=name)
        axes.set(xlabel="error of the metal's content (% of itself)", ylabel="increase of the MAE (%)")
        axes.annotate(f"{TOLERATED:g} %", (0, TOLERATED), xytext=(0, 3), textcoords="offset points", ha="center")
        axes.legend(loc="best")
