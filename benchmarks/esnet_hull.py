"""ESNet's screening: energies above the convex hull against pymatgen's phase diagrams."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.report import Line
from common.chem.formula import parse_formula
from common.sources.datadir import place
from esnet.screening.hull import PhasePool, read_pool
from esnet.screening.published import published

#: pymatgen is slow, so it computes a sample only.
SAMPLE = 60


def hull() -> tuple[list[Line], list[str]]:
    rows = published("IS2RE")
    started, busy = time.perf_counter(), time.process_time()
    pool = read_pool(place("mp/mp_ground_states_Ef_Ed.csv.gz"), "Ef")
    read = time.process_time() - busy
    found = pool.e_hull(rows.formulas, rows.prediction)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    sample = np.random.default_rng(0).choice(len(rows.formulas), SAMPLE, replace=False)
    theirs, taken = _by_pymatgen(pool, [(rows.formulas[row], rows.prediction[row]) for row in sample])
    apart = float(np.abs(theirs - found[sample]).max())
    ours_each, theirs_each = (busy - read) / len(rows.formulas), taken / SAMPLE
    entries = f"{len(rows.formulas):,} predictions against {len(pool):,} phases, one core"
    each = f"PhaseDiagram of the entry's chemical system: {1e3 * theirs_each:.2f} ms, ours {1e3 * ours_each:.3f} ms"
    lines = [
        Line("E_hull of all, reading the pool included", seconds, "s", "< 180", entries),
        Line("speed-up over pymatgen per material", theirs_each / ours_each, "times", ">= 5", each),
        Line("largest difference from pymatgen", apart, "eV/atom", "<= 1e-6", f"{SAMPLE} random entries"),
    ]
    return lines, [
        f"Reading the pool takes {read:.1f} of {busy:.1f} s of processor time; pymatgen gets the phases of each "
        "chemical system, so its time includes neither reading nor searching the pool."
    ]


def _by_pymatgen(pool: PhasePool, materials: list[tuple[str, float]]) -> tuple[np.ndarray, float]:
    """E_hull of each material from its own phase diagram, and the processor time of the diagrams."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    elements = [frozenset(parse_formula(formula)) for formula in pool.formulas]
    values, taken = [], 0.0
    for formula, energy in materials:
        own = Composition(formula)
        system = frozenset(parse_formula(formula))
        entries = [PDEntry(Composition(element.symbol), 0.0) for element in own]
        for phase, energy_of, inside in zip(pool.formulas, pool.energies, (e <= system for e in elements), strict=True):
            if inside:
                composition = Composition(phase)
                entries.append(PDEntry(composition, energy_of * composition.num_atoms))
        started = time.process_time()
        entry = PDEntry(own, energy * own.num_atoms)
        values.append(PhaseDiagram(entries).get_e_above_hull(entry, allow_negative=True))
        taken += time.process_time() - started
    return np.array(values), taken
