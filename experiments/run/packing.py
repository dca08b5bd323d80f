"""Runs in a file of features, trained on another machine, and the import of their results.

The machine that trains runs the same code on the same runs; only what needs structures or element tables comes from
the file. A result has the form of every other, and counts where its settings are those that are declared here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from common.chem.element_vectors import element_vectors, register
from common.errors import UserError
from common.features.cache import DISK_CACHE
from common.features.featurized import RecordingStore
from common.features.pack import Contents, Pack, digest_name
from common.features.ragged import Ragged, ShardedRagged
from common.io.messages import note
from common.io.progress import progress
from common.sources import load_source
from experiments.declare import plan
from experiments.declare.models import NETWORKS, make_model
from experiments.declare.plan import Run
from experiments.run import inputs, runner, store

#: Targets that make splits, packed wherever a source has them.
MARKS = ("fold", "test")


def pack(runs: Sequence[Run], path: str | Path, *, jobs: int = 1) -> dict:
    """Write one file for the networks among these runs; returns what is in it and what is not."""
    networks = [run for run in runs if run.settings["model"] in NETWORKS]
    left_out = {run.key: "is not a network and trains in seconds without a GPU" for run in runs if run not in networks}
    by_source: dict[str, list[Run]] = {}
    for run in networks:
        if run.settings.get("config", {}).get("corpus"):
            left_out[run.key] = "learns its element vectors from the formulas of another source"
        else:
            by_source.setdefault(run.settings["source"], []).append(run)
    if not by_source:
        raise UserError("none of these runs is a network that a file of features can hold")
    contents = Contents()
    packed = [run for group in by_source.values() for run in group]
    besides = _besides(packed)
    with progress(total=len(packed), desc="packing", unit="run") as bar:
        for source, group in by_source.items():
            _add_source(contents, source, load_source(source), group, jobs, bar, whole=source in besides)
    for name, group in besides.items():
        _add_other(contents, name, load_source(name), group, jobs)
    contents.write(path)
    facts = {
        "runs": len(contents.runs),
        "sources": {name: len(table) for name, table in contents.tables.items()},
        "features": {name: list(made) for name, made in contents.features.items()},
        "megabytes": round(Path(path).stat().st_size / 1e6, 2),
        "left_out": left_out,
    }
    return facts


def _besides(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Sources that trained models predict besides their test set, of which all materials are needed."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        for name in dict.fromkeys(run.settings.get("also", {}).values()):
            found.setdefault(name, []).append(run)
    return found


def _add_source(contents: Contents, source: str, table, runs: list[Run], jobs: int, bar, *, whole: bool) -> None:
    wanted = list(dict.fromkeys(run.settings["target"] for run in runs))
    known = np.any([table.target(name).known for name in wanted], axis=0)
    contents.tables[source] = _lean(table.take(np.flatnonzero(known | whole)), [*wanted, *_inputs(runs)])
    digests, splits = contents.digests.setdefault(source, {}), contents.splits.setdefault(source, {})
    for run in runs:
        target = run.settings["target"]
        rows = table.known(target)
        model = make_model(run.settings)
        name = digest_name(target, model.uses_densities)
        if name not in digests:
            digests[name] = rows.digest(target, densities=model.uses_densities)
        split = inputs.make_split(rows, run.settings["split"], run.seed)
        splits[split.digest()] = split
        _add_features(contents, source, model, rows, jobs)
        contents.runs.append({**asdict(run), "digest": run.digest(), "split": split.digest()})
        bar.update()


def _add_other(contents: Contents, name: str, table, runs: list[Run], jobs: int) -> None:
    """A source that these runs predict besides; it may be one that others train on."""
    before = contents.tables[name].targets if name in contents.tables else {}
    targets = {*before, *(run.settings["target"] for run in runs), *_inputs(runs)}
    contents.tables[name] = _lean(table, targets)
    for run in runs:
        _add_features(contents, name, make_model(run.settings), table, jobs)


def _inputs(runs: Sequence[Run]) -> set[str]:
    """Targets that the models of these runs use as inputs."""
    return {name for run in runs for name in make_model(run.settings).input_targets}


def _lean(table, targets: Collection[str]):
    """The table with the targets that runs need and no others."""
    lean = table.take(np.arange(len(table)))
    lean.targets = {name: t for name, t in table.targets.items() if name in (*targets, *MARKS)}
    return lean


def _add_features(contents: Contents, source: str, model, table, jobs: int) -> None:
    packed = contents.features.setdefault(source, {})
    vectors = getattr(model.config, "vectors", None)
    if vectors and vectors not in contents.vectors:
        contents.vectors[vectors] = element_vectors(vectors)
    model.store = recorder = RecordingStore(DISK_CACHE)
    model.features(table, jobs)
    for name, (made, ids) in recorder.made.items():
        old, old_ids, old_errors = packed.get(name, (None, ids[:0], {}))
        before = set(old_ids.tolist())
        fresh = np.array([k for k, one in enumerate(ids.tolist()) if one not in before], dtype=np.int64)
        ragged = old
        if made.features is not None and len(fresh):
            new = _ragged(made.features, fresh)
            ragged = new if old is None else Ragged.concatenate([old, new])
        if ragged is not None:
            packed[name] = ragged, np.concatenate([old_ids, ids[fresh]]), old_errors | made.errors


def _ragged(found: Ragged | ShardedRagged, rows: np.ndarray) -> Ragged:
    if isinstance(found, Ragged):
        return found.take(rows)
    names = found.parts[0].fields
    return Ragged.stack([{name: np.asarray(found.row(name, row)) for name in names} for row in rows])


# --- on the machine that trains ------------------------------------------------------------------


def runs_of(file: Pack) -> list[Run]:
    names = Run.__dataclass_fields__
    return [Run(**{name: value for name, value in one.items() if name in names}) for one in file.runs]


def train(file: Pack, output: str | Path, *, only: str = "", threads: int = 0) -> dict:
    """Train the runs of a file whose keys contain `only`; results go to `output`, in the form of the suite.

    Finished runs are skipped and interrupted ones resume; a failure does not stop the others.
    """
    for vectors in file.element_vectors():
        register(vectors)
    pairs = [(run, one) for run, one in zip(runs_of(file), file.runs, strict=True) if only in run.key]
    if not pairs:
        raise UserError(f"{file.path} has no run whose name contains {only!r}; matrepro features info lists them")
    done = {"trained": [], "finished before": [], "failed": {}}
    with _results_in(output):
        for run, packed in progress(pairs, desc="runs", unit="run"):
            if store.finished(run):
                done["finished before"].append(run.key)
                continue
            try:
                _check(file, run, packed)
                runner.execute(run, threads=threads, source=file.source, features=file)
                done["trained"].append(run.key)
                note(f"finished {run.key}")
            except UserError as error:
                done["failed"][run.key] = str(error)
                note(f"failed {run.key}: {error}")
    return done


@contextmanager
def _results_in(folder: str | Path) -> Iterator[None]:
    """Results go to this folder within the block."""
    before = os.environ.get("MATREPRO_RESULTS")
    os.environ["MATREPRO_RESULTS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MATREPRO_RESULTS"]
        else:
            os.environ["MATREPRO_RESULTS"] = before


def _check(file: Pack, run: Run, packed: dict) -> None:
    """The program here must be that of the machine that packed, as far as it decides the result."""
    if run.digest() != packed["digest"]:
        raise UserError(f"{file.path} was written by another version of the program; pack it again with this one")
    table = file.source(run.settings["source"]).known(run.settings["target"])
    split = inputs.make_split(table, run.settings["split"], run.seed)
    if split != file.split(run.settings["source"], packed["split"]):
        raise UserError(f"{file.path}: its split of {run.key} is not what this version draws; pack it again")


# --- on the first machine ------------------------------------------------------------------------


def unpack(folder: str | Path) -> dict:
    """Copy results that fit the declarations to where the tables look for them."""
    found = sorted(Path(folder).rglob("cell.json"))
    if not found:
        raise UserError(f"{folder} holds no results (cell.json); name the folder of matrepro features train --output")
    taken, known, refused = [], [], {}
    for path in found:
        key = str(path.parent.relative_to(folder))
        try:
            record = json.loads(path.read_text())
            run = _declared(key)
            if record["digest"] != run.digest():
                raise UserError("its settings are not those that are declared now; train it again from a new file")
            if not (path.parent / "predictions.csv.gz").exists():
                raise UserError("predictions.csv.gz is missing; copy the whole folder")
        except (OSError, ValueError, KeyError) as error:
            refused[key] = f"{path} cannot be read ({error}); copy the folder again"
            continue
        except UserError as error:
            refused[key] = str(error)
            continue
        if store.finished(run):
            known.append(key)
            continue
        store.copy(path.parent, run)
        taken.append(key)
    return {"taken": taken, "stored before": known, "refused": refused}


def _declared(key: str) -> Run:
    """The declared run of a key scale/paper/table/column/row/seed."""
    parts = key.split("/")
    if len(parts) != 6:
        raise UserError(f"{key} is not the path of a run: scale/paper/table/column/row/seed-n")
    scale, paper, table, *_, seed = parts
    scale, _, epochs = scale.removesuffix("-epochs").partition("-")
    seed = seed.removeprefix("seed-")
    # More seeds than are declared may be asked for, as reproduce has them.
    for seeds in (None, int(seed) + 1) if seed.isdigit() else ():
        for run in plan.runs(paper, table, scale, seeds=seeds, epochs=int(epochs) if epochs else None):
            if run.key == key:
                return run
    raise UserError(f"{key} is not declared; see experiments/{paper}.yaml")
