"""HDF5 and other files: opened with one clear line on failure, written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError


def open_hdf5(path: str | Path):
    """Open for reading; a missing, truncated or foreign file is a `UserError` that names it."""
    import h5py

    if not Path(path).exists():
        raise UserError(f"{path} does not exist")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is not a readable HDF5 file, truncated perhaps; fetch it again ({reason})") from None


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well, and vanishes otherwise."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write {path}: {reason}; free some space or choose another place") from None
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def writing_hdf5(path: str | Path):
    import h5py

    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        yield file


def write_text(path: str | Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text)
