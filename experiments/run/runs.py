"""Run cells: skip what is finished, continue what was interrupted, store what is needed to recompute every number.

A finished cell is a folder with `predictions.csv.gz` (id, target, prediction of the test part) and `cell.json`
(settings and their hash, hashes of split and data, versions, device, wall time, best epoch). Where a table asks for
predictions under changed inputs, they stand beside, named as the model names them, and so do those of other sources
that a column has the model predict, named as the column names them.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import tempfile
import time
import warnings
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from common.compute import executor as engines
from common.data import splits
from common.errors import UserError
from common.features.cache import cache_root
from common.io.files import replacing, write_text
from common.io.messages import note
from common.io.progress import progress
from common.train import devices
from common.train.strategy.tf_distribute import several_machines
from experiments.declare.models import NETWORKS, make_model
from experiments.declare.plan import PAPERS, Cell

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matminer", "pymatgen", "xgboost")


def load_source(name: str):
    """A source by its name. A machine that trains from a file of features has not what sources are read with."""
    from common.sources import load_source

    return load_source(name)


def results_root() -> Path:
    """`MATREPRO_RESULTS`, or the committed results beside this file."""
    return Path(os.environ.get("MATREPRO_RESULTS", PAPERS.parent / "results"))


def folder_of(cell: Cell) -> Path:
    return results_root() / cell.key


def finished(cell: Cell) -> bool:
    """Whether this very cell, with these settings, has been run."""
    try:
        stored = json.loads((folder_of(cell) / "cell.json").read_text())
    except (OSError, ValueError):
        return False
    return stored["digest"] == cell.digest() and (folder_of(cell) / "predictions.csv.gz").exists()


def run_cell(cell: Cell, *, jobs: int = 1, threads: int = 0, source=load_source) -> None:
    """Run one cell in this process and store its result. `source(name)` gives the tables that it needs."""
    settings = cell.settings
    # The classical rows need no backend, whose start takes longer than they do.
    is_network = settings["model"] in NETWORKS
    if is_network:
        devices.setup(cell.seed, threads=threads)
    table = source(settings["source"]).known(settings["target"])
    others = {name: source(other) for name, other in settings.get("also", {}).items()}
    split = make_split(table, settings["split"], cell.seed)
    model = make_model(settings)
    scratch = cache_root() / "runs" / f"{cell.key.replace('/', '__')}-{cell.digest()}"
    scratch.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    model.fit(table, settings["target"], split, folder=scratch, jobs=jobs)
    left_out = dict(model.left_out)
    tested = table.select(split.test)
    test = model.predict(tested, jobs=jobs, bar=False)
    state = getattr(model, "state", None)
    device = devices.describe(backend=is_network)
    if is_network and model.devices != 1:
        device["devices"] = str(model.devices)
    record = {
        "digest": cell.digest(),
        "settings": settings,
        "resolved": model.settings(),
        "split": {"digest": split.digest(), **splits.audit(split, table)},
        "data": {
            "digest": table.digest(settings["target"], densities=model.uses_densities),
            "rows": len(table),
        },
        "unit": test.unit,
        "left_out": left_out | dict(model.left_out),
        "wall_seconds": round(state.seconds if state else time.perf_counter() - started, 1),
        "device": device | {"threads": threads or os.cpu_count()},
        "versions": versions(device.get("backend", "tensorflow")),
    }
    if state:
        record |= {"best_validation": state.best, "best_epoch": state.best_epoch + 1, "epochs_run": state.epoch}
        record["parameters"] = sum(math.prod(weight.shape) for weight in model.model.trainable_weights)
    folder = folder_of(cell)
    test.save(folder / "predictions.csv.gz")
    for name, probe in (model.probes(tested, jobs) if is_network else {}).items():
        probe.save(folder / f"{name}.csv.gz")
    for name, other in others.items():
        # The test materials in another state, or materials to be screened, which may be any.
        other = other.select(split.test) if all(one in other for one in split.test) else other
        model.predict(other, jobs=jobs, bar=False).save(folder / f"{name}.csv.gz")
    if (scratch / "history.csv").exists():
        write_text(folder / "history.csv", (scratch / "history.csv").read_text())
    # Last, since its presence says that the cell is finished.
    write_text(folder / "cell.json", json.dumps(record, indent=1))
    shutil.rmtree(scratch, ignore_errors=True)


def make_split(table, declared: dict, seed: int) -> splits.Split:
    """The split of a cell. With folds the seed is the number of the fold; `train` cuts the training part."""
    if "train" in declared:
        whole = {name: value for name, value in declared.items() if name != "train"}
        return splits.fewer(make_split(table, whole, seed), declared["train"], seed)
    if declared["kind"] == "folds":
        return splits.by_fold(table, seed, declared["validation"])
    if declared["kind"] == "k-folds":
        k, grouped = declared["k"], declared.get("grouped", False)
        return splits.k_folds(table, k, declared["validation"], grouped=grouped)[seed]
    if declared["kind"] == "given":
        return splits.by_marks(table, declared["validation"], seed)
    makers = {"fractions": splits.by_fractions, "formula": splits.by_formula}
    if declared["kind"] not in makers:
        raise UserError(
            f"split kind {declared['kind']!r} is unknown; choose one of {', '.join(makers)}, folds, k-folds, given"
        )
    return makers[declared["kind"]](table, declared["shares"], seed)


def run_all(cells: list[Cell], *, jobs: int = 1) -> list[str]:
    """Run the unfinished cells, `jobs` at a time on each machine, each in a process of its own; returns a line for each
    failure."""
    if several_machines():
        raise UserError(
            "TF_CONFIG names machines that share one training; a table is shared out by cells, so unset it and give "
            "--engine ray"
        )
    todo = [cell for cell in cells if not finished(cell)]
    away = missing_sources(todo)
    lacking = {cell.key: away[name] for cell in todo for name in sources_of(cell) if name in away}
    wrong = [f"{key}: {reason}" for key, reason in lacking.items()]
    for reason in away.values():
        note(f"cannot run {sum(reason in line for line in wrong)} cells: {reason}")
    queue = [cell for cell in todo if cell.key not in lacking]
    threads = max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else 0
    function = _sent_back if engines.remote() else _here
    with (
        progress(total=len(queue), desc="cells", unit="cell") as bar,
        # Cells that run on at an interruption go on from their checkpoints next time.
        closing(engines.run_apart(function, [(cell, threads) for cell in queue], jobs, ahead=2)) as outcomes,
    ):
        for (cell, _), reason, files in outcomes:
            reason = reason or _keep(cell, files)
            note(f"failed {cell.key}: {reason}" if reason else f"finished {cell.key}")
            wrong += [f"{cell.key}: {reason}"] if reason else []
            bar.update()
    return wrong


def _here(cell: Cell, threads: int) -> None:
    """A cell in a process of its own."""
    warnings.showwarning = lambda message, *_: note(f"{cell.key}: {message}")
    run_cell(cell, threads=threads)


def _sent_back(cell: Cell, threads: int) -> dict[str, bytes]:
    """A cell on a machine that need not have the folder of results: its files, and its warnings as one more."""
    told: list[str] = []
    warnings.showwarning = lambda message, *_: told.append(str(message))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MATREPRO_RESULTS"] = folder
        run_cell(cell, threads=threads)
        files = {path.name: path.read_bytes() for path in folder_of(cell).iterdir()}
    return files | {"": "\n".join(told).encode()}


def _keep(cell: Cell, files: dict[str, bytes] | None) -> str:
    """Store the files of a cell that another machine has run; why that cannot be done, or nothing."""
    if files is None:
        return ""
    for line in files.pop("").decode().splitlines():
        note(f"{cell.key}: {line}")
    if json.loads(files["cell.json"])["digest"] != cell.digest():
        return "the machine that ran it has another version of matrepro; install the same one there"
    # cell.json comes last, since its presence says that the cell is finished.
    for name in sorted(files, key=lambda name: name == "cell.json"):
        with replacing(folder_of(cell) / name) as temporary:
            temporary.write_bytes(files[name])
    return ""


def sources_of(cell: Cell) -> list[str]:
    """The sources that a cell reads."""
    return [cell.settings["source"], *cell.settings.get("also", {}).values()]


def missing_sources(cells: list[Cell]) -> dict[str, str]:
    """Source -> reason, for the sources of these cells that cannot be read."""
    away = {}
    for name in dict.fromkeys(name for cell in cells for name in sources_of(cell)):
        try:
            load_source(name)
        except UserError as error:
            away[name] = str(error)
    return away


def versions(backend: str) -> dict[str, str]:
    """Of Python and of what a result may depend on."""
    found = {"python": platform.python_version()}
    return found | {name: _version(name) for name in dict.fromkeys((*PACKAGES, backend))}


def _version(name: str) -> str:
    try:
        return version(name)
    except Exception:
        return "not installed"
