"""Read a foreign HDF5 file in a child process first: the HDF5 library can crash or never end on a damaged one."""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import time
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError
from common.io.compressed import limit, too_large
from common.io.files import refuse_special

if TYPE_CHECKING:
    import h5py

#: Processor time of the child: so many seconds, and one more for so many bytes. Bytes of memory that it may use.
SECONDS, SPEED, MEMORY = 20, 2**23, 2**30
#: Data up to so many bytes are read; of larger datasets the first row alone, whose place the file's index tells.
READ = 2**26
#: Datasets may be so many times as large as their file; more is what compression or a false size in a header makes.
RATIO = 100
#: Seconds by the clock after which a child is stopped, whatever keeps it.
PATIENCE = 120
#: Seconds between two questions whether a child has ended.
POLL = 0.1
#: Exit status of a child that found the file too large, and of one that met an error, which the parent will meet too.
TOO_LARGE, REFUSED = 3, 4


def probe(path: str | Path) -> None:
    """Refuse a file on which the HDF5 library crashes, does not end, or would fill the memory.

    Systems without `fork`, such as Windows, have no such child; there the file is opened as it is.
    """
    refuse_special(path)
    if not hasattr(os, "fork"):
        return
    with suppress(OSError):  # which opening the file reports
        status = os.stat(path)
        _probe(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _probe(path: str, size: int, written: int) -> None:
    """Once for a file; `written` tells it from the one that replaces it."""
    import h5py  # noqa: F401  # the child inherits it

    here, there = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of threads, which the child does not use
        child = os.fork()
    if not child:
        os._exit(_read(path, size))
    os.close(there)
    try:
        code = os.waitstatus_to_exitcode(_status_of(child, here, PATIENCE + size // SPEED))
    finally:
        os.close(here)
    if code == TOO_LARGE:
        raise UserError(f"{path} is {too_large(limit())}")
    if code < 0:
        what = "takes too long to read" if -code in (signal.SIGXCPU, signal.SIGKILL) else "makes the HDF5 library crash"
        raise UserError(f"{path} is damaged: it {what}; fetch or write it again")


def _status_of(child: int, pipe: int, seconds: float) -> int:
    """How a child ended, which closes its end of the pipe; it is killed after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        select.select([pipe], [], [], POLL)  # another child of this process may hold the pipe open
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.0005)  # between the end of the pipe and that of the process


def _read(path: str, size: int) -> int:
    """The work of the child; nothing may leave it but its exit status."""
    try:
        import resource

        faulthandler.disable()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            seconds = SECONDS + size // SPEED
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (_address_space() + MEMORY, resource.RLIM_INFINITY))
        import h5py

        with h5py.File(path, "r") as file:
            return _visit(file, max(limit(), RATIO * size))
    except BaseException:
        return REFUSED


def _address_space() -> int:
    """Of this process, in bytes, where the system tells it; nearly no limit elsewhere."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 2**46


def _visit(file: h5py.File, most: int) -> int:
    """Read attributes and small data of all objects."""
    import h5py

    large, read = 0, 0
    names: list[str] = []
    file.visit(names.append)  # the objects are opened outside of HDF5's own loop, so that errors are no crashes
    for name in ["/", *names]:
        with suppress(Exception):  # damage that the library notices does not end the search for what it does not
            thing = file[name]
            for key in list(thing.attrs):
                with suppress(Exception):
                    thing.attrs[key]
            if isinstance(thing, h5py.Dataset):
                large += thing.nbytes
                if large > most:
                    return TOO_LARGE
                if (read := read + thing.nbytes) <= READ or not thing.ndim:
                    thing[()]
                elif len(thing):
                    thing[:1]
    return 0
