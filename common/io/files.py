"""Files written atomically, with one clear line on failure."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import UserError


def cache_root() -> Path:
    """`MATREPRO_CACHE`, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matrepro"
    return Path(os.environ.get("MATREPRO_CACHE", default))


def reason_of(error: Exception) -> str:
    """One line; HDF5 buries the system's message in a long text."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    buried = re.search(r"error message = '([^']+)'", text)
    return buried.group(1) if buried else text.splitlines()[0]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well, and vanishes otherwise.

    A device, a pipe or a link like /dev/stdout is no file to be replaced and is written directly.
    """
    path = Path(path)
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file")
    is_special = path.exists() and not path.is_file()
    if is_special or (path.is_symlink() and path.parts[:2] == ("/", "dev")):
        try:
            yield path
        except OSError as error:
            raise UserError(f"cannot write {path}: {reason_of(error)}") from None
        return
    temporary = path.with_name(f".{os.getpid()}.{path.name}")  # Keras needs the ending
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {reason_of(error)}; free some space or choose another place") from None
    finally:
        with suppress(OSError):
            temporary.unlink()


def refuse_special(path: str | Path) -> None:
    """Named pipes, sockets and devices as input are an error: reading them could block or never end."""
    path = Path(path)
    try:
        kind = path.stat().st_mode
    except OSError:
        return  # missing or not accessible, which opening it reports
    if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or stat.S_ISBLK(kind) or stat.S_ISCHR(kind):
        raise UserError(f"{path} is a pipe, socket or device, not a file; save its content to a file first")


def file_digest(path: str | Path) -> str:
    """A hash of the bytes of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def bytes_digest(data: bytes | memoryview) -> str:
    """The same hash of bytes in memory."""
    return hashlib.sha256(data).hexdigest()[:16]


def sweep(folder: str | Path) -> None:
    """Remove the temporary files of writers that were killed; for folders that one process alone writes."""
    for left in Path(folder).glob(".[0-9]*.*"):
        left.unlink()


def write_text(path: str | Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
