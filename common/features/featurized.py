"""The result of a featurizer: features of the materials it accepts, and why it refuses the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


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

    def select(self, places: np.ndarray, errors: dict[str, str]) -> Featurized:
        """Only the features at these places; `errors` are those of the rows that are dropped."""
        places = np.asarray(places, dtype=np.int64)
        features = self.features.take(places) if len(places) else None
        return Featurized(features, self.rows[places], self.errors | errors)
