"""In place of a trained network and of GPAW."""

import numpy as np

from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.errors import UserError
from esnet.dft.backends import Calculation
from esnet.dos.projected import ProjectedDOS


class ByVolume:
    """Stands for a trained network: a number that can be worked out from the structure."""

    unit, target = "eV/atom", "formation_energy"

    def __init__(self):
        self.left_out = {}

    def predict(self, table: MaterialsDataset) -> Predictions:
        assert table.has_densities and all(len(table.dos(row).energies) > 1000 for row in range(len(table)))
        values = np.array([-table.structure(row).volume / 100 for row in range(len(table))])
        return Predictions(table.ids, values, unit=self.unit)


#: CuAu below its hull, CuPt above it, and silver's compounds without a reference.
RELAXED_ENERGIES = {frozenset({29, 79}): -0.06, frozenset({29, 78}): 0.2, frozenset({29, 47}): float("nan")}


def backend(crystal, settings, time_limit):
    """Stands for GPAW; platinum and gold together fail."""
    if {78, 79} == set(crystal.numbers.tolist()):
        raise UserError("the calculation did not converge")
    energies = np.round(np.arange(-2000, 1001) * 0.02, 6)
    dos = ProjectedDOS(
        energies, np.ones((2, 9, len(energies))), 0.0, 0.0, "absolute", False, "test", len(crystal.numbers), ("Cu",)
    )
    attributes = {"total_energy_eV": -1.0, "formation_energy_eV_per_atom": 0.0}
    if settings.relax:
        attributes |= {"formation_energy_eV_per_atom": RELAXED_ENERGIES[frozenset(crystal.numbers.tolist())]}
        attributes |= {"relaxation_steps": 2, "volume_change": 0.331, "cpu_s": 5.0}
        crystal = crystal._replace(lattice=1.1 * crystal.lattice)
    return Calculation(dos, 9 * np.ones((2, len(energies))), attributes, crystal)


#: Whether to relax, and the time limit, of every call of `recording`.
ASKED: list[tuple[bool, float | None]] = []


def recording(crystal, settings, time_limit):
    ASKED.append((bool(settings.relax), time_limit))
    return backend(crystal, settings, time_limit)
