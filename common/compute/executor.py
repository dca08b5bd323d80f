"""Executors: calls run in processes of this machine, or on the machines of a Ray cluster, with the same results.

`MATREPRO_EXECUTOR`, or the option --executor, chooses: `local`; `ray`, the cluster that RAY_ADDRESS names or else one
of this machine alone; `ray:HOST:PORT`, an existing cluster to which this machine belongs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any

from common.compute import ray_client
from common.compute.processes import Outcome, apart, in_processes
from common.errors import UserError

VARIABLE = "MATREPRO_EXECUTOR"
#: The former name of the variable, which is still read.
OLD_VARIABLE = "MATREPRO_ENGINE"
#: Rows per call of `map_rows`.
CHUNK = 64


def use(executor: str) -> None:
    """Choose the executor of this process; an empty text leaves the choice to the environment."""
    if executor:
        os.environ[VARIABLE] = executor
    remote()


def remote() -> bool:
    """Whether calls run on a Ray cluster."""
    return _address() is not None


def _address() -> str | None:
    """None: this machine. Otherwise the address of a cluster; Ray chooses one if it is empty."""
    chosen = os.environ.get(VARIABLE) or os.environ.get(OLD_VARIABLE, "")
    name, _, address = chosen.partition(":")
    if name in ("", "local") and not address:
        return None
    if name != "ray":
        raise UserError(f"there is no executor {chosen!r}; choose local, ray or ray:HOST:PORT")
    if find_spec("ray") is None:
        raise UserError("the executor ray needs Ray: pip install -e '.[ray]' in the checkout, or choose local")
    return address


def map_tasks(
    function: Callable, items: Iterable[tuple], jobs: int = 1, *, ordered: bool = True, threads: bool = False
) -> Iterator[Any]:
    """`function(*item)` for each item, `jobs` at a time (-1: one per core), in order or as results arrive.

    threads: run the calls in threads; for functions that only wait, for a process of their own for example.
    A cluster runs as many calls at a time as it has room for, each with the cores that it would have here.
    """
    if not remote():
        from joblib import Parallel, delayed

        kind = "generator" if ordered else "generator_unordered"
        parallel = Parallel(n_jobs=jobs, prefer="threads" if threads else None, return_as=kind)
        # joblib gives processes their cores, but not threads; and the last bit of a sum may follow from the number.
        with _threads_of_numpy(_cores(jobs)) if threads else nullcontext():
            yield from parallel(delayed(function)(*item) for item in items)
        return
    cores = _cores(jobs)
    settings = _environment() | {"OMP_NUM_THREADS": str(cores)}  # as joblib has it
    found = ray_client.cluster(_address()).stream(function, items, cores, settings, ordered=ordered, ahead=4)
    with closing(found):
        for _, status, value in found:
            if status == "error":
                raise value
            if status == "died":
                raise UserError(f"a call on the cluster failed: {value}; finished work is stored")
            yield value


def map_rows(
    function: Callable[[Any], Any], read: Callable[[int], Any], rows: Sequence[int], jobs: int, bar: Any
) -> Iterator[Any]:
    """Results (or the text of a `UserError`) in order, over `jobs` processes or the machines of a cluster."""
    chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
    work = ((function, [read(r) for r in chunk]) for chunk in chunks)
    for results in map_tasks(_run_chunk, work, jobs):
        bar.update(len(results))
        yield from results


def _run_chunk(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    results = []
    for item in items:
        try:
            results.append(function(item))
        except UserError as error:
            results.append(str(error))
    return results


def run_apart(function: Callable, items: Iterable[tuple], jobs: int = 1, *, ahead: int = 1) -> Iterator[Outcome]:
    """`function(*item)` for each item in a process of its own, `jobs` at a time on each machine, as they end.

    The next item is requested only when there is room for it, so that it may depend on finished calls; with `ahead`
    above 1 a cluster receives some more in advance, so that its machines need not wait.
    """
    if not remote():
        yield from in_processes(function, items, jobs)
        return
    found = ray_client.cluster(_address()).stream(
        partial(apart, function), items, _cores(jobs), _environment(), ordered=False, ahead=ahead
    )
    with closing(found):
        for item, status, value in found:
            yield Outcome(item, *value) if status == "ok" else Outcome(item, str(value))


def _threads_of_numpy(cores: int):
    """A context in which the linear algebra of this process uses so many cores."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(cores)


def _cores(jobs: int) -> int:
    """The cores of one of `jobs` calls on this machine."""
    return 1 if jobs < 1 else max(1, (os.cpu_count() or 1) // jobs)


#: Prefixes of the environment variables that calls on other machines receive too.
PASSED_ON = ("MATREPRO_", "KERAS_", "TF_", "XLA_", "JAX_", "OMP_NUM_THREADS")


def _environment() -> dict[str, str | None]:
    """Variables for calls on a cluster; None removes one. Ray would limit threads unasked."""
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    return {"OMP_NUM_THREADS": None} | passed | {VARIABLE: "local", OLD_VARIABLE: None}
