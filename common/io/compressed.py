"""Read plain and compressed files as a stream that ends at a limit, so that a small file cannot fill the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from common.errors import UserError
from common.io.files import refuse_special

#: Ending -> function that opens such a file for reading bytes.
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
#: What a damaged file raises while it is read.
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError)
#: Environment variable that raises the limit, and the limit, in MB of decompressed content.
VARIABLE, LIMIT = "MATREPRO_MAX_MB", 256.0


def limit() -> int:
    """Bytes that a compressed file may have when it is decompressed."""
    text = os.environ.get(VARIABLE, "") or str(LIMIT)
    try:
        megabytes = float(text)
        if not 0 < megabytes < float("inf"):
            raise ValueError
    except ValueError:
        raise UserError(f"{VARIABLE}={text} is not a number of MB above zero; correct or unset it") from None
    return int(megabytes * 1e6)


class _Limited(io.RawIOBase):
    """A decompressing stream that raises an error where its position passes the limit."""

    def __init__(self, file: BinaryIO, path: Path, most: int):
        self.file, self.path, self.most = file, path, most

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        data = self.file.read(len(buffer))
        if self.file.tell() > self.most:
            raise UserError(f"{self.path} is {too_large(self.most)}")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def is_compressed(path: str | Path) -> bool:
    return Path(path).suffix.lower() in OPENERS


def open_bytes(path: str | Path) -> BinaryIO:
    """A file for reading, decompressed by its ending; pipes, sockets and devices are refused."""
    path = Path(path)
    refuse_special(path)
    if not is_compressed(path):
        return open(path, "rb")
    file = cast(BinaryIO, OPENERS[path.suffix.lower()](path, "rb"))
    return cast(BinaryIO, io.BufferedReader(_Limited(file, path, limit()), 2**16))


def check_size(path: str | Path, check: Callable[[bytes], object] = len) -> None:
    """Refuse a file that is read by a library of its own: special ones, and compressed ones beyond the limit.

    check: called with each megabyte of the content; it raises an error where it finds something to refuse.
    """
    if Path(path).exists():
        with open_bytes(path) as file:
            while data := file.read(2**20):
                check(data)


def check_archive(file: Any, name: object) -> None:
    """Refuse a zip file, such as .npz, whose members are larger than the limit when decompressed."""
    with zipfile.ZipFile(file) as members:
        if sum(one.file_size for one in members.infolist()) > limit():
            raise UserError(f"{name}: {too_large(limit())}")


def too_large(most: int) -> str:
    """What the message of a file beyond the limit says of it."""
    hint = f"raise the limit with {VARIABLE}=N (in MB) if that is right"
    return f"larger than {most / 1e6:,.0f} MB when decompressed; {hint}"


def open_text(path: str | Path, *, encoding: str = "utf-8", errors: str = "strict") -> TextIO:
    """The same as text, with line ends as they are."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, errors=errors, newline="")
