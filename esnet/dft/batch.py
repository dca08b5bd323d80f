"""Many calculations, one process each, that may be killed at any moment and go on.

A batch is a folder: `jobs.jsonl` with the structures, `settings.json` with the level of theory, and `parts` with one
file for each material that is finished or has failed. The parts become one HDF5 file when a run ends or begins again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from common.chem.crystal import Crystal, as_crystal
from common.compute.executor import map_tasks
from common.data.materials import crystal_key
from common.errors import UserError
from common.io.files import sweep, write_text
from common.io.hdf5 import open_hdf5, writing_hdf5
from common.io.locks import alone
from common.io.messages import note
from common.io.progress import progress
from esnet.dft.backends import DEFAULT, Calculation, Engine, EngineMissing, Settings, compute, engine_of
from esnet.dos.file import check_name, start_file, write_calculation, write_failure

Outcome = tuple[str, Calculation | str]
Executor = Callable[[Callable[..., Outcome], Iterable[tuple[str, Crystal]], int], Iterator[Outcome]]


@dataclass(frozen=True)
class Report:
    """What became of the jobs asked for: the file, ids that are in it, id -> reason of the others, seconds it took."""

    path: Path
    finished: list[str]
    failed: dict[str, str]
    seconds: float


def run_batch(
    jobs: Iterable[tuple[str, object]] | None,
    folder: str | Path,
    *,
    output: str | Path | None = None,
    engine: str | Engine = "gpaw",
    settings: Settings = DEFAULT,
    time_limit: float | None = None,
    processes: int = 1,
    retry: bool = False,
    strict: bool = False,
    executor: Executor | None = None,
) -> Report:
    """Compute `(id, structure)` pairs, None for all that the folder lists; results go to `output`, or `dos.h5` in it.

    time_limit: seconds for each material. processes: so many at a time, -1 for all cores. retry: try again what failed.
    strict: stop at the first failure. executor: what runs the calls, `by_engine` unless another is given.
    """
    folder = Path(folder)
    pairs = None if jobs is None else [(name, as_crystal(structure)) for name, structure in jobs]
    with alone(folder):
        output = Path(output or folder / "dos.h5")
        crystals = _listed(folder, pairs or (), settings, output)
        if pairs is not None:
            crystals = dict(pairs)
        parts = _Parts(folder / "parts", output, settings)
        parts.merge()
        done, failed = parts.state()
        known = {} if retry else {name: failed[name] for name in crystals if name in failed}
        if strict and known:
            name, reason = next(iter(known.items()))
            raise UserError(f"{name}: {reason}")
        left = [name for name in crystals if name not in done and name not in known]
        if left:
            engine_of(engine)
        attempt = partial(_attempt, engine=engine, settings=settings, time_limit=time_limit)
        started, failure = time.perf_counter(), ""

        def items() -> Iterator[tuple[str, Crystal]]:
            """Asked for one by one, so that none is begun after the failure that ends all; the begun ones are kept."""
            for name in left:
                if not failure:
                    yield name, crystals[name]

        try:
            with progress(total=len(crystals), initial=len(crystals) - len(left), desc="DOS", unit="material") as bar:
                for name, found in (executor or by_engine)(attempt, items(), processes):
                    parts.put(name, found)
                    bar.update()
                    if strict and isinstance(found, str):
                        failure = failure or f"{name}: {found}"
        finally:
            parts.merge()
        if failure:
            raise UserError(failure)
        done, failed = parts.state()
    failed = {name: failed[name] for name in crystals if name in failed}
    if failed:
        note(f"{len(failed)} of {len(crystals)} calculations failed; they are tried again on request (--retry)")
    return Report(output, [name for name in crystals if name in done], failed, time.perf_counter() - started)


#: Each thread, or worker of a cluster, waits for the process of its calculation.
by_engine: Executor = partial(map_tasks, ordered=False, threads=True)


def _attempt(name: str, crystal: Crystal, *, engine, settings: Settings, time_limit: float | None) -> Outcome:
    try:
        return name, compute(crystal, engine=engine, settings=settings, time_limit=time_limit)
    except EngineMissing:  # the fault of no material
        raise
    except UserError as error:
        return name, str(error)


# --- the folder ----------------------------------------------------------------------------------


def read_jobs(folder: str | Path) -> dict[str, Crystal]:
    """The structures of a batch, by id, in their order."""
    path, crystals = Path(folder) / "jobs.jsonl", {}
    if not path.exists():
        return crystals
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            job = json.loads(line)
            crystals[job["id"]] = as_crystal((job["numbers"], job["lattice"], job["frac"]))
        except (ValueError, KeyError, TypeError, UserError) as error:
            raise UserError(f"{path}, line {number} is damaged ({error}); delete the line") from None
    return crystals


def _listed(folder: Path, jobs: Iterable[tuple[str, Crystal]], settings: Settings, output: Path) -> dict[str, Crystal]:
    """The job list with the new jobs added, written back. One batch has one level of theory, one id one structure."""
    stored = folder / "settings.json"
    if not stored.exists() and output.exists():
        raise UserError(f"{output} is there and not from this batch ({folder}); choose another name")
    if stored.exists() and json.loads(stored.read_text()) != asdict(settings):
        raise UserError(f"{folder} was begun with other settings ({stored}); choose another place")
    crystals = read_jobs(folder)
    known = len(crystals)
    for name, crystal in jobs:
        check_name(name)
        if name in crystals and crystal_key(crystals[name]) != crystal_key(crystal):
            raise UserError(f"{name} stands for another structure in {folder}; rename it or choose another place")
        crystals.setdefault(name, crystal)
    if len(crystals) > known:
        lines = [
            json.dumps(
                {"id": name, "numbers": c.numbers.tolist(), "lattice": c.lattice.tolist(), "frac": c.frac.tolist()}
            )
            for name, c in crystals.items()
        ]
        write_text(folder / "jobs.jsonl", "\n".join(lines) + "\n")
    write_text(stored, json.dumps(asdict(settings), indent=1) + "\n")
    return crystals


class _Parts:
    """One small file for each outcome, whole or not there at all, until all go into the one of the results."""

    def __init__(self, folder: Path, output: Path, settings: Settings):
        self.folder, self.output, self.settings = folder, output, settings
        folder.mkdir(exist_ok=True)
        sweep(folder)

    def put(self, name: str, found: Calculation | str) -> None:
        with writing_hdf5(self.folder / f"{quote(name, safe='')}.h5") as file:
            if isinstance(found, str):
                write_failure(file, name, found)
            else:
                start_file(file, found.attributes.get("engine", found.dos.engine), self.settings)
                write_calculation(file, name, found)

    def state(self) -> tuple[set[str], dict[str, str]]:
        """Finished ids and failed id -> reason, after `merge`."""
        if not self.output.exists():
            return set(), {}
        with open_hdf5(self.output) as file:
            failed = {name: str(group.attrs["reason"]) for name, group in file["failed"].items()}
            return set(file["materials"]), failed

    def merge(self) -> None:
        """Put the parts into the results, which are replaced as a whole: a death on the way costs nothing."""
        parts = sorted(path for path in self.folder.glob("*.h5") if not path.name.startswith("."))
        if not parts:
            return
        with writing_hdf5(self.output, onto=self.output.read_bytes() if self.output.exists() else b"") as results:
            for path in parts:
                with open_hdf5(path) as part:
                    _move(part, results)
        for path in parts:
            path.unlink()


def _move(part, results) -> None:
    for name, value in part.attrs.items():
        results.attrs.setdefault(name, value)
    for kind, other in (("materials", "failed"), ("failed", "materials")):
        for name, group in part.get(kind, {}).items():
            for place in (kind, other):
                if name in results.require_group(place):
                    del results[place][name]
            part.copy(group, results.require_group(kind), name)
    results.require_group("materials")
    results.require_group("failed")
