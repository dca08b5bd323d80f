"""Featurizers, their results, and the stores that results come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from common.data.materials import MaterialsDataset


@dataclass(frozen=True)
class Featurized:
    """Features of the valid rows of a dataset.

    features: such as a `Ragged`, an object with `batch(rows)` or a list; None if no row is valid. rows: (n,) numbers of
    the valid rows, in the order of the features. errors: id -> reason for all other rows.
    """

    features: Any
    rows: np.ndarray
    errors: dict[str, str]

    def map(self, function: Callable[[Any], Any]) -> Featurized:
        """The same rows with `function(features)`, where there are any."""
        return self if self.features is None else replace(self, features=function(self.features))

    def select(self, places: Sequence[int] | np.ndarray, errors: dict[str, str]) -> Featurized:
        """Only the features at these places; `errors` are those of the rows that are dropped."""
        wanted = np.asarray(places, dtype=np.int64)
        features = self.features.take(wanted) if len(wanted) else None
        return Featurized(features, self.rows[wanted], self.errors | errors)


@dataclass(frozen=True)
class Featurizer:
    """A function from one material to named one-dimensional arrays; it raises `UserError` on what it refuses.

    name: carries its version and settings, since features are stored under it. of: "structure", "formula", or
    "densities" with energies from the Fermi level, "absolute densities" with absolute ones, where a dataset has both.
    on_disk: whether features stay in their files until a row is read, for those that are larger than memory.
    """

    name: str
    function: Callable[[Any], dict[str, np.ndarray]]
    of: str = "structure"
    on_disk: bool = False


class FeatureStore(Protocol):
    """Where features come from: the disk cache, which computes what it lacks, or a file of features made elsewhere."""

    def featurize(self, dataset: MaterialsDataset, featurizer: Featurizer, jobs: int = 1) -> Featurized: ...


class RecordingStore:
    """A store that also remembers its results: name of the featurizer -> result and ids of the valid rows."""

    def __init__(self, store: FeatureStore):
        self.store = store
        self.made: dict[str, tuple[Featurized, np.ndarray]] = {}

    def featurize(self, dataset: MaterialsDataset, featurizer: Featurizer, jobs: int = 1) -> Featurized:
        made = self.store.featurize(dataset, featurizer, jobs)
        self.made[featurizer.name] = made, dataset.ids[made.rows]
        return made
