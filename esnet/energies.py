"""The energy of the unrelaxed cell, which the calculation of its densities of states gives at no extra cost.

It is the formation energy of the cell as calculated, relative to the elements of the embedded dataset, so it exists for
calculations by GPAW at the default level of theory. Two reference models predict the relaxed energy from it alone.
"""

from __future__ import annotations

import numpy as np

from common.baselines.classical import ClassicalModel
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from esnet.dft.references import reference_energy

#: The target with the total energies, in eV/atom.
TOTAL_ENERGY = "total_energy"
USES = ("", "input", "delta")
NO_ENERGY = "has no unrelaxed energy; compute its density of states with GPAW (esnet dos compute)"
NO_REFERENCE = "contains an element without a reference energy, so its unrelaxed formation energy is unknown"


def check_use(energy: str) -> None:
    """Raise for an unknown use of the energy."""
    if energy not in USES:
        raise UserError(f"energy {energy!r} is unknown; choose one of {', '.join(map(repr, USES))}")


def unrelaxed_energies(dataset: MaterialsDataset) -> tuple[np.ndarray, dict[str, str]]:
    """Formation energies (n,) of the cells as calculated in eV/atom, NaN if unknown, and id -> reason for those."""
    if TOTAL_ENERGY not in dataset.targets:
        return np.full(len(dataset), np.nan), dict.fromkeys(dataset.ids.tolist(), NO_ENERGY)
    total = dataset.target(TOTAL_ENERGY).values
    energies = total - [_reference(formula) for formula in dataset.formulas.tolist()]
    missing = np.flatnonzero(~np.isfinite(energies))
    reasons = {str(dataset.ids[row]): NO_REFERENCE if np.isfinite(total[row]) else NO_ENERGY for row in missing}
    return energies, reasons


def _reference(formula: str) -> float:
    amounts = parse_formula(formula)
    energies = [float(amount) * reference_energy(np.array([z])) for z, amount in amounts.items()]
    return sum(energies) / float(sum(amounts.values()))


class UnrelaxedEnergy(ClassicalModel):
    """Predicts that relaxation does not change the energy."""

    name = "unrelaxed-energy"
    uses_densities = True

    def _features(self, table: MaterialsDataset, jobs: int) -> tuple[np.ndarray, np.ndarray]:
        energies, self.left_out = unrelaxed_energies(table)
        rows = np.flatnonzero(np.isfinite(energies))
        return energies[rows, None], rows

    def _fit(self, x: np.ndarray, y: np.ndarray, x_val: np.ndarray, y_val: np.ndarray, jobs: int) -> None:
        self.slope, self.intercept = 1.0, 0.0

    def _predict(self, x: np.ndarray) -> np.ndarray:
        return self.slope * x[:, 0] + self.intercept


class LinearUnrelaxedEnergy(UnrelaxedEnergy):
    """Least-squares line from the unrelaxed to the relaxed energy, on training and validation set."""

    name = "unrelaxed-energy-linear"

    def _fit(self, x: np.ndarray, y: np.ndarray, x_val: np.ndarray, y_val: np.ndarray, jobs: int) -> None:
        x, y = np.concatenate([x, x_val])[:, 0], np.concatenate([y, y_val])
        self.slope, self.intercept = np.polyfit(x, y, 1).tolist()
