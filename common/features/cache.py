"""Features on disk, keyed by the content of the structure, so that no crystal is featurized twice.

A cache is a folder of shards, each one HDF5 file that is written whole and never changed: a killed run loses
at most the shard it was making, and two processes may fill one cache at the same time.
"""

from __future__ import annotations

import hashlib
import os
import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.compute.executor import map_tasks
from common.data.densities import densities_key
from common.data.materials import MaterialsDataset, crystal_key
from common.errors import UserError
from common.features.featurized import Featurized
from common.features.ragged import Flat, Ragged, ShardedRagged
from common.io.hdf5 import open_hdf5, writing_hdf5
from common.io.progress import progress

SHARD = 2048
CHUNK = 64


def cache_root() -> Path:
    """`MATREPRO_CACHE`, or the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "matrepro"
    return Path(os.environ.get("MATREPRO_CACHE", default))


class FeatureCache:
    """Ragged features of crystals by content key, for one featurizer `name` (which carries its version).

    `on_disk` leaves them in their files, for features that are larger than memory; such shards are smaller too.
    """

    def __init__(self, name: str, root: Path | None = None, *, on_disk: bool = False):
        self.folder = (root or cache_root()) / "features" / name
        self.on_disk = on_disk
        self._where: dict[str, tuple[int, int]] = {}
        self._parts: list[Ragged | _Shard] = []
        for path in sorted(self.folder.glob("[!.]*.h5")):
            try:
                self._add(*_open_shard(path, on_disk=on_disk))
            except (UserError, KeyError, OSError):
                warnings.warn(f"{path} is damaged and is left out; delete it", stacklevel=2)

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __len__(self) -> int:
        return len(self._where)

    def _add(self, keys: Sequence[str], part: Ragged | _Shard) -> None:
        self._where.update({key: (len(self._parts), i) for i, key in enumerate(keys)})
        self._parts.append(part)

    def put(self, keys: list[str], part: Ragged) -> None:
        """Keep features; where the folder cannot be written they live in memory for this run."""
        path = self.folder / f"{uuid.uuid4().hex}.h5"
        try:
            _write_shard(path, keys, part)
            keys, part = _open_shard(path, on_disk=self.on_disk)
        except UserError as error:
            warnings.warn(f"features are not cached: {error} (or set MATREPRO_CACHE)", stacklevel=2)
        self._add(keys, part)

    def get(self, keys: list[str]) -> Ragged:
        """Their features in this order. One shard at a time is in memory."""
        where = np.array([self._where[key] for key in keys])
        taken, order = [], []
        for part in np.unique(where[:, 0]):
            rows = np.flatnonzero(where[:, 0] == part)
            found = self._parts[part]
            taken.append((found if isinstance(found, Ragged) else found.load()).take(where[rows, 1]))
            order.append(rows)
        if len(taken) == 1:
            return taken[0]
        return Ragged.concatenate(taken).take(np.argsort(np.concatenate(order)))

    def find(self, keys: list[str]) -> ShardedRagged:
        """As `get`, but nothing is read yet."""
        return ShardedRagged(self._parts, [self._where[key] for key in keys])


def featurize(
    table: MaterialsDataset,
    name: str,
    function: Callable,
    *,
    jobs: int = 1,
    of: str = "structure",
    on_disk: bool = False,
) -> Featurized:
    """`function` of every structure of `table`, from the cache where it is there.

    of: "structure", "formula", or "densities" with energies from the Fermi level, "absolute densities" with absolute
    ones, where the table has both. on_disk: see `FeatureCache`; the result is then `ShardedRagged`.
    `function` returns named one-dimensional arrays and raises `UserError` on what it cannot take.
    """
    if table.packed:
        return table.packed(name, table, on_disk=on_disk)
    if of == "structure" and not table.has_structures:
        raise UserError(f"{table.origin or 'table'} has formulas only; this model needs structures")
    if of.endswith("densities") and not table.has_densities:
        raise UserError(f"{table.origin or 'table'} has no densities of states; this model needs them")
    read, key_of = {
        "structure": (table.structure, crystal_key),
        "formula": (lambda row: str(table.formulas[row]), _text_key),
        "densities": (table.dos, densities_key),
        "absolute densities": (partial(table.dos, aligned=False), densities_key),
    }[of]
    cache = FeatureCache(name, on_disk=on_disk)
    size = SHARD // 8 if on_disk else SHARD
    keys, bad = {}, {}
    for row in range(len(table)):
        try:
            keys[row] = key_of(read(row))
        except UserError as error:
            bad[str(table.ids[row])] = str(error)
    missing = sorted({key: row for row, key in reversed(keys.items()) if key not in cache}.values())
    failed: dict[str, str] = {}
    with progress(total=len(missing), desc=name, unit=of.split()[-1]) as bar:
        for start in range(0, len(missing), size):
            shard = missing[start : start + size]
            good_keys, made = [], []
            try:
                for row, result in zip(shard, map_rows(function, read, shard, jobs, bar), strict=True):
                    if isinstance(result, str):
                        failed[keys[row]] = result
                    else:
                        good_keys.append(keys[row])
                        made.append(result)
            finally:  # also where the machines that work for this one are gone
                if made:
                    cache.put(good_keys, Ragged.stack(made))
    bad |= {str(table.ids[row]): failed[key] for row, key in keys.items() if key in failed}
    good = [row for row, key in keys.items() if key not in failed]
    features = (cache.find if on_disk else cache.get)([keys[row] for row in good]) if good else None
    good = np.array(good, dtype=np.int64)
    for made in _recorders:
        made[name] = features, table.ids[good], bad
    return Featurized(features, good, bad)


#: Those who listen to `featurize`.
_recorders: list[dict] = []


@contextmanager
def recording() -> Iterator[dict[str, tuple]]:
    """What `featurize` gives within the block: name -> features, ids of the good rows, id -> reason for bad ones."""
    made: dict[str, tuple] = {}
    _recorders.append(made)
    try:
        yield made
    finally:
        _recorders.remove(made)


def each_formula(table: MaterialsDataset, function: Callable) -> Featurized:
    """`function` of every formula of `table`, not cached: for what takes less time than a look-up.

    The features are a list of results.
    """
    made, good, bad = [], [], {}
    for row, formula in enumerate(table.formulas.tolist()):
        try:
            made.append(function(formula))
            good.append(row)
        except UserError as error:
            bad[str(table.ids[row])] = str(error)
    return Featurized(made or None, np.array(good, dtype=np.int64), bad)


def _text_key(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def map_rows(function, read, rows: list[int], jobs: int, bar):
    """Results (or the text of a `UserError`) in order, over `jobs` processes or the machines of a cluster."""
    chunks = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
    work = ((function, [read(r) for r in chunk]) for chunk in chunks)
    for results in map_tasks(_run_chunk, work, jobs):
        bar.update(len(results))
        yield from results


def _run_chunk(function, items: list) -> list:
    results = []
    for item in items:
        try:
            results.append(function(item))
        except UserError as error:
            results.append(str(error))
    return results


def _write_shard(path: Path, keys: list[str], part: Ragged) -> None:
    with writing_hdf5(path) as file:
        file["key"] = np.frombuffer(bytes.fromhex("".join(keys)), dtype=np.uint8).reshape(len(keys), -1)
        for name, flat in part.fields.items():
            file[f"{name}/values"] = flat.values
            # Lengths are small numbers that repeat; offsets would not compress.
            file.create_dataset(f"{name}/length", data=np.diff(flat.offset).astype(np.uint32), compression="gzip")


class _Shard(NamedTuple):
    """A file of features that is read when it is asked for."""

    path: Path

    def load(self) -> Ragged:
        return _read_shard(self.path)[1]


def _open_shard(path: Path, *, on_disk: bool) -> tuple[Sequence[str], Ragged | _Shard]:
    if on_disk:
        return _read_shard(path, on_disk=True)
    stamp = path.stat()
    return _keys_of(path, stamp.st_size, stamp.st_mtime_ns), _Shard(path)


@lru_cache(maxsize=4096)
def _keys_of(path: Path, size: int, written: int) -> tuple[str, ...]:
    """The keys of a shard, which is checked and does not change; tables that are worked off in pieces ask often."""
    return tuple(_read_shard(path)[0])


def _read_shard(path: Path, *, on_disk: bool = False) -> tuple[list[str], Ragged]:
    file = open_hdf5(path)
    try:
        keys = [row.tobytes().hex() for row in file["key"][:]]
        fields = {}
        for name in file:
            if name != "key":
                offset = np.concatenate([[0], np.cumsum(file[f"{name}/length"][:].astype(np.int64))])
                values = file[f"{name}/values"]
                fields[name] = Flat(values if on_disk else values[:], offset)
    finally:
        if not on_disk:
            file.close()
    if not fields or any(len(f) != len(keys) or len(f.values) != f.offset[-1] for f in fields.values()):
        raise UserError(f"{path} is no shard of features")
    return keys, Ragged(fields)
