"""Arrays of differing length, one per material, stored flat: the form in which features are cached and trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


class Ragged:
    """Named fields of `n` rows; row i of a field is a one-dimensional array of any length.

    >>> r = Ragged.stack([{"species": np.array([3, 8])}, {"species": np.array([14])}])
    >>> r.field("species").row(1)
    array([14])
    """

    def __init__(self, fields: dict[str, Flat]):
        self.fields = fields
        self.n = len(next(iter(fields.values())))

    @classmethod
    def stack(cls, rows: Sequence[dict[str, np.ndarray]]) -> Ragged:
        return cls({name: Flat.stack([row[name] for row in rows]) for name in rows[0]})

    @classmethod
    def concatenate(cls, parts: Iterable[Ragged]) -> Ragged:
        parts = list(parts)
        return cls({name: Flat.concatenate([p.fields[name] for p in parts]) for name in parts[0].fields})

    def __len__(self) -> int:
        return self.n

    def field(self, name: str) -> Flat:
        return self.fields[name]

    def take(self, rows: np.ndarray) -> Ragged:
        return Ragged({name: flat.take(rows) for name, flat in self.fields.items()})


class ShardedRagged:
    """Rows of several shards, which may be files: shard and row within it for each."""

    def __init__(self, parts: Sequence[Ragged], where: Sequence[tuple[int, int]]):
        self.parts, self.where = parts, where

    def __len__(self) -> int:
        return len(self.where)

    def take(self, rows: np.ndarray) -> ShardedRagged:
        return ShardedRagged(self.parts, [self.where[row] for row in rows])

    def row(self, name: str, i: int) -> np.ndarray:
        part, place = self.where[i]
        return self.parts[part].field(name).row(place)


class Flat:
    """One field: `values` (total,), which may be a dataset of an HDF5 file, and `offset` (n + 1,)."""

    def __init__(self, values: np.ndarray, offset: np.ndarray):
        self.values, self.offset = values, offset

    @classmethod
    def stack(cls, rows: Sequence[np.ndarray]) -> Flat:
        lengths = [len(row) for row in rows]
        return cls(np.concatenate(rows), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence[Flat]) -> Flat:
        lengths = np.concatenate([np.diff(p.offset) for p in parts])
        return cls(np.concatenate([p.values for p in parts]), np.concatenate([[0], np.cumsum(lengths)]))

    def __len__(self) -> int:
        return len(self.offset) - 1

    def row(self, i: int) -> np.ndarray:
        return self.values[self.offset[i] : self.offset[i + 1]]

    def take(self, rows: np.ndarray) -> Flat:
        return Flat.stack([self.row(i) for i in rows]) if len(rows) else Flat(self.values[:0], np.zeros(1, np.int64))
