"""The 136-entry atom vector of PROFiT-Net: valence occupation, ten elemental properties, polarizability.

Order (0-based): 0-31 valence orbitals s1 s2 p1..p6 d1..d10 f1..f14, 32-123 one-hot elemental properties, 124-135
polarizability. `common/chem/elements.csv` holds the elemental properties; the bins are those of Table S1.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from common.chem.valence import VALENCE, element_facts, valence_vectors

ATOM = 136
#: Heaviest element with a vector.
LAST_ELEMENT = 99


class Bins(NamedTuple):
    """A property discretized into `count` equal bins over [low, high], from entry `start` of the vector."""

    column: str
    start: int
    count: int
    low: float
    high: float
    logarithm: bool = False

    def index(self, value: float) -> int:
        if self.logarithm:
            value = math.log(value)
        # In this order of operations 1.9 (Si, Cu, Hg, Bi, Re) falls into bin 3, as in the released program; exact
        # arithmetic would give 4.
        return int((value - self.low) / (self.high - self.low) * self.count)


#: Property block -> entries of the vector, in the order of Figure 5's 11 x 11 matrix.
BLOCKS = {
    "valence": slice(0, 32),
    "group": slice(32, 51),
    "period": slice(51, 58),
    "electronegativity": slice(58, 68),
    "covalent radius": slice(68, 78),
    "valence electrons": slice(78, 90),
    "ionisation energy": slice(90, 100),
    "electron affinity": slice(100, 110),
    "block": slice(110, 114),
    "atomic volume": slice(114, 124),
    "polarizability": slice(124, 136),
}

BINNED = (
    Bins("electronegativity", 58, 10, 0.5, 4.0),
    Bins("covalent_radius_pm", 68, 10, 25.0, 250.0),
    Bins("ionisation_energy_ev", 90, 10, 1.3, 3.3, logarithm=True),
    Bins("electron_affinity_ev", 100, 10, -3.0, 3.7),
    Bins("atomic_volume_cm3_mol", 114, 10, 1.5, 4.3, logarithm=True),
)
POLARIZABILITY = Bins("polarizability_a3", 124, 12, 0.0, 60.0)

#: The released table has 0.4 for bismuth (bin 0); the literature value is 7.4.
RELEASED_BISMUTH = 0.4


def _elemental_properties(facts: dict[str, str]) -> np.ndarray:
    vector = np.zeros(ATOM, dtype=np.uint8)
    vector[BLOCKS["group"].start + int(facts["group"] or 0)] = 1  # lanthanides and actinides: index 0
    vector[BLOCKS["period"].start + int(facts["period"]) - 1] = 1
    vector[BLOCKS["valence electrons"].start + int(facts["valence_electrons"]) - 1] = 1
    vector[BLOCKS["block"].start + "spdf".index(facts["block"])] = 1
    for bins in BINNED:
        if facts[bins.column]:
            vector[bins.start + bins.index(float(facts[bins.column]))] = 1
    return vector


@lru_cache(maxsize=4)
def atom_vectors(polarizability: str = "own") -> np.ndarray:
    """Binary vectors of all elements (100, 136), row = atomic number; row 0 is empty.

    polarizability: "own", or "next" for the bin of element Z + 1, as in the released program.
    """
    facts = element_facts()
    table = np.zeros((LAST_ELEMENT + 1, ATOM), dtype=np.uint8)
    for z in range(1, LAST_ELEMENT + 1):
        table[z] = _elemental_properties(facts[z])
        table[z, :VALENCE] = valence_vectors()[z]
        source = z + 1 if polarizability == "next" else z
        value = float(facts[source]["polarizability_a3"])
        if polarizability == "next" and source == 83:
            value = RELEASED_BISMUTH
        table[z, POLARIZABILITY.start + POLARIZABILITY.index(value)] = 1
    table.setflags(write=False)
    return table
