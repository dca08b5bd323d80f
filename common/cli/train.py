"""The `train` command of all packages."""

from __future__ import annotations

from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from common.cli import finetune, folds
from common.cli import output as printing
from common.cli.checks import check_writable, refuse_input
from common.cli.claims import claim, refuse_other_members
from common.cli.datasets import labeled_data, split_data
from common.cli.recipes import recipe_line, settings_from
from common.data import splits
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.io.locks import alone
from common.io.messages import note, report_left_out
from common.train.fit_and_score import fit_and_score, score
from common.train.regressor import Regressor
from common.train.saved_model import member_folder, save_card
from common.train.strategy import select as distribution

#: Below so many training materials a warning is printed.
FEW = 20
#: So many calibration materials have an interval that covers 90 %: the largest of their errors.
ENOUGH = 9
#: Files of the model's folder that are written over.
WRITTEN = ("model.json", "model.weights.h5", "training.json", "history.csv", "validation.csv", "test.csv")


def train(arguments: Namespace) -> None:
    spec, folder = arguments.spec, Path(arguments.model)
    strategy = distribution.on(arguments.devices)  # before anything else is computed
    folds.check_options(arguments)
    for log in arguments.log:
        log.check()
    known_target = finetune.choose_network(arguments, spec)
    network, changes = settings_from(arguments, spec)  # wrong settings are refused before hours of reading
    _check_folder(folder, arguments)
    switches = {"deterministic": arguments.deterministic, "devices": arguments.devices}
    make = finetune.maker(arguments, spec, network, changes | switches)
    table, target, left_out = labeled_data(arguments, spec.read, default=known_target)
    parts = [_adapted(one, arguments, table, network) for one in _splits(arguments, table, left_out)]
    if line := recipe_line(arguments.recipe, network, arguments.variant):
        note(line)
    audit = splits.audit(parts[0], table)
    members = [make(number) for number in range(len(parts))]
    if line := finetune.heading(members[0]):
        note(line)
    if arguments.strict:
        made = members[0].features(table, arguments.jobs)
        report_left_out(made.errors, len(made.rows), strict=True)
    with alone(folder) if strategy.chief else nullcontext():
        refuse_other_members(folder, len(members), overwrite=arguments.overwrite)
        left_out, trained = dict(left_out), False
        for number, (model, split) in enumerate(zip(members, parts, strict=True)):
            inside = member_folder(folder, number) if len(members) > 1 else folder
            if claim(inside, model, table, target, split, overwrite=arguments.overwrite):
                note(f"{inside} is trained already; --overwrite trains it again")
                continue
            note(_heading(arguments, number, len(members), audit))
            if number == 0:
                _warn(model, split)
            scored = fit_and_score(
                model,
                table,
                target,
                split,
                files={},
                checkpoints=inside / "run",
                save_to=inside if strategy.chief else None,
                jobs=arguments.jobs,
                callbacks=_callbacks(arguments, model, number, len(members)) if strategy.chief else (),
            )
            if number == 0 and strategy.chief and model.fit_domain(table, jobs=arguments.jobs):
                save_card(model, inside)
            left_out |= scored.left_out
            trained = True
        if not strategy.chief:
            note(f"trained; the first of the machines writes {folder}")
        elif arguments.folds:
            folds.finish(arguments, table, target, parts, spec.load(arguments.model), left_out)
        else:
            # A network that was trained just now need not be built and traced again.
            model = members[0] if trained and len(members) == 1 else spec.load(arguments.model)
            _score(arguments, model, table, target, parts[0], {"split": audit}, left_out, trained)


def _splits(arguments: Namespace, table: MaterialsDataset, left_out: dict[str, str]) -> list[Split]:
    """One split per model: those of the folds, or the same one for all members of an ensemble."""
    if arguments.folds:
        return folds.splits_of(arguments, table)
    return [split_data(arguments, table, left_out)] * arguments.ensemble


def _adapted(split: Split, arguments: Namespace, table: MaterialsDataset, network: type) -> Split:
    """The split as the network uses it, with the calibration set of --calibration."""
    split = network(arguments.variant).adapt_split(split)
    if not arguments.calibration:
        return split
    grouped = arguments.group_by_formula
    return splits.with_calibration(split, table, arguments.calibration, arguments.seed, grouped=grouped)


def _heading(arguments: Namespace, number: int, count: int, audit: dict) -> str:
    if arguments.folds:
        return f"fold {number + 1} of {count}"
    return _audit_line(audit) if number == 0 else f"member {number + 1} of {count}"


def _callbacks(arguments: Namespace, model: Regressor, number: int, count: int) -> list[Any]:
    """The Keras callbacks of --log."""
    name = Path(arguments.model).resolve().name + (f"/member-{number}" if count > 1 else "")
    places = [log.of_member(number) if count > 1 else log for log in arguments.log]
    return [place.callback(name, model.settings()) for place in places]


def _check_folder(folder: Path, arguments: Namespace) -> None:
    """Refuse a folder that cannot be written, or in which the training would replace its own input."""
    check_writable(folder)
    for log in arguments.log:
        if log.kind != "mlflow":
            refuse_input(f"--log {log.kind}:{log.place}", log.place, arguments.data)
            check_writable(log.place)
    for name in WRITTEN:
        for other in filter(None, (arguments.data, arguments.split, arguments.recipe)):
            if Path(other).is_file():
                refuse_input(f"{folder / name}, which --model {folder} writes,", folder / name, other)


def _warn(model: Regressor, split: Split) -> None:
    if len(split.train) < FEW:
        note(f"warning: only {len(split.train)} training materials; expect large errors, and errors that vary much")
    if 0 < len(split.calibration) < ENOUGH:
        note(f"warning: {len(split.calibration)} calibration materials; intervals of 90 % need {ENOUGH} or more")
    if model.selection == "test":
        note("warning: this variant chooses its epoch on the test set, so its test error is too low for new materials")


def _score(
    arguments: Namespace,
    model: Any,
    table: MaterialsDataset,
    target: str,
    split: Split,
    facts: dict[str, Any],
    left_out: dict[str, str],
    trained: bool,
) -> None:
    """Write the predictions for the validation and test sets, and print their errors."""
    folder = Path(arguments.model)
    if trained and arguments.ensemble > 1:
        model.calibrate(table, split, jobs=arguments.jobs).save_intervals(folder)
    files = {name: folder / f"{name}.csv" for name in ("validation", "test")}
    scored = score(model, table, split, files, jobs=arguments.jobs, bar=True)
    scores, left_out = scored.scores, left_out | scored.left_out
    bad = {name: reason for name, reason in left_out.items() if name in table}
    report_left_out(bad, len(table) - len(bad))
    more = {**facts, "model": model.settings(), "left_out": left_out}
    if scores:
        print(printing.errors(scores, target, model.unit, printing.form_of(arguments), more), end="")
    if trained:
        note(f"saved in {folder}: model, split.json, history.csv{''.join(f', {part}.csv' for part in scores)}")


def _audit_line(audit: dict) -> str:
    line = "split: " + ", ".join(f"{audit[f'n_{part}']} {part}" for part in ("train", "validation", "test"))
    if not audit["n_test"]:
        return line
    share = audit["share_of_test_rows_with_formula_in_training"]
    return f"{line}; {share:.0%} of the test materials have a formula that is also in the training set"
