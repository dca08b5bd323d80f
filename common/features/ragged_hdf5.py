"""Ragged arrays in a group of an HDF5 file: <field>/values and <field>/length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from common.errors import UserError
from common.features.ragged import Flat, Ragged
from common.io.hdf5 import cached_dataset

if TYPE_CHECKING:
    import h5py

#: Bytes of a compressed chunk; a row of the largest features, densities of states, has 54 kB.
CHUNK = 2**18


def write_ragged(group: h5py.Group, ragged: Ragged, *, compress: bool = False) -> None:
    for name, flat in ragged.fields.items():
        # Lengths are small numbers that repeat; offsets would not compress.
        group.create_dataset(f"{name}/length", data=np.diff(flat.offset).astype(np.uint32), compression="gzip")
        options = {}
        if compress and len(flat.values):
            chunk = (max(1, min(len(flat.values), CHUNK // flat.values.dtype.itemsize)),)
            options = {"chunks": chunk, "compression": "gzip", "shuffle": True}
        group.create_dataset(f"{name}/values", data=flat.values, **options)


def read_ragged(group: h5py.Group, names: Iterable[str], n: int, *, on_disk: bool = False) -> Ragged:
    """These fields of `n` rows; `on_disk` leaves the values in the file until a row is read."""
    fields = {}
    for name in names:
        length = group[f"{name}/length"][:].astype(np.int64)
        values = group[f"{name}/values"]
        if len(length) != n or values.ndim != 1 or length.sum() != len(values) or (n and length.min() < 0):
            raise UserError(f"{group.file.filename}: the rows of {name} do not fit its values; write the file again")
        offset = np.concatenate([[0], np.cumsum(length)])
        fields[name] = Flat(cached_dataset(group.file, values.name) if on_disk else values[:], offset)
    if not fields:
        raise UserError(f"{group.file.filename} has no features; write the file again")
    return Ragged(fields)
