"""From files as their publishers write them to the files that `common.sources.datadir` reads."""

from __future__ import annotations

import gzip
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from common.errors import UserError
from common.io.files import replacing
from common.io.messages import note
from common.io.text import as_csv
from common.sources import datadir
from common.sources.remote.registry import Entry


def make(entry: Entry, fetched: Sequence[Path], *, renew: bool = False) -> list[Path]:
    """The files that `entry` gives to the data directory; those that are there already stay, unless renewed."""
    if not entry.reader:
        return []
    there = [datadir.place(name) for name in entry.makes]
    if not renew and all(path.exists() for path in there):
        return there
    made = reader_of(entry)({path.name: path for path in fetched})
    for path in made:
        note(f"wrote {path}")
    return made


def reader_of(entry: Entry) -> Callable[[dict[str, Path]], list[Path]]:
    """The function that writes the files; a module without a dot is one of this package."""
    return pkgutil.resolve_name(entry.reader if "." in entry.reader else f"{__package__}.{entry.reader}")


def write_rows(name: str, header: Sequence[str], rows: Iterable[Sequence]) -> Path:
    """A CSV of the data directory, compressed where its name ends in .gz."""
    path = datadir.place(name)
    write_bytes(path, as_csv(header, list(rows)).encode())
    return path


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def unlike(path: Path, reason: str) -> UserError:
    """The error for a file that is whole and is not what its publisher used to give."""
    return UserError(f"{path}: {reason}; its publisher changed it, so the reader of it must change too")
