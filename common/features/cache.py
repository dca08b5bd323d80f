"""Features on disk, keyed by the content of the structure, so that no crystal is featurized twice.

A cache is a folder of shards, each one HDF5 file that is written atomically and never changed: a killed run
loses at most the shard it was making, and two processes may fill one cache at the same time.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np

from common.compute.executor import map_rows
from common.data.densities import densities_key
from common.data.materials import MaterialsDataset, crystal_key
from common.errors import UserError
from common.features.featurized import FeatureStore, Featurized, Featurizer
from common.features.ragged import Ragged, ShardedRagged
from common.features.shards import Shard, open_shard, write_shard
from common.io.files import cache_root
from common.io.progress import progress

SHARD = 2048


class FeatureCache:
    """Ragged features of crystals by content key, for one featurizer `name` (which carries its version).

    `on_disk` leaves them in their files, for features that are larger than memory; such shards are smaller too.
    """

    def __init__(self, name: str, root: Path | None = None, *, on_disk: bool = False):
        self.folder = (root or cache_root()) / "features" / name
        self.on_disk = on_disk
        self._where: dict[str, tuple[int, int]] = {}
        self._parts: list[Ragged | Shard] = []
        for path in sorted(self.folder.glob("[!.]*.h5")):
            try:
                self._add(*open_shard(path, on_disk=on_disk))
            except (UserError, OSError):
                _discard(path)

    def __contains__(self, key: str) -> bool:
        return key in self._where

    def __len__(self) -> int:
        return len(self._where)

    def _add(self, keys: Sequence[str], part: Ragged | Shard) -> None:
        self._where.update({key: (len(self._parts), i) for i, key in enumerate(keys)})
        self._parts.append(part)

    def put(self, keys: list[str], part: Ragged) -> None:
        """Store features; where the folder cannot be written they stay in memory for this run."""
        try:
            self._add(*open_shard(write_shard(self.folder, keys, part), on_disk=self.on_disk))
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
        # With `on_disk` the shards are open files, whose values are read row by row.
        return ShardedRagged(cast(list[Ragged], self._parts), [self._where[key] for key in keys])


def _discard(path: Path) -> None:
    """Warn of a damaged shard and delete it, so that it is computed again; other files stay."""
    if re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{32}", path.stem):
        with suppress(OSError):
            path.unlink()
        warnings.warn(f"{path} is damaged; its features are computed again", stacklevel=3)
    else:
        warnings.warn(f"{path} is not a shard of features and is ignored; delete it", stacklevel=3)


class DiskCache:
    """The default store: features from the cache folder, where missing ones are computed and added."""

    def featurize(self, dataset: MaterialsDataset, featurizer: Featurizer, jobs: int = 1) -> Featurized:
        read, key_of = _reader(dataset, featurizer.of)
        cache = FeatureCache(featurizer.name, on_disk=featurizer.on_disk)
        keys, errors = {}, {}
        for row in range(len(dataset)):
            try:
                keys[row] = key_of(read(row))
            except UserError as error:
                errors[str(dataset.ids[row])] = str(error)
        missing = sorted({key: row for row, key in reversed(keys.items()) if key not in cache}.values())
        refused = _compute(cache, featurizer, read, {row: keys[row] for row in missing}, jobs)
        errors |= {str(dataset.ids[row]): refused[key] for row, key in keys.items() if key in refused}
        valid = [row for row, key in keys.items() if key not in refused]
        features = None
        if valid:
            features = (cache.find if featurizer.on_disk else cache.get)([keys[row] for row in valid])
        return Featurized(features, np.array(valid, dtype=np.int64), errors)


DISK_CACHE = DiskCache()


def featurize(
    dataset: MaterialsDataset,
    name: str,
    function: Callable[[Any], dict[str, np.ndarray]],
    *,
    jobs: int = 1,
    of: str = "structure",
    on_disk: bool = False,
    store: FeatureStore = DISK_CACHE,
) -> Featurized:
    """`function` of every material of `dataset`, from the store where it is there; see `Featurizer`."""
    return store.featurize(dataset, Featurizer(name, function, of, on_disk), jobs)


def _reader(dataset: MaterialsDataset, of: str) -> tuple[Callable[[int], Any], Callable[[Any], str]]:
    """How a row is read, and the function that gives its cache key."""
    if of == "structure" and not dataset.has_structures:
        raise UserError(f"{dataset.origin or 'dataset'} has formulas only; this model needs structures")
    if of.endswith("densities") and not dataset.has_densities:
        raise UserError(f"{dataset.origin or 'dataset'} has no densities of states; this model needs them")
    readers: dict[str, tuple[Callable[[int], Any], Callable[[Any], str]]] = {
        "structure": (dataset.structure, crystal_key),
        "formula": (lambda row: str(dataset.formulas[row]), _text_key),
        "densities": (dataset.dos, densities_key),
        "absolute densities": (partial(dataset.dos, aligned=False), densities_key),
    }
    return readers[of]


def _compute(
    cache: FeatureCache, featurizer: Featurizer, read: Callable[[int], Any], keys: dict[int, str], jobs: int
) -> dict[str, str]:
    """Add the features of these rows to the cache; returns key -> reason for those that are refused."""
    rows, refused = list(keys), {}
    size = SHARD // 8 if featurizer.on_disk else SHARD
    with progress(total=len(rows), desc=featurizer.name, unit=featurizer.of.split()[-1]) as bar:
        for start in range(0, len(rows), size):
            shard = rows[start : start + size]
            computed_keys, computed = [], []
            try:
                results = map_rows(featurizer.function, read, shard, jobs, bar)
                for row, result in zip(shard, results, strict=True):
                    if isinstance(result, str):
                        refused[keys[row]] = result
                    else:
                        computed_keys.append(keys[row])
                        computed.append(result)
            finally:  # also where the machines of a cluster are lost
                if computed:
                    cache.put(computed_keys, Ragged.stack(computed))
    return refused


def each_formula(table: MaterialsDataset, function: Callable[[str], Any]) -> Featurized:
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
