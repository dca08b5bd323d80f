"""Binary alloys of the 2e-ORR set before and after relaxation, and Materials Project energies to learn from.

dos/2eorr/structures.jsonl.gz     one JSON object a line: id, symbols, formation_energy_eV_per_atom of the relaxed
                                  structure, in_esnet_test, and `initial` and `relaxed` with cellpar and frac

ESNet's article learns from relaxed structures of the Materials Project and predicts these alloys from either structure.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import F_BLOCK, NUMBERS
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset, formula_by_number_of
from common.errors import UserError
from common.io.compressed import DAMAGE, open_text
from common.io.hdf5 import reading_hdf5
from common.sources.datadir import existing, mp_structures

FILE = "dos/2eorr/structures.jsonl.gz"
TARGET, UNIT = "formation_energy", "eV/atom"
#: Formation energies above it, eV/atom, are left out, as the released ESNet does.
HIGHEST = 5.0
#: Structures of the Materials Project to learn from, validation included: 100 epochs of the slowest peer fit into two
#: hours of one core.
LEARNED = 5000


def alloys(which: str) -> MaterialsDataset:
    """The alloys of ESNet's published test, in the structures of one state, "initial" or "relaxed"."""
    rows = [row for row in _rows() if row["in_esnet_test"]]
    used = [row for row in rows if row["formation_energy_eV_per_atom"] <= HIGHEST]
    if len(used) < len(rows):
        dropped = len(rows) - len(used)
        warnings.warn(f"{FILE}: {dropped} of {len(rows)} rows above {HIGHEST:g} eV/atom dropped", stacklevel=2)
    crystals = [
        Crystal(
            np.array([NUMBERS[symbol] for symbol in row["symbols"]]),
            lattice(row[which]["cellpar"]),
            np.array(row[which]["frac"]),
        )
        for row in used
    ]
    ids, formulas = [row["id"] for row in used], [formula_by_number_of(crystal) for crystal in crystals]
    table = MaterialsDataset.from_structures(ids, crystals, formulas=formulas, origin=f"2e-ORR alloys, {which}")
    return table.with_target(TARGET, np.array([row["formation_energy_eV_per_atom"] for row in used]), UNIT)


def orr_relaxed() -> MaterialsDataset:
    """The 2e-ORR alloys of ESNet's test after relaxation, with the energies that they have then (VASP)."""
    return alloys("relaxed")


def mp_and_orr_initial() -> MaterialsDataset:
    """5,000 structures of the Materials Project to learn from and, marked, ESNet's unrelaxed 2e-ORR test alloys.

    Those have formation energies that belong to their id, no f elements and no composition of the alloys.
    """
    tested = alloys("initial")
    pack = mp_structures()
    energies = pack.target("formation_energy_per_atom").values
    known = np.isfinite(energies) & (energies <= HIGHEST) & (_of_their_id() == 1)
    compositions = {_composition(formula) for formula in tested.formulas.tolist()}
    good = []
    for row in np.flatnonzero(known):
        composition = _composition(str(pack.formulas[row]))
        if composition not in compositions and not F_BLOCK & {z for z, _ in composition}:
            good.append(row)
    if len(good) < LEARNED:
        raise UserError(f"{pack.origin} has {len(good)} structures to learn from, fewer than the {LEARNED} asked for")
    chosen = np.sort(np.random.default_rng(0).permutation(np.array(good))[:LEARNED])
    training = pack.take(chosen)
    table = MaterialsDataset.from_structures(
        [*training.ids.tolist(), *tested.ids.tolist()],
        [*training.structures(), *tested.structures()],
        formulas=[*training.formulas.tolist(), *tested.formulas.tolist()],
        origin="mp-and-orr-initial",
    )
    table = table.with_target(TARGET, np.concatenate([energies[chosen], tested.target(TARGET).values]), UNIT)
    return table.with_target("test", np.repeat([0.0, 1.0], [len(training), len(tested)]), "1")


def lattice(cellpar: Sequence[float]) -> np.ndarray:
    """The vectors (3, 3) of a cell of lengths in angstrom and angles in degree: a along x, b in the xy plane."""
    a, b, c = cellpar[:3]
    cosines = np.cos(np.radians(cellpar[3:]))
    # Exact where the angle is: the cosine of 90 degrees is 6e-17.
    alpha, beta, gamma = np.where(np.asarray(cellpar[3:]) == 90, 0.0, cosines)
    sine = np.sqrt(1 - gamma**2)
    x, y = beta, (alpha - beta * gamma) / sine
    return np.array([[a, 0, 0], [b * gamma, b * sine, 0], [c * x, c * y, c * np.sqrt(1 - x**2 - y**2)]])


def _rows() -> list[dict]:
    path = existing(FILE)
    try:
        with open_text(path) as file:
            return [json.loads(line) for line in file]
    except (*DAMAGE, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); fetch it again") from None


def _of_their_id() -> np.ndarray:
    """Where the formation energies of the pack come from: 1 by id, 2 by formula."""
    with reading_hdf5(existing("mp/mp_structures.h5")) as file:
        # A pack that was fetched from the Materials Project has energies by id alone.
        return (
            file["formation_energy_source"][:]
            if "formation_energy_source" in file
            else np.ones(len(file["offset"]) - 1)
        )


def _composition(formula: str) -> frozenset:
    return frozenset(parse_formula(formula).items())
