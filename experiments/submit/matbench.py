"""A Matbench submission: results.json.gz with the predictions of all folds, info.json, and run.py, which repeats it."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from common import __version__
from common.data.predictions import Predictions
from common.io.files import replacing, write_text
from experiments.declare import plan
from experiments.submit.folds import TaskResult

BENCHMARK = "matbench_v0.1"
#: Version of the package matbench whose format is written.
FORMAT = "0.6"
RESULTS, INFO, PROGRAM = "results.json.gz", "info.json", "run.py"
#: Targets closer to zero than this are left out of the relative error, as in Matbench.
ZERO = 1e-5
BENCHMARK_REFERENCE = (
    "@article{Dunn2020, title = {Benchmarking materials property prediction methods: the Matbench test set and "
    "Automatminer reference algorithm}, author = {Dunn, A. and Wang, Q. and Ganose, A. and Dopp, D. and Jain, A.}, "
    "journal = {npj Computational Materials}, volume = {6}, number = {1}, pages = {138}, year = {2020}, "
    "doi = {10.1038/s41524-020-00406-3}}"
)


def write(folder: str | Path, results: Sequence[TaskResult], *, algorithm: str, authors: str, notes: str) -> list[Path]:
    """Write the three files of a submission; returns their paths."""
    folder = Path(folder)
    record = as_record(results, {"algorithm": algorithm, "matrepro": __version__})
    with replacing(folder / RESULTS) as temporary:
        temporary.write_bytes(gzip.compress(json.dumps(record).encode(), mtime=0))
    write_text(folder / INFO, json.dumps(info(results, algorithm, authors, notes), indent=2) + "\n")
    write_text(folder / PROGRAM, program(results))
    return [folder / RESULTS, folder / INFO, folder / PROGRAM]


def as_record(results: Sequence[TaskResult], metadata: dict[str, Any]) -> dict[str, Any]:
    """The content of results.json.gz; the hash is that of all else, with sorted keys."""
    record = {
        "@module": "matbench.bench",
        "@class": "MatbenchBenchmark",
        "version": FORMAT,
        "tasks": {f"matbench_{one.task}": _task(one) for one in results},
        "user_metadata": metadata,
        "benchmark_name": BENCHMARK,
        "datestamp": datetime.now(UTC).strftime("%Y.%m.%d %H:%M.%S"),
    }
    return record | {"hash": record_hash(record)}


def record_hash(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _task(result: TaskResult) -> dict[str, Any]:
    return {
        "@module": "matbench.task",
        "@class": "MatbenchTask",
        "benchmark_name": BENCHMARK,
        "dataset_name": f"matbench_{result.task}",
        "results": {
            f"fold_{fold}": {
                "data": dict(zip(one.ids.tolist(), map(float, one.prediction), strict=True)),
                "parameters": result.settings,
                "scores": scores(one),
            }
            for fold, one in result.folds.items()
        },
    }


def scores(predicted: Predictions) -> dict[str, float]:
    """The four errors that Matbench states of a fold."""
    assert predicted.target is not None
    error = np.abs(predicted.prediction - predicted.target)
    size = np.abs(predicted.target)
    relative = error[size > ZERO] / size[size > ZERO]
    return {
        "mae": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "mape": float(relative.mean()) if len(relative) else 0.0,
        "max_error": float(error.max()),
    }


def info(results: Sequence[TaskResult], algorithm: str, authors: str, notes: str) -> dict[str, Any]:
    settings = results[0].settings
    tasks = ", ".join(f"matbench_{one.task}" for one in results)
    packages = {"matrepro": __version__, **results[0].versions}
    described = f"The network or model {settings['model']}"
    if settings.get("variant"):
        described += f", variant {settings['variant']}"
    return {
        "authors": authors,
        "algorithm": algorithm,
        "algorithm_long": f"{described}, of matrepro {__version__}, a reimplementation in Keras; tasks: {tasks}.",
        "bibtex_refs": [*_references(results), BENCHMARK_REFERENCE],
        "notes": notes or "The settings stand beside the predictions of every fold; run.py repeats the training.",
        "requirements": {"python": [f"{name}=={version}" for name, version in packages.items() if name != "python"]},
    }


def _references(results: Sequence[TaskResult]) -> list[str]:
    """BibTeX of the papers whose models these are."""
    found = []
    for paper in dict.fromkeys(one.paper for one in results if one.paper):
        facts = plan.article(paper)
        fields = [f"{key} = {{{facts[key]}}}" for key in ("title", "journal", "doi") if facts.get(key)]
        if fields:
            found.append(f"@article{{{paper}, {', '.join(fields)}}}")
    return found


def program(results: Sequence[TaskResult]) -> str:
    """A Python program that repeats the trainings."""
    commands = list(dict.fromkeys(one.command for one in results))
    lines = ['"""Repeat the trainings of this submission; needs matrepro and the data of `matrepro data`."""', ""]
    lines += ["import shlex", "import subprocess", "", "COMMANDS = ["]
    lines += [f"    {json.dumps(command)}," for command in commands]
    lines += ["]", "", "for command in COMMANDS:", "    subprocess.run(shlex.split(command), check=True)"]
    return "\n".join(lines) + "\n"
