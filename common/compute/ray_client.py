"""Calls on the machines of a Ray cluster.

Ray lives in a process beside this one. It ends a process that has lost its cluster, without an exception that anyone
could catch; so it ends that one, and this one says in a line what has happened.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import count, islice
from multiprocessing import get_context
from typing import Any

from common.compute.ray_driver import drive
from common.compute.ray_task import _packed, _unpacked
from common.errors import UserError


class ClusterGone(UserError):
    """The cluster does not answer any more."""


@lru_cache
def _clusters() -> dict[str, Cluster]:
    return {}


def cluster(address: str) -> Cluster:
    """The cluster at an address; the process stays connected until it ends. Empty: see `common.compute.executor`."""
    found = _clusters().get(address)
    if found is None or not found.process.is_alive():
        found = _clusters()[address] = Cluster(address)
    return found


class Cluster:
    """The other end of `common.compute.ray_driver`."""

    def __init__(self, address: str):
        self.name = f"the Ray cluster {address}" if address else "Ray"
        self.numbers = count()
        self.arrived: dict[int, list] = {}
        self.pipe, other = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=drive, args=(address, other), daemon=True)
        self.process.start()
        other.close()
        atexit.register(self.leave)
        try:
            reason = self.pipe.recv()
        except (EOFError, OSError):
            reason = "it ended while it started"
        if reason:
            self.leave()
            raise UserError(f"cannot reach {self.name}: {reason}")

    def leave(self) -> None:
        """Disconnect, and stop a Ray that was started for this process alone."""
        atexit.unregister(self.leave)
        self.pipe.close()
        self.process.join(20)
        self.process.terminate()

    def stream(
        self,
        function: Callable,
        items: Iterable[tuple],
        cores: int,
        environment: dict[str, str | None],
        *,
        ordered: bool,
        ahead: int,
    ) -> Iterator[tuple[tuple, str, Any]]:
        """Item, status and value of each `function(*item)`: "ok" and what it returned, "error" and the exception, or
        "died" and the reason.

        ahead: how many calls are sent for each one that has room on the cluster.
        """
        number, items, sent = next(self.numbers), iter(items), count()
        under_way: dict[int, tuple] = {}
        finished: dict[int, tuple] = {}
        due, room = 0, 1
        self.arrived[number] = []
        self._send("begin", number, cores, environment)
        try:
            while True:
                free = ahead * room - len(under_way) - len(finished)
                for item in islice(items, max(0, free)):
                    index = next(sent)
                    under_way[index] = item
                    self._send("call", number, index, _packed((function, item)))
                if not under_way:
                    return
                kind, *rest = self._next(number)
                if kind == "room":
                    room = max(1, rest[0])
                    continue
                index, status, value = rest
                finished[index] = (under_way.pop(index), *_unpacked(status, value))
                while finished and (due in finished or not ordered):
                    yield finished.pop(due if ordered else next(iter(finished)))
                    due += 1
        finally:
            del self.arrived[number]
            if self.process.is_alive():
                self._send("end", number)

    def _send(self, *message) -> None:
        try:
            self.pipe.send(message)
        except OSError:
            raise self._gone() from None

    def _next(self, number: int) -> list:
        """The next message to a stream; those to others wait for them."""
        while not self.arrived[number]:
            try:
                kind, to, *rest = self.pipe.recv()
            except (EOFError, OSError):
                raise self._gone() from None
            if to in self.arrived:  # else of a stream that was left before its end
                self.arrived[to].append([kind, *rest])
        return self.arrived[number].pop(0)

    def _gone(self) -> ClusterGone:
        return ClusterGone(
            f"{self.name} is gone; finished work is stored; repeat the command when it is back, or "
            "without --executor ray"
        )
