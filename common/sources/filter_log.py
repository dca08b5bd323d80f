"""Named filter steps, each with the number of rows before and after, so that a paper's row count can be traced."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import integer_counts, parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError

#: Why a query to the Materials Project gives another number of rows than a paper has.
NEWER = "the database of today has lost ids of the paper's and moved others"


class Step(NamedTuple):
    name: str
    before: int
    after: int


@dataclass
class Traced:
    """Rows on their way from a source to the set that is used. `begin` is what was there at first."""

    begin: str
    rows: int
    steps: list[Step] = field(default_factory=list)
    table: MaterialsDataset | None = None

    @classmethod
    def of(cls, table: MaterialsDataset, begin: str) -> Traced:
        return cls(begin, len(table), [], table)

    @property
    def left(self) -> int:
        return self.steps[-1].after if self.steps else self.rows

    def count(self, name: str, after: int) -> Traced:
        """A step that was taken before there was a table."""
        self.steps.append(Step(name, self.left, after))
        return self

    def to(self, name: str, table: MaterialsDataset) -> Traced:
        self.table = table
        return self.count(name, len(table))

    def keep(self, name: str, mask: np.ndarray) -> Traced:
        return self.to(name, self.table.take(np.flatnonzero(mask)))

    # --- the steps of the papers -----------------------------------------------------------------

    def known(self, target: str) -> Traced:
        return self.to(f"{target} known", self.table.known(target))

    def nonmetals(self, target: str = "band_gap") -> Traced:
        return self.keep("nonmetals, gap above zero", self.table.target(target).values > 0)

    def at_most(self, target: str, limit: float) -> Traced:
        found = self.table.target(target)
        return self.keep(f"{target} at most {limit:g} {found.unit}", found.values <= limit)

    def between(self, target: str, low: float, high: float) -> Traced:
        found = self.table.target(target)
        unit = "" if found.unit == "1" else f" {found.unit}"
        return self.keep(
            f"{target} above {low:g} and below {high:g}{unit}", (found.values > low) & (found.values < high)
        )

    def lowest_energy(self, target: str) -> Traced:
        """Of the polymorphs of a composition the one with the lowest energy an atom; the first of equal ones."""
        lowest: dict[tuple, int] = {}
        energies = self.table.target(target).values
        if not np.isfinite(energies).all():
            raise UserError(f"{target} is not known for all materials; ask for the known ones first")
        for row, formula in enumerate(self.table.formulas.tolist()):
            key = composition_of(formula)
            if key not in lowest or energies[row] < energies[lowest[key]]:
                lowest[key] = row
        return self.to(f"lowest {target} of each composition", self.table.take(np.sort(list(lowest.values()))))

    def elements(self, number: int, one_of: Collection[int] = ()) -> Traced:
        names = ", ".join(SYMBOLS[z] for z in one_of)
        found = [set(parse_formula(text)) for text in self.table.formulas.tolist()]
        self.keep(f"{number} elements", np.array([len(z) == number for z in found], dtype=bool))
        found = [set(parse_formula(text)) for text in self.table.formulas.tolist()]
        return self.keep(f"with one of {names}", np.array([bool(z & set(one_of)) for z in found], dtype=bool))

    def without(self, elements: Collection[int], what: str) -> Traced:
        found = [set(parse_formula(text)) for text in self.table.formulas.tolist()]
        return self.keep(f"without {what}", np.array([not z & set(elements) for z in found], dtype=bool))

    def fewer_atoms(self, limit: int) -> Traced:
        counts = [sum(dict(composition_of(text)).values()) for text in self.table.formulas.tolist()]
        return self.keep(f"fewer than {limit} atoms in the reduced formula", np.array(counts) < limit)

    def unit(self, name: str) -> Traced:
        """A change of units, which costs no row."""
        return self.count(name, self.left)


def composition_of(formula: str) -> tuple:
    """The same for all formulas of one composition, whatever their order and number of units."""
    return tuple(sorted(integer_counts(parse_formula(formula)).items()))
