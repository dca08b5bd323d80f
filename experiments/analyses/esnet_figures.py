"""Figures 1a, A1, A5 and A6 of ESNet: a total density of states, bond lengths, and the released predictions.

Each function gives the report that is stored: a table of text, and curves for one plot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.chem.lattice import pairs_within
from common.data import metrics
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.hdf5 import reading_hdf5
from common.io.progress import progress
from common.plots import BLUE, INK, RED, drawing
from common.sources import load_source
from common.sources.datadir import existing
from esnet.datasets.densities import UNRELAXED, relaxed_densities
from esnet.datasets.orr_alloys import alloys
from esnet.dos.file import ENERGIES
from esnet.screening.published import TASKS, published
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable

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
    return _report(
        "CdAu in the structure of PdHg (mp-2685)",
        ["structure", "Fermi level (eV)"],
        rows,
        [f"Pearson's r of the two curves: {overlap:.3f}.", "Densities by GPAW; the article has VASP's."],
        curves,
        ("energy from the Fermi level (eV)", "states/eV"),
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
    curve = _histogram(change, np.linspace(-1.5, 1.5, 121))
    return _report(
        "bond lengths", ["quantity", "value"], rows, notes, {"all": curve}, ("change (angstrom)", "bonds (%)")
    )


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
    curve = _histogram(target, np.linspace(-4, 5, 91))
    labels = ("formation energy (eV/atom)", "materials (%)")
    notes = [f"{len(target):,} materials of the released results; the article has 7,168."]
    return _report("test materials", ["quantity", "value"], rows, notes, {"target": curve}, labels)


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
        curves[task] = _histogram(errors, np.linspace(-2, 2, 81))
    head = ["task", *(f"{name} (eV/atom)" for name in ("MAE", "RMSE", "mean error", "median error")), "within 0.1 (%)"]
    labels = ("prediction minus target (eV/atom)", "materials (%)")
    return _report("released predictions of ESNet", head, rows, [], curves, labels)


def _histogram(values: np.ndarray, edges: np.ndarray) -> list[list[float]]:
    """Centres of the bins and percentages; values beyond the ends are in the outermost bins."""
    counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    centres = (edges[1:] + edges[:-1]) / 2
    return [np.round(centres, 6).tolist(), np.round(100 * counts / len(values), 4).tolist()]


def _report(
    title: str,
    head: list[str],
    rows: list[list[str]],
    notes: list[str],
    curves: dict[str, list[list[float]]],
    labels: tuple[str, str],
) -> dict:
    return {"title": title, "head": head, "rows": rows, "notes": notes, "curves": curves, "labels": labels}


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """The stored table."""
    found = declared.get("stored")
    if not found:
        return [TextTable.not_run(declared["title"])]
    return [TextTable(found["title"], found["head"], found["rows"], found["notes"])]


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """The stored curves in one plot."""
    found = declared.get("stored")
    if found:
        path = folder / "curves.png"
        with drawing(path, (4.8, 3.2)) as axes:
            for (name, (x, y)), colour in zip(found["curves"].items(), (BLUE, RED, INK), strict=False):
                axes.plot(x, y, color=colour, linewidth=1.0, label=name)
            axes.axvline(0.0, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
            axes.set(xlabel=found["labels"][0], ylabel=found["labels"][1])
            if len(found["curves"]) > 1:
                axes.legend(fontsize=8)
        yield path
