"""Execute runs: skip what is finished, resume what was interrupted, store what every number can be recomputed from."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from common.compute import executor
from common.data import splits
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.cache import DISK_CACHE
from common.features.featurized import FeatureStore
from common.io.files import cache_root, write_text
from common.io.messages import note
from common.io.progress import progress
from common.sources import load_source
from common.train import devices
from common.train.fit_and_score import Scored, fit_and_score
from common.train.strategy.tf_distribute import several_machines
from experiments.declare.models import is_network as is_network_of
from experiments.declare.models import make_model
from experiments.declare.plan import Run
from experiments.run import store
from experiments.run.inputs import make_split, missing_sources, sources_of


def execute(
    run: Run,
    *,
    jobs: int = 1,
    threads: int = 0,
    source: Callable[[str], MaterialsDataset] = load_source,
    features: FeatureStore = DISK_CACHE,
) -> None:
    """Execute one run in this process and store its result.

    source: gives the datasets that it needs by name. features: where a network takes its features from.
    """
    settings = run.settings
    # Classical models need no backend, whose start takes longer than they do.
    is_network = is_network_of(settings)
    if is_network:
        devices.setup(run.seed, threads=threads)
    table = source(settings["source"]).known(settings["target"])
    others = {name: source(other) for name, other in settings.get("also", {}).items()}
    split = make_split(table, settings["split"], run.seed)
    model = make_model(settings)
    if is_network:
        model.store = features
    checkpoints = cache_root() / "runs" / f"{run.key.replace('/', '__')}-{run.digest()}"
    checkpoints.mkdir(parents=True, exist_ok=True)
    folder = store.folder_of(run)
    files = {"validation": folder / f"{store.VALIDATION}.csv.gz", "test": folder / f"{store.TEST}.csv.gz"}
    scored = fit_and_score(model, table, settings["target"], split, files=files, checkpoints=checkpoints, jobs=jobs)
    if not len(scored.predictions["test"]):
        reason = next(iter(scored.left_out.values()), "")
        raise UserError(f"no test material can be predicted; the first reason: {reason}")
    record = _record(run, model, table, split, scored, threads)
    for name, probe in (model.probes(table.select(split.test), jobs) if is_network else {}).items():
        probe.save(folder / f"{name}.csv.gz")
    for name, other in others.items():
        # The test materials in another state, or materials to be screened, which may be any.
        other = other.select(split.test) if all(one in other for one in split.test) else other
        model.predict(other, jobs=jobs, bar=False).save(folder / f"{name}.csv.gz")
    if (checkpoints / "history.csv").exists():
        write_text(folder / "history.csv", (checkpoints / "history.csv").read_text())
    store.write_record(run, record)
    shutil.rmtree(checkpoints, ignore_errors=True)


def _record(
    run: Run, model: Any, table: MaterialsDataset, split: splits.Split, scored: Scored, threads: int
) -> dict[str, Any]:
    """What is stored beside the predictions."""
    is_network = is_network_of(run.settings)
    device = devices.describe(backend=is_network)
    if is_network and model.devices != 1:
        device["devices"] = str(model.devices)
    record = {
        "digest": run.digest(),
        "settings": run.settings,
        "resolved": model.settings(),
        "split": {"digest": split.digest(), **splits.audit(split, table)},
        "data": {
            "digest": table.digest(run.settings["target"], densities=model.uses_densities),
            "rows": len(table),
        },
        "unit": scored.predictions["test"].unit,
        "left_out": scored.left_out,
        "wall_seconds": round(scored.seconds, 1),
        "device": device | {"threads": threads or os.cpu_count()},
        "versions": store.versions(device.get("backend", "tensorflow")),
    }
    if state := getattr(model, "state", None):
        record |= {"best_validation": state.best, "best_epoch": state.best_epoch + 1, "epochs_run": state.epoch}
        record["parameters"] = sum(math.prod(weight.shape) for weight in model.model.trainable_weights)
    return record


def run_all(runs: Sequence[Run], *, jobs: int = 1) -> list[str]:
    """Execute the unfinished runs, `jobs` at a time on each machine, each in its own process; returns a line for each
    failure."""
    if several_machines():
        raise UserError(
            "TF_CONFIG names machines that share one training, but a table is distributed run by run; unset it and "
            "give --executor ray"
        )
    todo = [run for run in runs if not store.finished(run)]
    for reason in filter(None, map(store.damage, todo)):
        note(f"running again: {reason}")
    missing = missing_sources(todo)
    lacking = {run.key: missing[name] for run in todo for name in sources_of(run) if name in missing}
    failures = [f"{key}: {reason}" for key, reason in lacking.items()]
    for reason in missing.values():
        note(f"cannot execute {sum(reason in line for line in failures)} runs: {reason}")
    queue = [run for run in todo if run.key not in lacking]
    threads = max(1, (os.cpu_count() or 1) // jobs) if jobs > 1 else 0
    function = _remotely if executor.remote() else _locally
    with (
        progress(total=len(queue), desc="runs", unit="run") as bar,
        # Runs under way at an interruption resume from their checkpoints next time.
        closing(executor.run_apart(function, [(run, threads) for run in queue], jobs, ahead=2)) as outcomes,
    ):
        for (run, _), reason, files in outcomes:
            reason = reason or _store(run, files)
            note(f"failed {run.key}: {reason}" if reason else f"finished {run.key}")
            failures += [f"{run.key}: {reason}"] if reason else []
            bar.update()
    return failures


def _locally(run: Run, threads: int) -> None:
    """Execute a run in a process of its own."""
    warnings.showwarning = lambda message, *_: note(f"{run.key}: {message}")
    execute(run, threads=threads)


def _remotely(run: Run, threads: int) -> dict[str, bytes]:
    """Execute a run on a machine that may not share the results folder; returns its files, warnings under ""."""
    messages: list[str] = []
    warnings.showwarning = lambda message, *_: messages.append(str(message))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MATREPRO_RESULTS"] = folder
        execute(run, threads=threads)
        files = {path.name: path.read_bytes() for path in store.folder_of(run).iterdir()}
    return files | {"": "\n".join(messages).encode()}


def _store(run: Run, files: dict[str, bytes] | None) -> str:
    """Store the files of a remote run; returns why that cannot be done, or an empty text."""
    if files is None:
        return ""
    for line in files.pop("").decode().splitlines():
        note(f"{run.key}: {line}")
    if json.loads(files[store.RECORD])["digest"] != run.digest():
        return "the machine that computed it has another version of matrepro; install the same one there"
    store.store(run, files)
    return ""
