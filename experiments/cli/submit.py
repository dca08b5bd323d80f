"""`matrepro submit`: files for the Matbench and JARVIS leaderboards."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev

from common.cli.checks import check_writable
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.messages import note
from common.io.text import aligned, as_json
from experiments.declare.models import entry_of
from experiments.submit import jarvis, matbench
from experiments.submit.folds import cross_validated, stored_results, task_of


def to_matbench(arguments: Namespace) -> None:
    entry_of(arguments.model)
    check_writable(arguments.output)
    tasks = [task_of(name.strip()) for name in (arguments.tasks or "").split(",") if name.strip()]
    if arguments.run:
        results = [cross_validated(folder) for folder in arguments.run]
        if tasks and {one.task for one in results} != set(tasks):
            raise UserError("--tasks names other tasks than the folders of --run; leave it out")
    else:
        results = stored_results(arguments.model, tasks, arguments.scale, arguments.row)
    names = [one.task for one in results]
    if len(set(names)) < len(names):
        raise UserError(f"two folders hold matbench_{max(names, key=names.count)}; give one of each task")
    if other := [one.settings["model"] for one in results if one.settings["model"] != arguments.model]:
        raise UserError(f"--run holds a model {other[0]}, not {arguments.model}; name that one")
    algorithm = arguments.name or f"{arguments.model} (matrepro)"
    options = {"algorithm": algorithm, "authors": arguments.authors, "notes": arguments.notes}
    _refuse_submission(arguments, matbench.INFO)
    paths = matbench.write(arguments.output, results, **options)
    rows = []
    for one in results:
        errors = [matbench.scores(predicted)["mae"] for predicted in one.folds.values()]
        n = sum(map(len, one.folds.values()))
        unit = next(iter(one.folds.values())).unit
        errors_of = {"n": n, "mae": fmean(errors), "std": pstdev(errors), "unit": unit}
        rows.append({"task": f"matbench_{one.task}", **errors_of})
    _print(arguments, rows, paths)


def to_jarvis(arguments: Namespace) -> None:
    entry_of(arguments.model)
    check_writable(arguments.output)
    name = jarvis.check_name(arguments.benchmark)
    predicted = Predictions.load(arguments.predictions)
    if predicted.prediction.ndim != 1:
        raise UserError(f"{arguments.predictions} holds curves; the leaderboard takes one number per material")
    if arguments.benchmark_file:
        jarvis.check_ids(predicted, jarvis.expected_ids(arguments.benchmark_file, name), name)
    else:
        note("note: without --benchmark-file it is not checked that these are the materials of the benchmark")
    facts = {"model_name": arguments.name or f"{arguments.model}_matrepro", "author_email": arguments.email}
    facts |= {"project_url": arguments.url, "team_name": arguments.team}
    commands = [arguments.command_line] if arguments.command_line else []
    _refuse_submission(arguments, jarvis.METADATA)
    paths = jarvis.write(arguments.output, {name: predicted}, facts, commands)
    row: dict = {"task": name, "n": len(predicted)}
    if predicted.target is not None:
        row |= {"mae": predicted.metrics()["MAE"], "unit": "that of the predictions"}
    _print(arguments, [row], paths)


def _refuse_submission(arguments: Namespace, written: str) -> None:
    """Refuse a folder that holds a submission, whose file `written` may have been edited."""
    if (Path(arguments.output) / written).exists() and not arguments.overwrite:
        raise UserError(f"{arguments.output} holds a submission; choose another folder or add --overwrite")


def _print(arguments: Namespace, rows: Sequence[dict], paths: Sequence[Path]) -> None:
    if arguments.json:
        print(as_json({"model": arguments.model, "tasks": list(rows), "files": list(map(str, paths))}), end="")
    else:
        names = list(rows[0])
        cells = [[f"{row[key]:.4g}" if isinstance(row[key], float) else str(row[key]) for key in names] for row in rows]
        print(aligned(names, cells), end="")
    note(f"wrote {', '.join(map(str, paths))}")
