"""The process that talks to Ray through a pipe to its parent, so that a lost cluster ends this process only."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from queue import SimpleQueue

from common.compute.processes import leave_with_the_parent
from common.compute.ray_task import call

#: Attempts in total for a call whose worker dies, perhaps with its machine.
TRIES = 3
#: Seconds between checks of the machines, and without any that computes, until the cluster counts as lost.
LOOK, PATIENCE = 2.0, 60.0
#: Consecutive checks that must find the head of the cluster silent.
SILENT = 3


@dataclass
class _Stream:
    """Calls that belong together: cores for each, their environment, and how many have room; -1: not looked yet."""

    cores: int
    environment: dict
    room: int = -1


@dataclass
class _Call:
    stream: int
    index: int
    packed: bytes
    tries: int = 0
    cores: float = 0.0


def drive(address: str, pipe) -> None:
    """Serve one `Cluster` until it closes the pipe."""
    leave_with_the_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when it is over
    _be_silent()
    try:
        driver = _Driver(address, pipe)
    except Exception as error:
        pipe.send(_line(error))
        return
    pipe.send("")
    try:
        driver.work()
    except (EOFError, OSError):
        driver.ray.shutdown()


def _be_silent() -> None:
    """What Ray prints about its own affairs would stand between results; it has log files too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, ValueError):
        return False
    return True


class _Driver:
    def __init__(self, address: str, pipe):
        if address and address != "auto" and not _answers(address):
            raise ConnectionError("nothing answers there; ray start --head starts one and prints its address")
        import ray

        # Without a word Ray would join what was last started on this machine.
        address = address or os.environ.get("RAY_ADDRESS") or "local"
        here = {"include_dashboard": False} if address == "local" else {}
        ray.init(address=address, log_to_driver=False, logging_level="CRITICAL", **here)

        self.ray, self.pipe, self.remote = ray, pipe, ray.remote(call)
        self.near = [ray.get_runtime_context().gcs_address, self._machine_here()]
        self.streams: dict[int, _Stream] = {}
        self.calls: dict[object, _Call] = {}
        self.again: list[_Call] = []
        self.ended: SimpleQueue = SimpleQueue()
        self.ear, self.bell = os.pipe()
        self.looked = self.computed = time.monotonic()
        self.silent, self.largest = 0, 1.0
        self.messages: SimpleQueue = SimpleQueue()
        threading.Thread(target=self._tell, daemon=True).start()

    def _tell(self) -> None:
        """Send messages to the parent, in a thread of their own: while large ones wait for the parent to read, this
        process must read what it sends, or both would wait forever."""
        with suppress(OSError):  # it has gone; `work` sees that too
            while True:
                self.pipe.send(self.messages.get())

    def _machine_here(self) -> str:
        """Where the part of Ray answers through which this process reaches the others."""
        own = self.ray.get_runtime_context().get_node_id()
        node = next(node for node in self.ray.nodes() if node["NodeID"] == own)
        return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"

    def _answers(self) -> bool:
        return all(_answers(address) for address in self.near)

    def work(self) -> None:
        """Until the pipe ends."""
        while True:
            ready = wait([self.pipe, self.ear], LOOK if self.streams else None)
            if self.ear in ready:
                os.read(self.ear, 4096)
                while not self.ended.empty():
                    self._give(*self.ended.get())
            while self.pipe.poll():
                self._take(*self.pipe.recv())
            if self.streams and time.monotonic() - self.looked > LOOK:
                self._look()

    def _take(self, kind: str, number: int, *rest) -> None:
        if kind == "begin":
            self.streams[number] = _Stream(*rest)
            self._look()
        elif kind == "call":
            self._start(_Call(number, *rest))
        else:
            self.streams.pop(number)
            for reference in [r for r, one in self.calls.items() if one.stream == number]:
                self.calls.pop(reference)
                self.ray.cancel(reference, force=True)
            self.again = [one for one in self.again if one.stream != number]

    def _start(self, one: _Call) -> None:
        stream = self.streams[one.stream]
        one.cores = min(stream.cores, self.largest)
        remote = self.remote.options(num_cpus=one.cores, max_retries=0)
        reference = remote.remote(one.packed, stream.environment)
        self.calls[reference] = one
        reference.future().add_done_callback(lambda future: self._ring(reference, future))

    def _ring(self, reference, future) -> None:
        """Comes in a thread of Ray's."""
        self.ended.put((reference, future))
        os.write(self.bell, b"!")

    def _give(self, reference, future) -> None:
        """Send on what came of a call, or make it again if its machine or worker died."""
        one = self.calls.pop(reference, None)
        if one is None:  # of a stream that has been left
            return
        errors = self.ray.exceptions
        try:
            status, value = "", future.result()
        except errors.RayTaskError as error:
            status = "died"
            value = f"a machine of the cluster cannot do it ({_line(error.cause)}); install matrepro there"
        except errors.RayError as error:
            # Until Ray knows that a machine is dead, it sends calls there.
            one.tries += not isinstance(error, errors.LocalRayletDiedError | errors.NodeDiedError)
            if one.tries < TRIES:
                return self.again.append(one)
            status = "died"
            value = f"its worker died {TRIES} times, for want of memory perhaps ({type(error).__name__})"
        self.messages.put(("done", one.stream, one.index, status, value))

    def _look(self) -> None:
        """How much room the machines have now; this process ends where the cluster does not answer any more."""
        self.looked = time.monotonic()
        self.silent = 0 if self._answers() else self.silent + 1
        if self.silent:
            # To ask Ray for its machines would wait for an answer.
            return self._leave() if self.silent >= SILENT else None
        cores = [node["Resources"].get("CPU", 0.0) for node in self.ray.nodes() if node["Alive"]]
        if not any(cores) and time.monotonic() - self.computed > PATIENCE:
            self._leave()
        if any(cores):
            self.computed, self.largest = time.monotonic(), max(cores)
            # Calls for which no machine is large enough any more would wait for ever.
            for reference in [r for r, one in self.calls.items() if one.cores > self.largest]:
                one = self.calls.pop(reference)
                self.ray.cancel(reference, force=True)
                self._start(one)
        again, self.again = self.again, []
        for one in again:
            self._start(one)
        for number, stream in self.streams.items():
            room = sum(int(have // min(stream.cores, self.largest)) for have in cores)
            if room != stream.room:
                stream.room = room
                self.messages.put(("room", number, room))

    def _leave(self) -> None:
        """Not through Ray, which would wait for its cluster."""
        sys.stdout.flush()
        os._exit(1)
