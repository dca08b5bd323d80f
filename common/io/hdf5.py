"""HDF5 files, read behind one guard and written atomically."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from common.errors import UserError
from common.io.files import reason_of, refuse_special, replacing

if TYPE_CHECKING:
    import h5py

#: What h5py, numpy and the decoding of text raise where a file is damaged or has another layout.
DAMAGE = (
    KeyError,
    OSError,
    TypeError,
    ValueError,
    AttributeError,
    IndexError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


def open_hdf5(path: str | Path) -> h5py.File:
    """Open for reading; a missing, truncated or foreign file is a `UserError` that names it."""
    import h5py

    if not Path(path).exists():
        raise UserError(f"{path} does not exist")
    refuse_special(path)
    try:
        return h5py.File(path, "r")
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{path} is not a readable HDF5 file, truncated perhaps; fetch it again ({reason_of(error)})"
        ) from None


@contextmanager
def guarded(path: str | Path) -> Iterator[None]:
    """Whatever damage is met while reading `path` becomes one line that names the file."""
    try:
        yield
    except DAMAGE as error:
        reason = str(error.args[0]) if isinstance(error, KeyError) and error.args else reason_of(error)
        raise UserError(f"{path} is damaged or has another layout ({reason}); fetch or write it again") from None


@contextmanager
def reading_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """An open file for one block of reading, behind the guard."""
    with open_hdf5(path) as file, guarded(path):
        yield file


def cached_dataset(file: h5py.File, name: str, size: int = 2**26) -> h5py.Dataset:
    """A dataset that keeps up to `size` bytes of decompressed chunks.

    HDF5 keeps one megabyte by default, so rows read in any other order than that of the file would each cost the
    decompression of a chunk: 3 ms a crystal.
    """
    import h5py

    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(10007, size, 0.75)
    return h5py.Dataset(h5py.h5d.open(file.id, name.encode(), access))


def hdf5_image(write: Callable[[h5py.File], None], onto: bytes = b"") -> memoryview:
    """The bytes of a file that `write` fills, or adds to where `onto` has the bytes of one."""
    import h5py

    image = io.BytesIO(onto)
    with h5py.File(image, "r+" if onto else "w") as file:
        write(file)
    return image.getbuffer()


@contextmanager
def writing_hdf5(path: str | Path, *, onto: bytes = b"") -> Iterator[h5py.File]:
    """A file made in memory and then written: HDF5 itself can crash the process on a full disk.

    `onto`: the bytes of a file to which something is added.
    """
    import h5py

    image = io.BytesIO(onto)
    with h5py.File(image, "r+" if onto else "w") as file:
        yield file
    with replacing(path) as temporary:
        temporary.write_bytes(image.getbuffer())
