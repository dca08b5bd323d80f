"""Overhead of the Ray executor over local processes, on one machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from statistics import median

from benchmarks.report import Line
from common.compute.executor import VARIABLE, map_tasks, run_apart
from common.errors import UserError

TASKS, JOBS, ROUNDS = 12, 2, 3


def busy(seconds: float, number: int) -> int:
    """Work for a fixed wall time, so that other load affects both executors alike."""
    import numpy as np

    end, matrix = time.perf_counter() + seconds, np.full((60, 60), 0.01)
    while time.perf_counter() < end:
        matrix = np.tanh(matrix @ matrix)
    return number


def ray_executor() -> tuple[list[Line], list[str]]:
    if find_spec("ray") is None:
        raise UserError("Ray is not installed: pip install -e '.[ray]'")
    started = time.perf_counter()
    with _executor("ray"):
        list(map_tasks(busy, [(0.0, number) for number in range(JOBS)], JOBS))
    started = time.perf_counter() - started
    with _executor("local"):
        list(map_tasks(busy, [(0.0, number) for number in range(JOBS)], JOBS))  # starts its processes too
    lines, notes = [], [f"The first call waits {started:.1f} s for Ray to start; later calls do not."]
    for what, way in (("calls, as for features", map_tasks), ("processes of their own, as for cells", run_apart)):
        for seconds in (1.0, 3.0):
            times = {"local": [], "ray": []}
            for _ in range(ROUNDS):
                for name, seconds_of in times.items():
                    seconds_of.append(_seconds(way, name, seconds))
            here, there = median(times["local"]), median(times["ray"])
            spread = ", ".join(f"{name} {min(t):.1f} to {max(t):.1f} s" for name, t in times.items())
            reference = f"{TASKS} tasks, JOBS={JOBS}: local {here:.1f} s, ray {there:.1f} s; {spread}"
            lines.append(Line(f"{what}, {seconds:g} s each", there / here, "times", "<= 1.15", reference))
    notes.append(f"Medians of {ROUNDS} rounds , alternating; each task works for a fixed wall time.")
    return lines, notes


def _seconds(way: Callable, name: str, seconds: float) -> float:
    with _executor(name):
        started = time.perf_counter()
        more = {"ahead": 2} if way is run_apart else {}  # as in reproduce
        found = list(way(busy, [(seconds, number) for number in range(TASKS)], JOBS, **more))
        if len(found) < TASKS:
            raise UserError(f"the executor {name} lost tasks")
        return time.perf_counter() - started


@contextmanager
def _executor(name: str) -> Iterator[None]:
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = name
    try:
        yield
    finally:
        os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
