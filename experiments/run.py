"""Run cells: skip what is finished, continue what was interrupted, store what is needed to recompute every number.

A finished cell is a folder with `predictions.csv.gz` (id, target, prediction of the test part) and `cell.json`
(settings and their hash, hashes of split and data, versions, device, wall time, best epoch). Where a table asks for
predictions under changed inputs, they stand beside, named as the model names them.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import threading
import time
import warnings
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path

from common import devices, splits
from common.cache import cache_root
from common.errors import UserError
from common.hdf5 import write_text
from common.printing import note
from common.progress import progress
from common.sources import load_source
from experiments.plan import HERE, NETWORKS, Cell, make_model

PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "matminer", "pymatgen", "xgboost")


def results_root() -> Path:
    """`MATREPRO_RESULTS`, or the committed results beside this file."""
    return Path(os.environ.get("MATREPRO_RESULTS", HERE / "results"))


def folder_of(cell: Cell) -> Path:
    return results_root() / cell.key


def finished(cell: Cell) -> bool:
    """Whether this very cell, with these settings, has been run."""
    try:
        stored = json.loads((folder_of(cell) / "cell.json").read_text())
    except (OSError, ValueError):
        return False
    return stored["digest"] == cell.digest() and (folder_of(cell) / "predictions.csv.gz").exists()


def run_cell(cell: Cell, *, jobs: int = 1, threads: int = 0) -> None:
    """Run one cell in this process and store its result."""
    settings = cell.settings
    # The classical rows need no backend, whose start takes longer than they do.
    is_network = settings["model"] in NETWORKS
    if is_network:
        devices.setup(cell.seed, threads=threads)
    table = load_source(settings["source"]).known(settings["target"])
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
        "device": devices.describe(backend=is_network) | {"threads": threads or os.cpu_count()},
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
    }
    if state:
        record |= {"best_validation": state.best, "best_epoch": state.best_epoch + 1, "epochs_run": state.epoch}
    folder = folder_of(cell)
    test.save(folder / "predictions.csv.gz")
    for name, probe in (model.probes(tested, jobs) if is_network else {}).items():
        probe.save(folder / f"{name}.csv.gz")
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
    """Run the unfinished cells, `jobs` at a time, each in a process of its own; returns a line for each failure.

    A fresh process a cell gives its memory back, and one that dies, for want of memory perhaps, takes no other with it.
    """
    todo = [cell for cell in cells if not finished(cell)]
    away = missing_sources(todo)
    wrong = [f"{cell.key}: {away[cell.settings['source']]}" for cell in todo if cell.settings["source"] in away]
    for reason in away.values():
        note(f"cannot run {sum(reason in line for line in wrong)} cells: {reason}")
    queue = [cell for cell in todo if cell.settings["source"] not in away]
    threads = max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else 0
    running: dict[int, _Running] = {}
    with progress(total=len(queue), desc="cells", unit="cell") as bar:
        try:
            while queue or running:
                while queue and len(running) < jobs:
                    started = _Running(queue.pop(0), threads)
                    running[started.process.sentinel] = started
                for sentinel in wait(running):
                    done = running.pop(sentinel)
                    reason = done.failure()
                    note(f"failed {done.cell.key}: {reason}" if reason else f"finished {done.cell.key}")
                    wrong += [f"{done.cell.key}: {reason}"] if reason else []
                    bar.update()
        finally:
            # Reached with cells still running only on an interruption: they go on from their checkpoints next time.
            for left in running.values():
                left.stop()
    return wrong


def missing_sources(cells: list[Cell]) -> dict[str, str]:
    """Source -> reason, for the sources of these cells that cannot be read."""
    away = {}
    for name in dict.fromkeys(cell.settings["source"] for cell in cells):
        try:
            load_source(name)
        except UserError as error:
            away[name] = str(error)
    return away


class _Running:
    """A cell in a process of its own, and the end of a pipe through which it says what went wrong."""

    def __init__(self, cell: Cell, threads: int):
        context = get_context("spawn")
        self.cell = cell
        self.result, other = context.Pipe(duplex=False)
        self.process = context.Process(target=_child, args=(cell, threads, other))
        self.process.start()
        other.close()

    def failure(self) -> str:
        """Why the ended process did not finish its cell; empty if it did."""
        self.process.join()
        try:
            return self.result.recv()
        except EOFError:
            return f"its process ended with status {self.process.exitcode}"

    def stop(self) -> None:
        """Interrupt the process, and end it if it does not stop within some seconds."""
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGINT)
        self.process.join(5)
        self.process.terminate()


def _leave_with_the_parent() -> None:
    """A parent that is killed cannot stop its children; they would go on beside those of the next run."""
    parent_process().join()
    os._exit(1)


def _child(cell: Cell, threads: int, result) -> None:
    threading.Thread(target=_leave_with_the_parent, daemon=True).start()
    warnings.showwarning = lambda message, *_: note(f"{cell.key}: {message}")
    try:
        run_cell(cell, threads=threads)
        result.send("")
    except KeyboardInterrupt:  # the terminal interrupts children too; the parent says so
        result.send("interrupted")
    except Exception as error:
        result.send(str(error) or type(error).__name__)


def _version(name: str) -> str:
    try:
        return version(name)
    except Exception:
        return "not installed"
