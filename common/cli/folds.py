"""Cross-validation by `train --folds`: splits, pooled predictions, their errors and pictures."""

from __future__ import annotations

import statistics
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from common.cli import output as printing
from common.cli.checks import refuse
from common.data import splits
from common.data.conformal import Conformal, coverage
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.io.text import as_csv, unit_of
from common.plots.evaluation import calibration_curves, draw_evaluation, interval_curve
from common.train.ensemble import Ensemble
from common.train.saved_model import member_folder

#: Fraction of the training materials of a fold that chooses the epoch.
VALIDATION = 0.1
#: Probability of the intervals that are written, and all for which the coverage is measured.
LEVEL, LEVELS = 0.9, (0.5, 0.8, 0.9, 0.95)
#: The metrics that are printed.
METRICS = ("MAE", "RMSE", "R2")
#: Name of the intervals' origin in `Conformal`.
ORIGIN = "cross-validation"


def check_options(arguments: Namespace) -> None:
    """Refuse options that have no effect beside --folds."""
    if arguments.folds:
        refuse(arguments, ("split",), "has no effect beside --folds; leave out one of them")
        if arguments.ensemble > 1:
            raise UserError("--ensemble has no effect beside --folds, which trains a model per fold; leave out one")
        if tuple(arguments.split_ratio) != (6, 2, 2):
            raise UserError("--split-ratio has no effect beside --folds; leave out one of them")


def splits_of(arguments: Namespace, table: MaterialsDataset) -> list[Split]:
    """The splits of --folds: random ones, or those that the dataset has as the column fold."""
    if arguments.folds != "given":
        grouped = arguments.group_by_formula
        return splits.k_folds(table, arguments.folds, VALIDATION, arguments.seed, grouped=grouped)
    if "fold" not in table.targets:
        raise UserError(f"{arguments.data} has no column fold; give a number of folds instead of given")
    numbers = np.unique(table.target("fold").values)
    if len(numbers) < 2 or not np.isfinite(numbers).all():
        raise UserError(f"{arguments.data} needs the number of a fold for every material, and two folds or more")
    return [splits.by_fold(table, number, VALIDATION, arguments.seed) for number in numbers]


def finish(
    arguments: Namespace,
    table: MaterialsDataset,
    target: str,
    parts: Sequence[Split],
    model: Ensemble,
    left_out: dict[str, str],
) -> None:
    """Predict each fold by the model that was not trained on it; write, draw and print the pooled result."""
    folder = Path(arguments.model)
    folds: list[Predictions] = []
    for member, split in zip(model.members, parts, strict=True):
        folds.append(member.predict(table.select(split.test), jobs=arguments.jobs, bar=False))
        left_out = left_out | member.left_out
    bad = {name: reason for name, reason in left_out.items() if name in table}
    report_left_out(bad, len(table) - len(bad))
    pooled = joined_folds(folds)
    model.conformal = Conformal.of(pooled, ORIGIN)
    model.save_intervals(folder)
    # The errors that are printed are those of the values that are written, which have limits where intervals have them.
    bounded = [with_bounds(one, member.conformal) for one, member in zip(folds, model.members, strict=True)]
    write_text(folder / "predictions.csv", as_text(bounded))
    found = summary(bounded, joined_folds(bounded), [member.conformal for member in model.members])
    drawn = draw_evaluation(
        folder / "plots",
        joined_folds(bounded),
        name=target,
        title=f"{len(folds)}-fold cross-validation",
        curves=curves(folds, [member.conformal for member in model.members], pooled),
        histories={f"fold {k + 1}": member_folder(folder, k) / "history.csv" for k in range(len(folds))},
    )
    form = printing.form_of(arguments)
    more = {name: found[name] for name in ("mean", "std", "coverage")}
    more |= {"model": model.members[0].settings(), "folds": len(folds), "left_out": left_out}
    print(printing.errors(found["scores"], target, model.unit, form, more), end="")
    if form == "text":
        print(sentences(found, len(folds), model.unit), end="")
    note(f"saved in {folder}: {len(folds)} models that predict together, predictions.csv, {len(drawn)} plots")


def joined_folds(folds: Sequence[Predictions]) -> Predictions:
    """The predictions of all folds; every material has one."""
    fields: dict[str, Any] = {}
    for name in ("ids", "prediction", "target", "std"):
        values = [getattr(one, name) for one in folds]
        fields[name] = None if any(value is None for value in values) else np.concatenate(values)
    return Predictions(**fields, unit=folds[0].unit)


def with_bounds(predicted: Predictions, conformal: Conformal | None, level: float = LEVEL) -> Predictions:
    """The predictions with an interval where the model has one of this probability."""
    try:
        return conformal.interval(predicted, level) if conformal else predicted
    except UserError:
        return predicted


def as_text(folds: Sequence[Predictions]) -> str:
    """CSV: id, fold, target, prediction and, where every fold has them, standard deviation and bounds."""
    if any(one.lower is None for one in folds):
        folds = [replace(one, lower=None, upper=None) for one in folds]
    header: list[str] = []
    rows: list[list[str]] = []
    for number, one in enumerate(folds, 1):
        columns = one.to_columns()
        header = ["id", "fold", *columns]
        for name, *values in zip(one.ids.tolist(), *columns.values(), strict=True):
            rows.append([name, str(number), *(f"{value:.9g}" for value in values)])
    return as_csv(header, rows)


def summary(folds: Sequence[Predictions], pooled: Predictions, conformal: Sequence[Conformal | None]) -> dict[str, Any]:
    """Errors of each fold and of all; mean and standard deviation over the folds; coverage of the intervals."""
    scores = {f"fold {k}": _score(one) for k, one in enumerate(folds, 1)} | {"all": _score(pooled)}
    values = {name: [scores[f"fold {k + 1}"][name] for k in range(len(folds))] for name in METRICS}
    covered = {}
    for level in LEVELS:
        bounded = [with_bounds(one, its, level) for one, its in zip(folds, conformal, strict=True)]
        if all(one.lower is not None for one in bounded):
            inside = sum(coverage(one) * len(one) for one in bounded)
            covered[f"{level:g}"] = inside / len(pooled)
    return {
        "scores": scores,
        "mean": {name: statistics.fmean(found) for name, found in values.items()},
        "std": {name: statistics.stdev(found) for name, found in values.items()},
        "coverage": covered,
    }


def _score(predicted: Predictions) -> dict[str, float]:
    found = predicted.metrics()
    return {"n": len(predicted), **{name: found[name] for name in METRICS}}


def curves(folds: Sequence[Predictions], conformal: Sequence[Conformal | None], pooled: Predictions) -> dict:
    """The calibration of the folds' own intervals, weighted by their sizes, and of the standard deviations."""
    found = [interval_curve(one, its) for one, its in zip(folds, conformal, strict=True)]
    pooled_curves = calibration_curves(pooled, None)
    known = [curve for curve in found if curve is not None]
    if len(known) < len(folds):
        return pooled_curves
    size = min(len(levels) for levels, _ in known)
    weights = [len(one) for one in folds]
    observed = np.average([inside[:size] for _, inside in known], axis=0, weights=weights)
    return {"calibrated intervals": (known[0][0][:size], observed), **pooled_curves}


def sentences(found: dict[str, Any], count: int, unit: str) -> str:
    """Mean and spread of the errors over the folds, and the coverage."""
    parts = [f"{name}{unit_of(name, unit)} {found['mean'][name]:.4g} ± {found['std'][name]:.2g}" for name in METRICS]
    text = f"{', '.join(parts)} (mean ± standard deviation over {count} folds)\n"
    if (measured := found["coverage"].get(f"{LEVEL:g}")) is not None:
        text += f"intervals of {LEVEL:.0%} contain {measured:.1%} of the values\n"
    return text
