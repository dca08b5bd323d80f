"""Figures 1a, A1, A5 and A6 of ESNet: a total density of states, bond lengths, and the released predictions.

Each function gives the report that is stored (curve_report.py).
"""

from __future__ import annotations

import numpy as np

from common.chem.crystal import Crystal
from common.chem.lattice import pairs_within
from common.data import metrics
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.hdf5 import reading_hdf5
from common.io.progress import progress
from common.sources import load_source
from common.sources.datadir import existing
from esnet.datasets.densities import UNRELAXED, relaxed_densities
from esnet.datasets.orr_alloys import alloys
from esnet.dos.file import ENERGIES
from esnet.screening.published import TASKS, published
from experiments.analyses.curve_report import histogram, panel, report

#: CdAu in the prototype of PdHg (mp-2685), by its id in the data directory.
CDAU = "100721"
#: Neighbours of each atom, as in the inputs of CGCNN, and the radii (angstrom) within which they are looked for.
NEIGHBOURS, RADII = 12, (6.0, 10.0, 16.0)


def total_dos() -> dict:
    """Figure 1a: total density of states of CdAu before and after relaxation, relative to the Fermi level."""
    paths = {"unrelaxed": existing(UNRELAXED), "relaxed": relaxed_densities()}
    curves, rows = {}, []
    for state, path in paths.items():
        with reading_hdf5(path) as file:
            if CDAU not in file["materials"]:
                raise UserError(f"{path} has no material {CDAU}; compute it again")
            group = file["materials"][CDAU]
            values = group["dos_total_rel"][:].astype(float).sum(axis=0)
            rows.append([state, f"{group.attrs['efermi_eV']:.3f}"])
        curves[state] = [ENERGIES.tolist(), np.round(values, 4).tolist()]
    overlap = metrics.pearson(*(np.array(y) for _, y in curves.values()))
    return report(
        "CdAu in the structure of PdHg (mp-2685)",
        ["structure", "Fermi level (eV)"],
        rows,
        [f"Pearson's r of the two curves: {overlap:.3f}.", "Densities by GPAW; the article has VASP's."],
        [panel(("energy from the Fermi level (eV)", "states/eV"), curves, bins=False)],
    )


def bond_lengths() -> dict:
    """Figure A1: change of the distances to the nearest neighbours during relaxation, over all 2e-ORR alloys."""
    initial = alloys("initial")
    return bond_changes(initial, load_source("orr-relaxed").select(initial.ids.tolist()))


def bond_changes(initial: MaterialsDataset, relaxed: MaterialsDataset) -> dict:
    """Statistics of the changes over all atoms; the k-th nearest neighbour before is compared with that after."""
    changes, relative, means = [], [], []
    pairs = zip(initial.structures(), relaxed.structures(), strict=True)
    for before, after in progress(pairs, total=len(initial), desc="bond lengths", unit="material"):
        one, other = nearest(before), nearest(after)
        changes.append((other - one).ravel())
        relative.append((np.abs(other - one) / one).ravel())
        means.append(np.abs(other - one).mean())
    change, share = np.concatenate(changes), np.concatenate(relative)
    rows = [
        ["mean absolute change (angstrom)", f"{np.abs(change).mean():.3f}"],
        ["mean absolute change (%)", f"{100 * share.mean():.2f}"],
        ["median over materials of their mean change (angstrom)", f"{np.median(means):.3f}"],
        ["bonds that change by more than 0.1 angstrom (%)", f"{100 * (np.abs(change) > 0.1).mean():.1f}"],
        ["bonds that become shorter (%)", f"{100 * (change < 0).mean():.1f}"],
    ]
    notes = [f"{len(initial):,} pairs of structures, {NEIGHBOURS} nearest neighbours of each atom."]
    curve = histogram(change, np.linspace(-1.5, 1.5, 121))
    drawn = panel(("change (angstrom)", "bonds (%)"), {"all": curve})
    return report("bond lengths", ["quantity", "value"], rows, notes, [drawn])


def nearest(crystal: Crystal) -> np.ndarray:
    """Distances (n, 12) from each atom to its nearest neighbours, increasing."""
    n = len(crystal.numbers)
    for radius in RADII:
        pairs = pairs_within(crystal.lattice, crystal.frac, radius)
        order = np.lexsort((pairs.distance, pairs.centre))
        counts = np.bincount(pairs.centre, minlength=n)
        if counts.min() >= NEIGHBOURS:
            starts = np.cumsum(counts) - counts
            return pairs.distance[order][starts[:, None] + np.arange(NEIGHBOURS)]
    raise UserError(f"an atom has fewer than {NEIGHBOURS} neighbours within {RADII[-1]:g} angstrom; check the cell")


def target_energies() -> dict:
    """Figure A5: the distribution of the formation energies of the test materials."""
    target = published(TASKS[0]).target
    rows = [
        [name, f"{value:.3f}"]
        for name, value in (
            ("mean (eV/atom)", target.mean()),
            ("standard deviation (eV/atom)", target.std()),
            ("lowest (eV/atom)", target.min()),
            ("highest (eV/atom)", target.max()),
            ("at most 0 eV/atom (%)", 100 * (target <= 0).mean()),
        )
    ]
    curve = histogram(target, np.linspace(-4, 5, 91))
    drawn = panel(("formation energy (eV/atom)", "materials (%)"), {"target": curve})
    notes = [f"{len(target):,} materials of the released results; the article has 7,168."]
    return report("test materials", ["quantity", "value"], rows, notes, [drawn])


def released_errors() -> dict:
    """Figure A6: errors of the released predictions from unrelaxed and from relaxed structures."""
    curves, rows = {}, []
    for task in TASKS:
        found = published(task)
        scores = metrics.regression(found.target, found.prediction)
        errors = found.prediction - found.target
        within = 100 * (np.abs(errors) <= 0.1).mean()
        numbers = (scores["MAE"], scores["RMSE"], errors.mean(), np.median(np.abs(errors)), within)
        rows.append([task, *(f"{value:.3f}" for value in numbers)])
        curves[task] = histogram(errors, np.linspace(-2, 2, 81))
    head = ["task", *(f"{name} (eV/atom)" for name in ("MAE", "RMSE", "mean error", "median error")), "within 0.1 (%)"]
    drawn = panel(("prediction minus target (eV/atom)", "materials (%)"), curves)
    return report("released predictions of ESNet", head, rows, [], [drawn])
