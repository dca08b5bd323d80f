"""Where work is done: in processes of this machine, or on the machines of a Ray cluster, with the same results.

`MATREPRO_ENGINE`, or the option --engine, says which: `local`; `ray`, the cluster that RAY_ADDRESS names or else one
of this machine alone; `ray:HOST:PORT`, an existing cluster to which this machine belongs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
from functools import partial
from importlib.util import find_spec
from typing import Any

from common.compute.processes import Outcome, apart, in_processes
from common.errors import UserError

VARIABLE = "MATREPRO_ENGINE"


def use(engine: str) -> None:
    """What --engine says, for all that follows in this process; nothing leaves it as the environment has it."""
    if engine:
        os.environ[VARIABLE] = engine
    remote()


def remote() -> bool:
    """Whether work goes to a Ray cluster."""
    return _address() is not None


def _address() -> str | None:
    """None: here. Else an address of a cluster; an empty one leaves it to Ray."""
    name, _, address = os.environ.get(VARIABLE, "").partition(":")
    if name in ("", "local") and not address:
        return None
    if name != "ray":
        raise UserError(f"there is no engine {os.environ[VARIABLE]!r}; choose local, ray or ray:HOST:PORT")
    if find_spec("ray") is None:
        raise UserError("the engine ray needs Ray: pip install 'matrepro[ray]', or leave out --engine and ENGINE")
    return address


def map_tasks(
    function: Callable, items: Iterable[tuple], jobs: int = 1, *, ordered: bool = True, threads: bool = False
) -> Iterator[Any]:
    """`function(*item)` for each item, so many at a time (-1: as many as there are cores), as results come or in order.

    threads: functions that only wait, for a process of their own perhaps, need no process here.
    On a cluster, as many calls run at a time as it has room for, each with the cores that it would have here.
    """
    if not remote():
        from joblib import Parallel, delayed

        kind = "generator" if ordered else "generator_unordered"
        parallel = Parallel(n_jobs=jobs, prefer="threads" if threads else None, return_as=kind)
        # joblib gives processes their cores, but not threads; and the last bit of a sum may follow from the number.
        with _threads_of_numpy(_cores(jobs)) if threads else nullcontext():
            yield from parallel(delayed(function)(*item) for item in items)
        return
    from common.compute.ray_client import cluster

    cores = _cores(jobs)
    settings = _environment() | {"OMP_NUM_THREADS": str(cores)}  # as joblib has it
    found = cluster(_address()).stream(function, items, cores, settings, ordered=ordered, ahead=4)
    with closing(found):
        for _, status, value in found:
            if status == "error":
                raise value
            if status == "died":
                raise UserError(f"a call on the cluster failed: {value}; what is finished is kept")
            yield value


def run_apart(function: Callable, items: Iterable[tuple], jobs: int = 1, *, ahead: int = 1) -> Iterator[Outcome]:
    """`function(*item)` for each item in a process of its own, `jobs` at a time on each machine, as they end.

    The next item is asked for only when there is room for it, so that it may depend on what has ended before; with
    `ahead` above 1 a cluster is sent some more, so that its machines need not wait for them.
    """
    if not remote():
        yield from in_processes(function, items, jobs)
        return
    from common.compute.ray_client import cluster

    found = cluster(_address()).stream(
        partial(apart, function), items, _cores(jobs), _environment(), ordered=False, ahead=ahead
    )
    with closing(found):
        for item, status, value in found:
            yield Outcome(item, *value) if status == "ok" else Outcome(item, str(value))


def _threads_of_numpy(cores: int):
    """Within it, the linear algebra of this process works on so many cores."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(cores)


def _cores(jobs: int) -> int:
    """The cores of one of `jobs` calls on this machine."""
    return 1 if jobs < 1 else max(1, (os.cpu_count() or 1) // jobs)


#: Variables of this process that the work on other machines must know too.
PASSED_ON = ("MATREPRO_", "KERAS_", "TF_", "XLA_", "JAX_", "OMP_NUM_THREADS")


def _environment() -> dict[str, str | None]:
    """Variables for the work on a cluster; None removes one. Ray limits threads where nobody asked for it."""
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    return {"OMP_NUM_THREADS": None} | passed | {VARIABLE: "local"}
