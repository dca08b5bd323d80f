"""The convex hull of formation energies, and how far above it a predicted energy lies.

E_hull of a material is its formation energy less that of the lowest mixture of phases of the pool with its composition,
so it is negative for a material below the hull. The pool stays as it is: the material itself is no part of it unless
the pool's table has it, and phases of the same composition take part. This is what pymatgen's
`PhaseDiagram.get_e_above_hull(entry, allow_negative=True)` gives for an entry that is not in the diagram.

Formation energies are relative to the elements, so every element is in every pool with 0 eV/atom, written there or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.errors import UserError
from common.io.progress import progress

#: Column names under which a pool's formation energies are found without being asked for.
COLUMNS = ("Ef", "E_f", "formation_energy", "formation_energy_per_atom", "target")
#: Shares of atoms closer than this are the same composition.
SAME = 1e-9


@dataclass(frozen=True)
class Hull:
    """Phases of one chemical system: shares of its atoms (m, d) in the order of `elements`, eV/atom (m,), and names."""

    elements: tuple[int, ...]
    shares: np.ndarray
    energies: np.ndarray
    names: tuple[str, ...]

    def at(self, share: np.ndarray) -> tuple[float, dict[int, float]]:
        """Energy of the lowest mixture with this composition (d,), and its phases: row -> share of the atoms."""
        if len(self.elements) == 1:
            lowest = int(np.argmin(self.energies))
            return float(self.energies[lowest]), {lowest: 1.0}
        if len(self.elements) == 2:
            return self._between(float(share[1]))
        return self._programme(share)

    def without(self, share: np.ndarray) -> Hull:
        """The same less the phases of this very composition."""
        keep = np.abs(self.shares - share).max(axis=1) > SAME
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        return Hull(self.elements, self.shares[keep], self.energies[keep], names)

    @cached_property
    def _corners(self) -> np.ndarray:
        """Rows on the lower hull of a binary system, by rising share of the second element."""
        x, corners = self.shares[:, 1], []
        for row in np.lexsort((self.energies, x)).tolist():
            if corners and x[row] - x[corners[-1]] < SAME:
                continue  # another phase of this composition, no lower
            while len(corners) > 1 and self._above(corners[-2], corners[-1], row):
                corners.pop()
            corners.append(row)
        return np.array(corners)

    def _above(self, left: int, middle: int, right: int) -> bool:
        """Whether the middle one of three phases is no corner: on or above the line between the others."""
        x, e = self.shares[:, 1], self.energies
        return (e[middle] - e[left]) * (x[right] - x[left]) >= (e[right] - e[left]) * (x[middle] - x[left])

    def _between(self, x: float) -> tuple[float, dict[int, float]]:
        corners = self._corners
        places = self.shares[corners, 1]
        right = int(np.clip(np.searchsorted(places, x), 1, len(corners) - 1))
        weight = (x - places[right - 1]) / (places[right] - places[right - 1])
        mixture = {int(corners[right - 1]): 1.0 - weight, int(corners[right]): weight}
        energy = sum(part * self.energies[row] for row, part in mixture.items())
        return float(energy), {row: part for row, part in mixture.items() if part > SAME}

    def _programme(self, share: np.ndarray) -> tuple[float, dict[int, float]]:
        """The mixture as a linear programme, which no degenerate hull disturbs."""
        from scipy.optimize import linprog

        found = linprog(self.energies, A_eq=self.shares.T, b_eq=share, bounds=(0, None), method="highs")
        if not found.success:
            raise UserError(f"no hull for {'-'.join(SYMBOLS[z] for z in self.elements)} ({found.message})")
        # One phase may stand in the pool twice; rounding leaves traces of others.
        return float(found.fun), {int(row): float(found.x[row]) for row in np.flatnonzero(found.x > SAME)}


class PhasePool:
    """Phases with formation energies, by chemical system.

    >>> pool = PhasePool(["NaCl", "Na"], [-2.1, 0.0])
    >>> pool.e_hull(["Na2Cl2", "NaCl3"], [-2.0, -0.5])
    array([0.1 , 0.55])
    """

    def __init__(self, formulas: Sequence[str], energies: Sequence[float], *, origin: str = "the phase pool"):
        energies = np.asarray(energies, dtype=np.float64)
        if len(formulas) != len(energies):
            raise UserError(f"{origin}: {len(formulas)} formulas and {len(energies)} energies do not fit")
        self.origin = origin
        self.left_out: dict[str, str] = {}
        self.formulas: list[str] = []
        self._amounts: list[dict] = []
        self._by_system: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self._hulls: dict[tuple[int, ...], Hull] = {}
        kept = []
        for formula, energy in zip(formulas, energies.tolist(), strict=True):
            try:
                amounts = parse_formula(formula)
            except UserError as error:
                self.left_out[formula] = str(error)
                continue
            if not np.isfinite(energy):
                self.left_out[formula] = "has no formation energy"
                continue
            self._by_system[tuple(sorted(amounts))].append(len(kept))
            self._amounts.append(amounts)
            self.formulas.append(formula)
            kept.append(energy)
        if not kept:
            reason = next((f"; {name}: {text}" for name, text in self.left_out.items()), "")
            raise UserError(f"{origin} is empty: without phases there is no hull; give formulas and eV/atom{reason}")
        self.energies = np.array(kept)

    def __len__(self) -> int:
        return len(self.formulas)

    @cached_property
    def elements(self) -> frozenset[int]:
        """Elements that some phase of the pool has."""
        return frozenset(z for system in self._by_system for z in system)

    def hull(self, elements: Iterable[int]) -> Hull:
        """The hull of a chemical system, given by atomic numbers."""
        system = tuple(sorted(elements))
        if system not in self._hulls:
            # Above its elements at 0 eV/atom no phase is on the hull.
            rows = [row for row in self._rows(system) if self.energies[row] <= 0]
            shares = np.zeros((len(rows), len(system)))
            for place, row in enumerate(rows):
                for z, amount in self._amounts[row].items():
                    shares[place, system.index(z)] = amount
            shares /= shares.sum(axis=1, keepdims=True)
            self._hulls[system] = Hull(
                system,
                np.concatenate([shares, np.eye(len(system))]),
                np.concatenate([self.energies[rows], np.zeros(len(system))]),
                (*(self.formulas[row] for row in rows), *(SYMBOLS[z] for z in system)),
            )
        return self._hulls[system]

    def _rows(self, system: tuple[int, ...]) -> list[int]:
        """Phases of these elements or some of them."""
        if 2 ** len(system) > len(self._by_system):
            wanted = set(system)
            inside = [s for s in self._by_system if wanted.issuperset(s)]
        else:
            inside = [s for n in range(1, len(system) + 1) for s in combinations(system, n)]
        return [row for s in inside for row in self._by_system.get(s, ())]

    def decomposition(self, formula: str, *, without_own: bool = False) -> tuple[float, dict[str, float]]:
        """Energy (eV/atom) of the hull at this composition, and the phases there: formula -> share of the atoms.

        `without_own` leaves the pool's phases of this very composition out, which tells how stable a phase of the pool
        is against all others.
        """
        amounts = parse_formula(formula)
        hull = self.hull(amounts)
        share = np.array([float(amounts[z]) for z in hull.elements])
        share /= share.sum()
        if without_own and len(hull.elements) > 1:
            hull = hull.without(share)
        energy, mixture = hull.at(share)
        named: dict[str, float] = defaultdict(float)
        for row, part in mixture.items():
            named[hull.names[row]] += part
        return energy, dict(named)

    def e_hull(self, formulas: Sequence[str], energies: Sequence[float], *, without_own: bool = False) -> np.ndarray:
        """E_hull (n,) in eV/atom of materials with these formation energies; negative below the hull."""
        if len(formulas) != len(energies):
            raise UserError(f"{len(formulas)} formulas and {len(energies)} energies do not fit")
        known: dict[str, float] = {}
        for formula in progress(formulas, desc="convex hull", unit="material"):
            if formula not in known:
                known[formula] = self.decomposition(formula, without_own=without_own)[0]
        return np.asarray(energies, dtype=np.float64) - np.array([known[formula] for formula in formulas])


def read_pool(name: str | Path, column: str = "") -> PhasePool:
    """A pool from a CSV (also .csv.gz) with a formula column and one of formation energies in eV/atom, an .h5 table, or
    a source by name. Without a `column` the first of `COLUMNS` that is there is taken."""
    from common.sources.columns import heading, read_sheet

    if str(name).removesuffix(".gz").lower().endswith((".csv", ".tsv")):
        sheet = read_sheet(Path(name))
        formulas = sheet.column("formula")
        if formulas is None:
            raise UserError(f"{name} has no formula column; a pool needs formulas and formation energies")
        targets = sheet.numbers(column)[0] if column else sheet.numbers()[0]
    else:
        from common.data.loading import load_data

        table = load_data(str(name))[0]
        formulas, targets = table.formulas.tolist(), table.targets
    chosen = heading(column).name or next((known for known in COLUMNS if known in targets), "")
    if chosen not in targets:
        there = ", ".join(targets) or "none"
        raise UserError(f"{name} has no column {chosen or 'of formation energies'}; it has: {there}; name one")
    unit = targets[chosen].unit
    if unit not in ("", "eV/atom"):
        raise UserError(f"{name} gives {chosen} in {unit}, a hull needs eV/atom; convert it")
    return PhasePool(formulas, targets[chosen].values, origin=str(name))
