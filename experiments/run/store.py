"""Stored results: where they lie, whether they are complete, what computed them.

The folder of a finished run holds `predictions.csv.gz` (id, target, prediction of the test set), since 30 November
2026 also `validation.csv.gz`, and `cell.json` (settings and their hash, hashes of split and data, versions, device,
wall time, best epoch). Predictions for changed inputs lie beside them, named as the model names them, and so do those
for other sources that a column asks for.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common.data.predictions import Predictions
from common.errors import UserError
from common.io.files import replacing, write_text
from experiments.declare.plan import PAPERS, Run

RECORD = "cell.json"
#: Predictions of the test set and of the validation set, as file names without `.csv.gz`.
TEST, VALIDATION = "predictions", "validation"
PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matminer", "pymatgen", "xgboost")
#: What every record holds, and the type of it.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "digest": str,
    "unit": str,
    "split": dict,
    "data": dict,
    "device": dict,
    "versions": dict,
    "left_out": dict,
    "wall_seconds": (int, float),
}
#: Numbers that records of networks hold too.
NUMBERS = ("parameters", "epochs_run", "best_epoch", "best_validation")
#: What is read of the dictionaries within a record.
NESTED: dict[str, dict[str, type]] = {
    "split": {"digest": str, "n_test": int},
    "data": {"digest": str, "rows": int},
    "device": {"processor": str, "cores": str, "threads": int},
}


class DamagedResult(UserError):
    """A stored file that cannot be read."""


def results_root() -> Path:
    """`MATREPRO_RESULTS`, or the committed results of the repository."""
    return Path(os.environ.get("MATREPRO_RESULTS", PAPERS.parent / "results"))


def folder_of(run: Run) -> Path:
    return results_root() / run.key


def finished(run: Run) -> bool:
    """Whether this run, with these settings, has a complete stored result."""
    try:
        record = read_record(run)
        if record is None or record["digest"] != run.digest():
            return False
        return all(read_predictions(run, record, name) is not None for name in stored_names(run))
    except DamagedResult:
        return False


def damage(run: Run) -> str:
    """Which file of a stored result cannot be read, and why; empty for complete results and for those not there."""
    try:
        record = read_record(run)
        if record is not None:
            for name in stored_names(run):
                read_predictions(run, record, name)
    except DamagedResult as error:
        return str(error)
    return ""


def stored_names(run: Run) -> list[str]:
    """The predictions that every result of this run has, as file names without `.csv.gz`."""
    return [TEST, *run.settings.get("also", {})]


def has_validation(run: Run) -> bool:
    """Whether the predictions of the validation set are stored, which older results lack."""
    return (folder_of(run) / f"{VALIDATION}.csv.gz").exists()


def read_record(run: Run) -> dict[str, Any] | None:
    """The checked `cell.json` of a run; None where nothing is stored."""
    path = folder_of(run) / RECORD
    try:
        record = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from None
    if not isinstance(record, dict):
        raise _damaged(path, "it is not a JSON object")
    for name, kind in FIELDS.items():
        if name not in record:
            raise _damaged(path, f"it lacks {name}")
        if not isinstance(record[name], kind):
            raise _damaged(path, f"{name} is {json.dumps(record[name])[:40]}")
    for name in NUMBERS:
        if not isinstance(record.get(name), int | float | None):
            raise _damaged(path, f"{name} is {json.dumps(record[name])[:40]}")
    for name, inner in NESTED.items():
        for key, kind in inner.items():
            if key not in record[name]:
                raise _damaged(path, f"{name} lacks {key}")
            if not isinstance(record[name][key], kind):
                raise _damaged(path, f"{name}.{key} is {json.dumps(record[name][key])[:40]}")
    return record


def read_predictions(run: Run, record: dict[str, Any], name: str = TEST) -> Predictions:
    """Predictions of a stored result; `name`: those of another source or of changed inputs."""
    path = folder_of(run) / f"{name}.csv.gz"
    try:
        return _predictions(path, path.stat().st_mtime_ns, record["unit"])
    except FileNotFoundError:
        raise _damaged(path, "it is missing") from None
    except UserError as error:
        raise _damaged(path, str(error).removeprefix(f"{path} ").removeprefix(f"{path}: ")) from None


def load(run: Run, name: str = "") -> tuple[Predictions, dict[str, Any]] | None:
    """Predictions and record of a run; None where nothing is stored."""
    record = read_record(run)
    return record and (read_predictions(run, record, name or TEST), record)


@cache
def _predictions(path: Path, written: int, unit: str) -> Predictions:
    """Every table and style reads a file once; `written` tells a file from the one that it replaces."""
    return Predictions.load(path, unit)


def _damaged(path: Path, reason: object) -> DamagedResult:
    return DamagedResult(f"{path} is damaged ({reason}); run it again with matrepro reproduce")


def write_record(run: Run, record: dict[str, Any]) -> None:
    """The last file to be written, since its presence says that the run is finished."""
    write_text(folder_of(run) / RECORD, json.dumps(record, indent=1))


def store(run: Run, files: dict[str, bytes]) -> None:
    """Write the files of a run that another machine computed, `cell.json` last."""
    for name in sorted(files, key=lambda name: name == RECORD):
        with replacing(folder_of(run) / name) as temporary:
            temporary.write_bytes(files[name])


def copy(source: Path, run: Run) -> None:
    """Copy a folder of results to where the tables read it, `cell.json` last."""
    target = folder_of(run)
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.is_file() and not path.name.startswith(".") and path.name != RECORD:
            shutil.copyfile(path, target / path.name)
    write_text(target / RECORD, (source / RECORD).read_text())


def versions(backend: str) -> dict[str, str]:
    """Versions of Python and of the packages that a result may depend on."""
    found = {"python": platform.python_version()}
    return found | {name: _version(name) for name in dict.fromkeys((*PACKAGES, backend))}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
