"""The `train` command of all packages."""

from __future__ import annotations

import json
from argparse import Namespace
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from common.cli import output as printing
from common.cli.checks import check_writable, refuse_input
from common.cli.datasets import labeled_data, split_data
from common.cli.package_spec import PackageSpec
from common.cli.recipes import recipe_line, settings_from
from common.data import splits
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.errors import UserError
from common.io.files import write_text
from common.io.locks import alone
from common.io.messages import note, report_left_out
from common.train.fit_and_score import fit_and_score, score
from common.train.regressor import Regressor
from common.train.saved_model import member_folder
from common.train.strategy import select as distribution

#: Below so many training materials a warning is printed.
FEW = 20
#: Files of the model's folder that are written over.
WRITTEN = ("model.json", "model.weights.h5", "training.json", "history.csv", "validation.csv", "test.csv")


def train(arguments: Namespace) -> None:
    spec, folder = arguments.spec, Path(arguments.model)
    strategy = distribution.on(arguments.devices)  # before anything else is computed
    network, changes = settings_from(arguments, spec)  # wrong settings are refused before hours of reading
    _check_folder(folder, arguments)
    table, target, left_out = labeled_data(arguments, spec.read)
    split = split_data(arguments, table, left_out)
    if line := recipe_line(arguments.recipe, network, arguments.variant):
        note(line)
    switches = {"deterministic": arguments.deterministic, "devices": arguments.devices}
    split = network(arguments.variant).adapt_split(split)
    if arguments.calibration:
        grouped = arguments.group_by_formula
        split = splits.with_calibration(split, table, arguments.calibration, arguments.seed, grouped=grouped)
    audit = splits.audit(split, table)
    seeds = range(arguments.seed, arguments.seed + arguments.ensemble)
    members = [network(arguments.variant, seed=seed, **switches, **changes) for seed in seeds]
    if arguments.strict:
        made = members[0].features(table, arguments.jobs)
        report_left_out(made.errors, len(made.rows), strict=True)
    with alone(folder) if strategy.chief else nullcontext():
        left_out, trained = dict(left_out), False
        for number, model in enumerate(members):
            inside = member_folder(folder, number) if len(members) > 1 else folder
            if _claim(inside, model, table, target, split, overwrite=arguments.overwrite):
                note(f"{inside} is trained already; --overwrite trains it again")
                continue
            note(_audit_line(audit) if number == 0 else f"member {number + 1} of {len(members)}")
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
            )
            if number == 0 and strategy.chief and model.fit_domain(table, jobs=arguments.jobs):
                model.save(inside)
            left_out |= scored.left_out
            trained = True
        if not strategy.chief:
            note(f"trained; the first of the machines writes {folder}")
            return
        _score(arguments, spec, table, target, split, {"split": audit}, left_out, trained)


def _check_folder(folder: Path, arguments: Namespace) -> None:
    """Refuse a folder that cannot be written, or in which the training would replace its own input."""
    check_writable(folder)
    for name in WRITTEN:
        for other in filter(None, (arguments.data, arguments.split, arguments.recipe)):
            if Path(other).is_file():
                refuse_input(f"{folder / name}, which --model {folder} writes,", folder / name, other)


def _warn(model: Regressor, split: Split) -> None:
    if len(split.train) < FEW:
        note(f"warning: only {len(split.train)} training materials; expect large errors, and errors that vary much")
    if model.selection == "test":
        note("warning: this variant chooses its epoch on the test set, so its test error is too low for new materials")


def _score(
    arguments: Namespace,
    spec: PackageSpec,
    table: MaterialsDataset,
    target: str,
    split: Split,
    facts: dict[str, Any],
    left_out: dict[str, str],
    trained: bool,
) -> None:
    """Write the predictions for the validation and test sets, and print their errors."""
    folder = Path(arguments.model)
    model = spec.load(arguments.model)
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


def _claim(
    folder: Path, model: Regressor, table: MaterialsDataset, target: str, split: Split, *, overwrite: bool
) -> bool:
    """Record which training belongs to `folder`; True if this very training is finished there.

    Another training there is an error, unless it is to be overwritten.
    """
    data = table.digest(target, densities=model.uses_densities)
    wanted = {**model.settings(), "target": target, "data": data, "split": split.digest()}
    wanted = json.loads(json.dumps(wanted))
    path, finished, checkpoint = folder / "training.json", folder / "model.json", folder / "run" / "checkpoint.npz"
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        found = {}
    if found == wanted and not overwrite:
        return finished.exists()
    if (finished.exists() or checkpoint.exists()) and not overwrite:
        old, new = _flat(found), _flat(wanted)
        changed = [f"{name} {old[name]}, not {new[name]}" for name in new if old.get(name, new[name]) != new[name]]
        which = f" with {changed[0]}" if changed else ""
        raise UserError(f"{folder} holds another training{which}; choose another folder or add --overwrite")
    finished.unlink(missing_ok=True)
    checkpoint.unlink(missing_ok=True)
    write_text(path, json.dumps(wanted, indent=1))
    return False


def _flat(settings: dict) -> dict:
    """Nested settings as one level: {"recipe": {"epochs": 3}} -> {"epochs": 3}."""
    flat = {}
    for name, value in settings.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


def _audit_line(audit: dict) -> str:
    line = "split: " + ", ".join(f"{audit[f'n_{part}']} {part}" for part in ("train", "validation", "test"))
    if not audit["n_test"]:
        return line
    share = audit["share_of_test_rows_with_formula_in_training"]
    return f"{line}; {share:.0%} of the test materials have a formula that is also in the training set"
