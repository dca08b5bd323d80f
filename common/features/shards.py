"""Shards of the feature cache: HDF5 files that are written once, named by a hash of their content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from common.errors import UserError
from common.features.ragged import Ragged
from common.features.ragged_hdf5 import read_ragged, write_ragged
from common.io.files import bytes_digest, file_digest, replacing
from common.io.hdf5 import guarded, hdf5_image, open_hdf5

if TYPE_CHECKING:
    import h5py

#: The hash in the name of a shard. Those of earlier versions have a random name and are not verified.
HASHED = re.compile(r"[0-9a-f]{16}")


class Shard(NamedTuple):
    """A file of features that is read when it is asked for."""

    path: Path

    def load(self) -> Ragged:
        return read_shard(self.path)[1]


def write_shard(folder: Path, keys: Sequence[str], ragged: Ragged) -> Path:
    def write(file: h5py.File) -> None:
        file["key"] = np.frombuffer(bytes.fromhex("".join(keys)), dtype=np.uint8).reshape(len(keys), -1)
        write_ragged(file, ragged)

    image = hdf5_image(write)
    path = folder / f"{bytes_digest(image)}.h5"
    with replacing(path) as temporary:
        temporary.write_bytes(image)
    return path


def open_shard(path: Path, *, on_disk: bool) -> tuple[Sequence[str], Ragged | Shard]:
    """The keys and features of a shard, whose checksum is verified once a process."""
    stamp = path.stat()
    keys = _verified_keys(path, stamp.st_size, stamp.st_mtime_ns)
    return (keys, read_shard(path, on_disk=True)[1]) if on_disk else (keys, Shard(path))


@lru_cache(maxsize=4096)
def _verified_keys(path: Path, size: int, written: int) -> tuple[str, ...]:
    """Cached, since a dataset that is featurized in parts asks often, and a shard does not change."""
    if HASHED.fullmatch(path.stem) and file_digest(path) != path.stem:
        raise UserError(f"{path} does not have the checksum in its name")
    return tuple(read_shard(path, on_disk=True)[0])


def read_shard(path: Path, *, on_disk: bool = False) -> tuple[list[str], Ragged]:
    file = open_hdf5(path)
    try:
        with guarded(path):
            keys = [row.tobytes().hex() for row in file["key"][:]]
            return keys, read_ragged(file, (name for name in file if name != "key"), len(keys), on_disk=on_disk)
    finally:
        if not on_disk:
            file.close()
