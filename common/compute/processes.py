"""Calls in separate processes: each releases its memory, and the death of one does not affect the others."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from types import ModuleType
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """The arguments of a call, why it failed (empty if it did not), and what it returned."""

    item: tuple
    reason: str
    value: Any = None


def in_processes(function: Callable, items: Iterable[tuple], jobs: int) -> Iterator[Outcome]:
    """`function(*item)` for each item, `jobs` at a time, in the order in which they end.

    The next item is requested only when there is room for it, so that it may depend on finished calls.
    """
    items = iter(items)
    running: dict[object, Running] = {}
    try:
        while True:
            while len(running) < jobs and (item := next(items, None)) is not None:
                started = Running(function, item)
                running[started.result] = started
            if not running:
                return
            for result in wait(running):
                yield running.pop(result).outcome()
    finally:
        # Reached with calls still running only on an interruption.
        for left in running.values():
            left.stop()


def apart(function: Callable, *item) -> tuple[str, Any]:
    """One call in a process of its own: why it failed, or an empty text, and what it returned."""
    with _bare_main():
        started = Running(function, item)
    try:
        return started.outcome()[1:]
    finally:
        started.stop()


class Running:
    """A call in a process of its own, and the end of a pipe through which it says what came of it."""

    def __init__(self, function: Callable, item: tuple):
        context = get_context("spawn")
        self.item = item
        self.result, other = context.Pipe(duplex=False)
        self.process = context.Process(target=_child, args=(function, item, other))
        self.process.start()
        other.close()

    def outcome(self) -> Outcome:
        """Waits for the end of the process."""
        try:
            # First of all, since a process that sends much waits until it is read.
            found = self.result.recv()
        except EOFError:
            found = None
        self.process.join()
        if found is None:
            return Outcome(self.item, f"its process ended with status {self.process.exitcode}")
        return Outcome(self.item, *found)

    def stop(self) -> None:
        """Interrupt the process, and end it if it does not stop within some seconds."""
        if self.process.is_alive():
            os.kill(self.process.pid, signal.SIGINT)
            self.process.join(5)
        self.process.terminate()
        self.process.join()


def leave_with_the_parent() -> None:
    """Exit with the parent: if it is killed, its children must not run beside those of the next run."""
    threading.Thread(target=_leave, daemon=True).start()


def _leave() -> None:
    parent_process().join()
    os._exit(1)


def _child(function: Callable, item: tuple, result) -> None:
    leave_with_the_parent()
    try:
        result.send(("", function(*item)))
    except KeyboardInterrupt:  # the terminal interrupts children too; the parent says so
        with suppress(BrokenPipeError):  # and may have left already
            result.send(("interrupted", None))
    except Exception as error:
        result.send((str(error) or type(error).__name__, None))


@contextmanager
def _bare_main() -> Iterator[None]:
    """A child imports the main module of its parent first. In a Ray worker that would be all of Ray, needlessly."""
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
