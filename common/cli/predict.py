"""The `predict` and `evaluate` commands of all packages."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.chem.formula import normalize_formula
from common.cli import output as printing
from common.cli.checks import check_writable
from common.cli.datasets import labeled_data
from common.cli.intervals import check_intervals
from common.cli.streaming import is_list_of_formulas, predict_stream
from common.data import metrics
from common.data.conformal import with_interval
from common.data.loading import make_split
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.plots.evaluation import calibration_curves, draw_evaluation
from common.presets.find import locate
from common.presets.load import read_card
from common.train.ensemble import member_folders


def predict(arguments: Namespace) -> None:
    spec = arguments.spec
    card = read_card(arguments.model)  # a wrong folder or package is refused before hours of reading
    spec.regressor(card["model"])
    from_formulas = spec.formulas and card.get("config", {}).get("mode") != "crystal"
    if from_formulas and (arguments.output or "").endswith(".csv") and is_list_of_formulas(arguments.data):
        model = spec.load(arguments.model)
        check_intervals(model, arguments.interval)
        predict_stream(
            model,
            arguments.data[0],
            arguments.output,
            strict=arguments.strict,
            interval=arguments.interval,
            domain=arguments.domain,
        )
        return
    table, left_out = spec.read(arguments.data, strict=arguments.strict, jobs=arguments.jobs, formulas=spec.formulas)
    if not len(table):
        report_left_out(left_out, 0, strict=arguments.strict)
    model = spec.load(arguments.model)
    check_intervals(model, arguments.interval)
    predicted = model.predict(table, jobs=arguments.jobs, strict=arguments.strict, domain=arguments.domain)
    left_out = {**left_out, **model.left_out}
    report_left_out(left_out, len(predicted))
    formulas = [normalize_formula(text) for text in table.select(predicted.ids).formulas.tolist()]
    write_predictions(arguments, model, predicted, formulas, left_out)


def write_predictions(
    arguments: Namespace, model: Any, predicted: Predictions, formulas: Sequence[str], left_out: dict[str, str]
) -> None:
    """Print predictions in the requested format, or write them to --output."""
    form = printing.form_of(arguments)
    if arguments.output:
        form = "json" if arguments.output.endswith(".json") else "csv"
    predicted = with_interval(predicted, model.conformal, arguments.interval)
    unseen = warn_of_unseen(model, predicted.ids.tolist(), formulas)
    text = printing.predictions(predicted, formulas, model.target, form, left_out, unseen)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, predictions: {len(predicted)}")
    else:
        print(text, end="")


def warn_of_unseen(model: Any, ids: Sequence[str], formulas: Sequence[str]) -> list[str] | None:
    """For each material the elements that no training material has; None where the model does not know these."""
    unseen = model.unseen_elements(formulas)
    rows = [row for row, symbols in enumerate(unseen or ()) if symbols]
    if rows:
        note(
            f"warning: {len(rows)} of {len(formulas)} materials contain elements that are absent from training, the "
            f"first {ids[rows[0]]} ({unseen[rows[0]]}); their predictions are extrapolations"
        )
    return unseen


def evaluate(arguments: Namespace) -> None:
    spec = arguments.spec
    card = read_card(arguments.model)
    if arguments.plots:
        check_writable(arguments.plots)
    table, name, left_out = labeled_data(arguments, spec.read, card["target"])
    values, unit, axis, axis_unit = table.target(name)
    if unit and card["unit"] and unit != card["unit"]:
        raise UserError(f"{arguments.data} gives {name} in {unit}, the model predicts {card['unit']}; convert the data")
    if name != card["target"]:
        table = table.with_target(card["target"], values, unit, axis=axis, axis_unit=axis_unit)
    parts = {"all": tuple(table.ids.tolist())}
    if arguments.set and not arguments.split:
        raise UserError("--set names a set of --split, which is missing")
    if arguments.split:
        split = make_split(table, split_file=arguments.split, left_out=left_out)
        parts = {part: ids for part, ids in split.subsets().items() if ids and arguments.set in (None, part)}
        if not parts:
            raise UserError(f"the {arguments.set} set of {arguments.split} has none of these materials")
        table = table.select(name for ids in parts.values() for name in ids)
    else:
        warn_of_training(Path(arguments.model), table)
    model = spec.load(arguments.model)
    predicted = model.predict(table, jobs=arguments.jobs, strict=arguments.strict)
    report_left_out(model.left_out, len(predicted))
    warn_of_unseen(model, predicted.ids.tolist(), table.select(predicted.ids).formulas.tolist())
    scores = {part: _score(predicted, ids) for part, ids in parts.items()}
    scores = {part: score for part, score in scores.items() if score}
    if arguments.output:
        predicted.save(arguments.output)
        note(f"wrote {arguments.output}, predictions: {len(predicted)}")
    if arguments.plots:
        _draw(arguments, model, predicted, parts, card["target"])
    more = {"left_out": {**left_out, **model.left_out}}
    print(printing.errors(scores, card["target"], card["unit"], printing.form_of(arguments), more), end="")


def _draw(
    arguments: Namespace, model: Any, predicted: Predictions, parts: dict[str, Sequence[str]], target: str
) -> None:
    """The pictures of --plots, of the test set where the split has one."""
    part = "test" if "test" in parts else next(iter(parts))
    predicted = predicted.take(np.flatnonzero(np.isin(predicted.ids, list(parts[part]))))
    histories = histories_of(locate(arguments.model))
    if not histories:
        note(f"{arguments.model} has no history.csv, so that no learning curve is drawn")
    drawn = draw_evaluation(
        arguments.plots,
        predicted,
        name=target,
        title="" if part == "all" else f"{part} set",
        curves=calibration_curves(predicted, model.conformal),
        histories=histories,
    )
    note(f"wrote {', '.join(map(str, drawn))}")


def histories_of(folder: Path) -> dict[str, Path]:
    """The history of a trained model, or those of the members of an ensemble, by name."""
    members = member_folders(folder)
    found = {f"member {k}": path / "history.csv" for k, path in enumerate(members, 1)} if members else {}
    found = found or {"": folder / "history.csv"}
    return {name: path for name, path in found.items() if path.exists()}


def _score(predicted: Predictions, ids: Sequence[str]) -> dict[str, float]:
    rows = np.isin(predicted.ids, list(ids))
    if not rows.any():
        return {}
    return {"n": int(rows.sum()), **metrics.regression(predicted.target[rows], predicted.prediction[rows])}


def warn_of_training(folder: Path, table: MaterialsDataset) -> None:
    """An error on training materials says nothing about new ones."""
    if (folder / "split.json").exists():
        trained = sum(name in table for name in Split.load(folder / "split.json").train)
        if trained:
            note(
                f"warning: the model was trained on {trained} of these {len(table)} ids; "
                f"--split {folder / 'split.json'} evaluates training and test sets separately"
            )
