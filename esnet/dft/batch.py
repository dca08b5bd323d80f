"""Run many calculations, each in its own process; an interrupted batch resumes with the same call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common.chem.crystal import Crystal, as_crystal
from common.compute.executor import map_tasks
from common.errors import UserError
from common.io.locks import alone
from common.io.messages import note
from common.io.progress import progress
from esnet.dft.backends import DEFAULT, Backend, BackendMissing, Calculation, Settings, backend_of, compute
from esnet.dft.batch_folder import Parts, add_jobs

Outcome = tuple[str, Calculation | str]
Executor = Callable[[Callable[..., Outcome], Iterable[tuple[str, Crystal]], int], Iterator[Outcome]]


@dataclass(frozen=True)
class Report:
    """Results file, ids of finished jobs, id -> reason of failed ones, and wall time in seconds."""

    path: Path
    finished: list[str]
    failed: dict[str, str]
    seconds: float


#: Each thread, or worker of a cluster, waits for the process of its calculation.
in_threads: Executor = partial(map_tasks, ordered=False, threads=True)


def run_batch(
    jobs: Iterable[tuple[str, object]] | None,
    folder: str | Path,
    *,
    output: str | Path | None = None,
    backend: str | Backend = "gpaw",
    settings: Settings = DEFAULT,
    time_limit: float | None = None,
    processes: int = 1,
    retry: bool = False,
    strict: bool = False,
    executor: Executor = in_threads,
) -> Report:
    """Compute `(id, structure)` pairs, or all jobs of the folder if None; write to `output`, else `folder`/dos.h5.

    time_limit: seconds per material. processes: number of concurrent calculations, -1 for all cores. retry: repeat
    failed jobs. strict: stop at the first failure. executor: how the calculations are distributed.
    """
    folder = Path(folder)
    pairs = None if jobs is None else [(name, as_crystal(structure)) for name, structure in jobs]
    with alone(folder):
        output = Path(output or folder / "dos.h5")
        crystals = add_jobs(folder, pairs or (), settings, output)
        if pairs is not None:
            crystals = dict(pairs)
        parts = Parts(folder / "parts", output, settings)
        parts.merge()
        done, failed = parts.state()
        skipped = {} if retry else {name: failed[name] for name in crystals if name in failed}
        if strict and skipped:
            name, reason = next(iter(skipped.items()))
            raise UserError(f"{name}: {reason}")
        queue = [name for name in crystals if name not in done and name not in skipped]
        if queue:
            backend_of(backend)  # a missing backend is an error before anything is started
        attempt = partial(_attempt, backend=backend, settings=settings, time_limit=time_limit)
        started, failure = time.perf_counter(), ""

        def items() -> Iterator[tuple[str, Crystal]]:
            """Yield jobs on demand: after a failure under `strict` no further one starts; running ones are stored."""
            for name in queue:
                if not failure:
                    yield name, crystals[name]

        try:
            with progress(total=len(crystals), initial=len(crystals) - len(queue), desc="DOS", unit="material") as bar:
                for name, outcome in executor(attempt, items(), processes):
                    parts.put(name, outcome)
                    bar.update()
                    if strict and isinstance(outcome, str):
                        failure = failure or f"{name}: {outcome}"
        finally:
            parts.merge()
        if failure:
            raise UserError(failure)
        done, failed = parts.state()
    failed = {name: failed[name] for name in crystals if name in failed}
    if failed:
        note(f"{len(failed)} of {len(crystals)} calculations failed; repeat them with --retry")
    return Report(output, [name for name in crystals if name in done], failed, time.perf_counter() - started)


def _attempt(
    name: str, crystal: Crystal, *, backend: str | Backend, settings: Settings, time_limit: float | None
) -> Outcome:
    try:
        return name, compute(crystal, backend=backend, settings=settings, time_limit=time_limit)
    except BackendMissing:  # not a failure of this material
        raise
    except UserError as error:
        return name, str(error)
