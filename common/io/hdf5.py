"""HDF5 and other files: opened with one clear line on failure, written whole or not at all."""

from __future__ import annotations

import io
from contextlib import contextmanager
from pathlib import Path

from common.errors import UserError
from common.io.files import reason_of, replacing


def open_hdf5(path: str | Path):
    """Open for reading; a missing, truncated or foreign file is a `UserError` that names it."""
    import h5py

    if not Path(path).exists():
        raise UserError(f"{path} does not exist")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UserError(
            f"{path} is not a readable HDF5 file, truncated perhaps; fetch it again ({reason_of(error)})"
        ) from None


def cached_dataset(file, name: str, size: int = 2**26):
    """A dataset that keeps up to `size` bytes of decompressed chunks.

    HDF5 keeps one megabyte by default, so rows read in any other order than that of the file would each cost the
    decompression of a chunk: 3 ms a crystal.
    """
    import h5py

    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_chunk_cache(10007, size, 0.75)
    return h5py.Dataset(h5py.h5d.open(file.id, name.encode(), access))


@contextmanager
def writing_hdf5(path: str | Path, *, onto: bytes = b""):
    """A file made in memory and then written: HDF5 itself, met by a full disk, can take the process with it.

    `onto`: the bytes of a file to which something is added.
    """
    import h5py

    image = io.BytesIO(onto)
    with h5py.File(image, "r+" if onto else "w") as file:
        yield file
    with replacing(path) as temporary:
        temporary.write_bytes(image.getbuffer())
