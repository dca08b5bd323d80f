"""Convex hull of formation energies and the distance of predicted energies from it.

E_hull of a material is its formation energy minus that of the lowest mixture of phases of the pool with the same
composition; it is negative below the hull. The material itself is not added to the pool. This equals pymatgen's
`PhaseDiagram.get_e_above_hull(entry, allow_negative=True)` for an entry that is not in the diagram.

Formation energies are relative to the elements, so every pool contains every element at 0 eV/atom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.data.loading import load_data
from common.errors import UserError
from common.io.progress import progress
from common.sources.columns import heading, read_sheet
from esnet.screening.lower_hull import Hull

#: Default column names of the formation energies of a pool, in order of preference.
COLUMNS = ("Ef", "E_f", "formation_energy", "formation_energy_per_atom", "target")


class PhasePool:
    """Phases with formation energies, grouped by chemical system.

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
        used = []
        for formula, energy in zip(formulas, energies.tolist(), strict=True):
            try:
                amounts = parse_formula(formula)
            except UserError as error:
                self.left_out[formula] = str(error)
                continue
            if not np.isfinite(energy):
                self.left_out[formula] = "has no formation energy"
                continue
            self._by_system[tuple(sorted(amounts))].append(len(used))
            self._amounts.append(amounts)
            self.formulas.append(formula)
            used.append(energy)
        if not used:
            reason = next((f"; {name}: {text}" for name, text in self.left_out.items()), "")
            raise UserError(f"{origin} has no usable phase; give formulas and formation energies in eV/atom{reason}")
        self.energies = np.array(used)

    def __len__(self) -> int:
        return len(self.formulas)

    @cached_property
    def elements(self) -> frozenset[int]:
        """All elements of the phases."""
        return frozenset(z for system in self._by_system for z in system)

    def hull(self, elements: Iterable[int]) -> Hull:
        """The hull of a chemical system, given by atomic numbers."""
        system = tuple(sorted(elements))
        if system not in self._hulls:
            # A phase above its elements (0 eV/atom) cannot be on the hull.
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
        """Phases that contain only these elements."""
        if 2 ** len(system) > len(self._by_system):
            wanted = set(system)
            inside = [s for s in self._by_system if wanted.issuperset(s)]
        else:
            inside = [s for n in range(1, len(system) + 1) for s in combinations(system, n)]
        return [row for s in inside for row in self._by_system.get(s, ())]

    def decomposition(self, formula: str, *, without_own: bool = False) -> tuple[float, dict[str, float]]:
        """Energy (eV/atom) of the hull at this composition and its phases: formula -> fraction of the atoms.

        without_own: exclude phases of exactly this composition, to assess a phase of the pool against all others.
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
        """E_hull (n,) in eV/atom for formation energies (n,); negative below the hull."""
        if len(formulas) != len(energies):
            raise UserError(f"{len(formulas)} formulas and {len(energies)} energies do not fit")
        known: dict[str, float] = {}
        for formula in progress(formulas, desc="convex hull", unit="material"):
            if formula not in known:
                known[formula] = self.decomposition(formula, without_own=without_own)[0]
        return np.asarray(energies, dtype=np.float64) - np.array([known[formula] for formula in formulas])


def read_pool(name: str | Path, column: str = "") -> PhasePool:
    """Read a pool from a CSV (.csv, .csv.gz) with formulas and energies in eV/atom, an .h5 table, or a source.

    Without `column` the first existing one of `COLUMNS` is used.
    """
    if str(name).removesuffix(".gz").lower().endswith((".csv", ".tsv")):
        sheet = read_sheet(Path(name))
        formulas = sheet.column("formula")
        if formulas is None:
            raise UserError(f"{name} has no column formula; add one")
        targets = sheet.numbers(column)[0] if column else sheet.numbers()[0]
    else:
        table = load_data(str(name))[0]
        formulas, targets = table.formulas.tolist(), table.targets
    chosen = heading(column).name or next((known for known in COLUMNS if known in targets), "")
    if chosen not in targets:
        missing, columns = chosen or "of formation energies", ", ".join(targets) or "none"
        raise UserError(f"{name} has no column {missing}; choose one of its columns: {columns}")
    unit = targets[chosen].unit
    if unit not in ("", "eV/atom"):
        raise UserError(f"{name} has {chosen} in {unit}; convert it to eV/atom")
    return PhasePool(formulas, targets[chosen].values, origin=str(name))
