"""How far a material lies from the training set, as seen by the network: inside, edge or outside its domain.

The distance is that to the nearest of some training materials in the last hidden layer, along the directions in which
the training set varies most, each divided by its standard deviation. Two quantiles of the distances of held-out
materials separate the classes. A material with an element that no training material has is outside; one with two
elements that occur together in no training material is at the edge, if not outside.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from common.chem.pairs import Pairs, element_pairs, unseen_pairs

CLASSES = ("inside", "edge", "outside")
#: Quantiles of the held-out distances above which materials are at the edge, and outside.
QUANTILES = (0.8, 0.95)
#: Directions, and training materials to which distances are computed.
DIRECTIONS, LANDMARKS = 16, 512
#: The errors of materials outside must be so many times those inside for the classes to separate.
FACTOR = 2.0


@dataclass(frozen=True)
class Domain:
    """projection: (d, k) from the last hidden layer, after `centre` (d,) is subtracted. landmarks: (m, k). limits: the
    two distances. counts, errors: number and mean absolute error of the held-out materials of each class. pairs: of
    elements in training materials; none if unknown, as in models of earlier versions.
    """

    centre: np.ndarray
    projection: np.ndarray
    landmarks: np.ndarray
    limits: tuple[float, ...]
    counts: tuple[int, ...]
    errors: tuple[float, ...]
    pairs: Pairs | None = None

    @classmethod
    def of(
        cls,
        training: np.ndarray,
        held_out: np.ndarray,
        errors: np.ndarray,
        training_formulas: Iterable[str] = (),
        held_out_formulas: Sequence[str] = (),
    ) -> Self | None:
        """From hidden values (n, d) of training and held-out materials and the absolute errors of the latter.

        training_formulas: of all training materials; without them pairs of elements are not compared.

        None if there are too few materials, or if the hidden values are all the same.
        """
        if len(training) < 2 or not len(held_out):
            return None
        centre = training.mean(axis=0)
        _, widths, axes = np.linalg.svd(training - centre, full_matrices=False)
        k = min(DIRECTIONS, int((widths > 1e-6 * max(widths[0], 1e-30)).sum()), len(training) - 1)
        if widths[0] < 1e-12:
            return None
        projection = axes[:k].T / (widths[:k] / (len(training) - 1) ** 0.5)
        landmarks = ((training - centre) @ projection)[:LANDMARKS]
        single = (np.asarray(array, dtype=np.float32) for array in (centre, projection, landmarks))
        centre, projection, landmarks = single
        bare = cls(centre, projection, landmarks, (np.inf, np.inf), (), (), element_pairs(training_formulas) or None)
        distances = bare.distances(held_out)
        limits = tuple(float(f"{limit:.9g}") for limit in np.quantile(distances, QUANTILES))
        place = replace(bare, limits=limits)._places(distances, held_out_formulas)
        of_class = [np.asarray(errors)[place == number] for number in range(len(CLASSES))]
        means = tuple(float(f"{one.mean():.9g}") if len(one) else 0.0 for one in of_class)
        return replace(bare, limits=limits, counts=tuple(map(len, of_class)), errors=means)

    def distances(self, hidden: np.ndarray) -> np.ndarray:
        """Distance (n,) to the nearest landmark."""
        x = (hidden - self.centre) @ self.projection
        squares = (x**2).sum(axis=1)[:, None] + (self.landmarks**2).sum(axis=1) - 2 * x @ self.landmarks.T
        return np.sqrt(np.maximum(squares.min(axis=1), 0))

    def classes(
        self, hidden: np.ndarray, unseen: Sequence[str] | None = None, formulas: Sequence[str] = ()
    ) -> np.ndarray:
        """The class of each material; `unseen` has its elements that no training material has."""
        place = self._places(self.distances(hidden), formulas)
        if unseen is not None:
            place[[bool(symbols) for symbols in unseen]] = len(CLASSES) - 1
        return np.array(CLASSES)[place]

    def _places(self, distances: np.ndarray, formulas: Sequence[str]) -> np.ndarray:
        """Numbers of classes from distances and, where formulas are given, from pairs of elements."""
        place = np.searchsorted(self.limits, distances)
        if self.pairs is not None and len(formulas):
            strange = np.array([bool(unseen_pairs(text, self.pairs)) for text in formulas])
            place[strange] = np.maximum(place[strange], CLASSES.index("edge"))
        return place

    @property
    def separates(self) -> bool:
        """Whether held-out materials outside had clearly larger errors than those inside."""
        return bool(self.counts[-1]) and self.errors[-1] >= FACTOR * self.errors[0]

    def table(self) -> list[dict[str, Any]]:
        """Class, number and mean absolute error of the held-out materials."""
        rows = zip(CLASSES, self.counts, self.errors, strict=True)
        return [{"class": name, "n": n, "MAE": error} for name, n, error in rows if n]

    def as_plain(self) -> dict[str, Any]:
        arrays = {name: _encoded(getattr(self, name)) for name in ("centre", "projection", "landmarks")}
        pairs = {} if self.pairs is None else {"pairs": {one: " ".join(sorted(p)) for one, p in self.pairs.items()}}
        return {**arrays, **{name: list(getattr(self, name)) for name in ("limits", "counts", "errors")}, **pairs}

    @classmethod
    def from_plain(cls, stored: dict[str, Any]) -> Self:
        centre, projection, landmarks = (_decoded(stored[n]) for n in ("centre", "projection", "landmarks"))
        d = len(centre)
        projection = projection.reshape(d, -1)
        limits, counts, means = (tuple(stored[name]) for name in ("limits", "counts", "errors"))
        pairs = {one: frozenset(text.split()) for one, text in stored["pairs"].items()} if "pairs" in stored else None
        return cls(centre, projection, landmarks.reshape(-1, projection.shape[1]), limits, counts, means, pairs)


def _encoded(array: np.ndarray) -> str:
    """float32 as base64, a quarter of the text of its digits."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def _decoded(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")
