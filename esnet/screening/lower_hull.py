"""The lower convex hull of the phases of one chemical system."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.chem.elements import SYMBOLS
from common.errors import UserError

#: Tolerance of equal atomic fractions.
SAME = 1e-9


@dataclass(frozen=True)
class Hull:
    """Phases of a chemical system: atomic fractions (m, d) in the order of `elements`, eV/atom (m,), and names."""

    elements: tuple[int, ...]
    shares: np.ndarray
    energies: np.ndarray
    names: tuple[str, ...]

    def at(self, share: np.ndarray) -> tuple[float, dict[int, float]]:
        """Energy of the lowest mixture with this composition (d,), and its phases: row -> fraction of the atoms."""
        if len(self.elements) == 1:
            lowest = int(np.argmin(self.energies))
            return float(self.energies[lowest]), {lowest: 1.0}
        if len(self.elements) == 2:
            return self._between(float(share[1]))
        return self._linear_program(share)

    def without(self, share: np.ndarray) -> Hull:
        """The hull without the phases of exactly this composition."""
        others = np.abs(self.shares - share).max(axis=1) > SAME
        names = tuple(name for name, is_other in zip(self.names, others, strict=True) if is_other)
        return Hull(self.elements, self.shares[others], self.energies[others], names)

    @cached_property
    def _corners(self) -> np.ndarray:
        """Rows on the lower hull of a binary system, by increasing fraction of the second element."""
        x, corners = self.shares[:, 1], []
        for row in np.lexsort((self.energies, x)).tolist():
            if corners and x[row] - x[corners[-1]] < SAME:
                continue  # a phase of the same composition that is not lower
            while len(corners) > 1 and self._above(corners[-2], corners[-1], row):
                corners.pop()
            corners.append(row)
        return np.array(corners)

    def _above(self, left: int, middle: int, right: int) -> bool:
        """Whether the middle of three phases is on or above the line between the others."""
        x, e = self.shares[:, 1], self.energies
        return (e[middle] - e[left]) * (x[right] - x[left]) >= (e[right] - e[left]) * (x[middle] - x[left])

    def _between(self, x: float) -> tuple[float, dict[int, float]]:
        corners = self._corners
        fractions = self.shares[corners, 1]
        right = int(np.clip(np.searchsorted(fractions, x), 1, len(corners) - 1))
        weight = (x - fractions[right - 1]) / (fractions[right] - fractions[right - 1])
        mixture = {int(corners[right - 1]): 1.0 - weight, int(corners[right]): weight}
        energy = sum(part * self.energies[row] for row, part in mixture.items())
        return float(energy), {row: part for row, part in mixture.items() if part > SAME}

    def _linear_program(self, share: np.ndarray) -> tuple[float, dict[int, float]]:
        """The mixture by linear programming, which is robust for degenerate hulls."""
        from scipy.optimize import linprog

        found = linprog(self.energies, A_eq=self.shares.T, b_eq=share, bounds=(0, None), method="highs")
        if not found.success:
            system = "-".join(SYMBOLS[z] for z in self.elements)
            raise UserError(f"cannot compute the hull of {system} ({found.message})")
        # Ignore rounding residues.
        return float(found.fun), {int(row): float(found.x[row]) for row in np.flatnonzero(found.x > SAME)}
