"""Splits into training, validation and test set: lists of ids, stored as JSON, never row numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import refuse_special, write_text

SETS = ("train", "validation", "test", "calibration")


@dataclass(frozen=True)
class Split:
    """Ids of the sets; all but `train` may be empty. `calibration` scales the intervals of a trained model."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    calibration: tuple[str, ...] = ()

    def subsets(self) -> dict[str, tuple[str, ...]]:
        calibration = {"calibration": self.calibration} if self.calibration else {}
        return {"train": self.train, "validation": self.validation, "test": self.test, **calibration}

    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.subsets()).encode()).hexdigest()[:16]

    def save(self, path: str | Path) -> None:
        write_text(path, json.dumps(self.subsets(), indent=1))

    @classmethod
    def load(cls, path: str | Path) -> Split:
        refuse_special(path)
        try:
            parts = json.loads(Path(path).read_text())
            return cls(**{name: _ids(parts.get(name, [])) for name in SETS})
        except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(f"{path} is not a split (JSON with train, validation, test): {error}") from None

    def check(self) -> None:
        """Refuse an empty training set and ids that occur in two sets."""
        if not self.train:
            raise UserError("the split has no training materials")
        for one, other in combinations(self.subsets(), 2):
            common = set(self.subsets()[one]) & set(self.subsets()[other])
            if common:
                raise UserError(f"split: id {min(common)} is in {one} and in {other}")


def _ids(stored: object) -> tuple[str, ...]:
    """The ids of a set; whole numbers, as row numbers are written without quotes, are ids too."""
    if not isinstance(stored, list):
        raise TypeError("a set is not a list of ids")
    for name in stored:
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise TypeError(f"{name!r} is not an id")
    return tuple(map(str, stored))


def by_fractions(table: MaterialsDataset, fractions: Sequence[float] = (6, 2, 2), seed: int = 0) -> Split:
    """A random split of the table by shares of rows, such as 6:2:2."""
    return _cut(np.random.default_rng(seed).permutation(len(table)), table, fractions)


def by_formula(table: MaterialsDataset, fractions: Sequence[float] = (6, 2, 2), seed: int = 0) -> Split:
    """As `by_fractions`, but all polymorphs of one formula go to the same set."""
    formulas, group = np.unique(table.formulas, return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(formulas))[group]
    order = np.argsort(place, kind="stable")
    cuts = _boundaries(fractions, len(table))
    # Move each boundary to the end of the formula it would cut in two.
    ends = np.append(np.flatnonzero(np.diff(place[order])) + 1, len(order))
    return _parts(order, table, [int(ends[np.searchsorted(ends, cut)]) for cut in cuts])


def k_folds(
    table: MaterialsDataset, k: int = 5, validation: float = 0.1, seed: int = 0, *, grouped: bool | str = False
) -> list[Split]:
    """k splits whose test sets cover the dataset; the fraction `validation` of the rest is held out for validation.

    `grouped` keeps all polymorphs of a formula in one fold, and in one of its three sets; "elements" all
    materials of the same elements.
    """
    if not 2 <= k <= len(table):
        raise UserError(f"{k} folds of {len(table)} materials: choose between 2 and {len(table)}")
    if grouped == "elements":
        table = MaterialsDataset(table.ids, chemical_systems(table), origin=table.origin)
    if grouped:
        formulas, group = np.unique(table.formulas, return_inverse=True)
        if len(formulas) < k:
            what = "sets of elements" if grouped == "elements" else "formulas"
            raise UserError(f"{k} folds need as many {what}, the data have {len(formulas)}; choose fewer folds")
        number = np.empty(len(formulas), dtype=int)
        number[np.random.default_rng(seed).permutation(len(formulas))] = np.arange(len(formulas)) % k
        table = table.with_target("fold", number[group], "1")
        return [by_fold(table, i, validation, seed) for i in range(k)]
    folds = np.array_split(np.random.default_rng(seed).permutation(len(table)), k)
    splits = []
    for i in range(k):
        rest = np.concatenate([f for j, f in enumerate(folds) if j != i])
        n_validation = round(validation * len(rest))
        parts = (rest[n_validation:], rest[:n_validation], folds[i])
        splits.append(Split(*(tuple(table.ids[rows].tolist()) for rows in parts)))
    return splits


def chemical_systems(table: MaterialsDataset) -> list[str]:
    """The elements of every material, such as "Cu-Pt"."""
    return [chemical_system(parse_formula(formula)) for formula in table.formulas.tolist()]


def chemical_system(numbers: Iterable[int]) -> str:
    return "-".join(sorted({SYMBOLS[z] for z in numbers}))


def by_fold(table: MaterialsDataset, fold: int, validation: float = 0.1, seed: int = 0) -> Split:
    """A published fold as test set; a fraction of the others, whole formulas at a time, as validation set.

    The folds come with the table, as a target called `fold`.
    """
    number = table.target("fold").values
    test = np.flatnonzero(number == fold)
    if not len(test):
        raise UserError(f"{table.origin} has no fold {fold}; it has: {', '.join(f'{n:g}' for n in np.unique(number))}")
    rest = by_formula(table.take(np.flatnonzero(number != fold)), (1 - validation, validation, 0), seed)
    return Split(rest.train, rest.validation, tuple(table.ids[test].tolist()))


def by_marks(table: MaterialsDataset, validation: float = 0.1, seed: int = 0) -> Split:
    """Published test materials as test set; a random fraction of the others as validation set.

    The marks come with the table, as a target called `test` that is 1 for these materials.
    """
    marked = table.target("test").values == 1
    rest = by_fractions(table.take(np.flatnonzero(~marked)), (1 - validation, validation, 0), seed)
    return Split(rest.train, rest.validation, tuple(table.ids[marked].tolist()))


def fewer(split: Split, n: int, seed: int = 0) -> Split:
    """The split with n of its training materials, drawn at random; a smaller n gives a subset of a larger one."""
    if n > len(split.train):
        raise UserError(f"the training set has {len(split.train)} materials, fewer than the {n} asked for")
    order = np.random.default_rng(seed).permutation(len(split.train))[:n]
    return Split(tuple(split.train[i] for i in order), split.validation, split.test)


def with_calibration(
    split: Split, table: MaterialsDataset, fraction: float, seed: int = 0, *, grouped: bool = False
) -> Split:
    """Move this fraction of all materials, drawn at random, from the training to the calibration set.

    grouped: all polymorphs of a formula move together.
    """
    total = sum(map(len, split.subsets().values()))
    n, rest = round(fraction * total), len(split.train)
    if not 0 < n < rest:
        raise UserError(
            f"a calibration set of {n} cannot be taken from {rest} training materials; its fraction of all {total} "
            f"must be below {rest / max(total, 1):.2g}"
        )
    cut = (by_formula if grouped else by_fractions)(table.select(split.train), (rest - n, n, 0), seed)
    return replace(split, train=cut.train, calibration=(*split.calibration, *cut.validation))


def _boundaries(fractions: Sequence[float], n: int) -> list[int]:
    shares = np.asarray(fractions, dtype=float)
    if len(shares) != 3 or (shares < 0).any() or shares[0] <= 0:
        raise UserError(f"fractions {tuple(fractions)}: give three shares, train:validation:test, such as 6:2:2")
    return [round(float(cut)) for cut in np.cumsum(shares / shares.sum())[:2] * n]


def _cut(order: np.ndarray, table: MaterialsDataset, fractions: Sequence[float]) -> Split:
    return _parts(order, table, _boundaries(fractions, len(table)))


def _parts(order: np.ndarray, table: MaterialsDataset, cuts: Sequence[int]) -> Split:
    return Split(*(tuple(table.ids[rows].tolist()) for rows in np.split(order, cuts)))


def audit(split: Split, table: MaterialsDataset) -> dict[str, float]:
    """Facts about a split: sizes, ids in two sets, test formulas that are in the training set too."""
    formulas = {name: set(table.select(ids).formulas.tolist()) for name, ids in split.subsets().items()}
    ids = [set(part) for part in split.subsets().values()]
    shared = formulas["test"] & formulas["train"]
    known = sum(f in shared for f in table.select(split.test).formulas.tolist())
    return {
        "n_train": len(split.train),
        "n_validation": len(split.validation),
        "n_test": len(split.test),
        "ids_in_two_parts": sum(map(len, split.subsets().values())) - len(set.union(*ids)),
        "test_formulas_in_training": len(shared),
        "share_of_test_rows_with_formula_in_training": known / max(len(split.test), 1),
    }
