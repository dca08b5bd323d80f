"""One run at a time: others are refused, or wait for their turn."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError
from common.io.messages import note


@contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Make the folder, and refuse to share it with another run, which would do all work twice."""
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")  # noqa: SIM115
    except OSError as error:
        raise UserError(f"cannot write in {folder}: {error.strerror}; choose another place") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another run is at work in {folder}; wait for its end") from None
        yield


@contextmanager
def in_turn(lock: str | Path, what: str) -> Iterator[None]:
    """Wait for another process that fetches the same, then find its work done. A killed one leaves no lock behind."""
    lock = Path(lock)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"another process fetches {what}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
