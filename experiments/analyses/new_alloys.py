"""The whole screening of the article with an open DFT backend: prototypes, densities, predictions, relaxations.

ESNet learns from the 2e-ORR alloys in the data directory; GPAW computes densities of alloys of pairs of elements that
are not among them. The best by prediction are relaxed, and for comparison the best by GPAW's energy of the unrelaxed
cell, which comes with the density of states.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.data.materials import MaterialsDataset
from common.data.splits import by_formula, chemical_system, chemical_systems
from common.io.files import cache_root
from common.sources import densities, load_source
from esnet.dft.substitution import substitute
from esnet.dos.file import program_of
from esnet.screening.candidates import candidates
from esnet.screening.published import ground_states
from esnet.screening.ranking import Candidates, rank
from esnet.screening.relaxation import verify
from esnet.screening.thresholds import PAPER_OPTIMUM, STABLE, below
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable
from experiments.declare import plan
from experiments.declare.models import make_model
from experiments.run.store import versions

BEST = 10
#: Metals of the 2e-ORR alloys with reference energies of GPAW, without those that are magnetic.
ELEMENTS = ("Sc", "Y", "Hf", "Pd", "Cu", "Ag", "Au", "Zn", "Cd", "In", "Sn")
#: Two atoms a cell, at ideal axes; Vegard's rule gives the volume.
PROTOTYPES = (
    ("B2", Crystal(np.array([55, 17]), np.eye(3) * 4.1, np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))),
    ("L1_0", Crystal(np.array([29, 79]), np.diag([1, 1, 2**0.5]) * 2.8, np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]]))),
)
BY_MODEL, BY_ENERGY = "ESNet", "energy of the unrelaxed cell"
HEAD = [
    *("alloy", "E_f predicted (eV/atom)", "E_f unrelaxed (eV/atom)", "E_f relaxed (eV/atom)"),
    *("E_hull relaxed (eV/atom)", "change of volume (%)", "stable"),
]


def demonstration() -> dict:
    """The report that is stored. Training and calculations stay in the cache; interrupted ones resume."""
    folder = cache_root() / "screening" / "new-alloys"
    learned = load_source("isdos-2eorr")
    model = trained(learned, folder / "model")
    made = list(_new(learned))
    pool = ground_states()
    predicted = candidates(model, made, folder / "dos", processes=-1).usable()
    computed = densities.load(folder / "dos" / "dos.h5")
    unrelaxed = computed.select(predicted.ids).target("formation_energy").values
    by_energy = Candidates(predicted.ids, predicted.formulas, unrelaxed)
    hulls, own = (pool.e_hull(predicted.formulas, e) for e in (predicted.energies, unrelaxed))
    return {
        "elements": ELEMENTS,
        "model": model.settings() | {"best_validation": model.state.best, "best_epoch": model.state.best_epoch + 1},
        "materials learned": len(model.split.train) + len(model.split.validation),
        "versions": versions("tensorflow") | {"engine": program_of(folder / "dos" / "dos.h5")},
        "phases in the pool": len(pool),
        "left_out": predicted.left_out,
        "pass": int(below(predicted.energies, hulls, PAPER_OPTIMUM).sum()),
        "stable unrelaxed": int(below(unrelaxed, own, STABLE).sum()),
        "orders": {
            BY_MODEL: _relaxed(predicted, pool, folder, "by-model"),
            BY_ENERGY: _relaxed(by_energy, pool, folder, "by-energy"),
        },
        "candidates": {
            name: {"predicted": round(float(e), 5), "unrelaxed": round(float(u), 5)}
            for name, e, u in zip(predicted.ids, predicted.energies, unrelaxed, strict=True)
        },
    }


def trained(table: MaterialsDataset, folder: Path):
    """ESNet as in Table 1, on all materials but a tenth of the pairs of elements, which validate."""
    model = make_model(plan.runs_of("esnet", "table1", "real", "IS2RE (new element pairs)", "ESNet")[0].settings)
    split = by_formula(MaterialsDataset(table.ids, chemical_systems(table), origin=table.origin), (0.9, 0.1, 0))
    return model.fit(table, "formation_energy", split, folder=folder)


def _new(learned: MaterialsDataset) -> Iterator[tuple[str, Crystal]]:
    """Alloys of pairs of elements that the model has not seen together."""
    known = set(chemical_systems(learned))
    for name, crystal in substitute(PROTOTYPES, ELEMENTS, volume="vegard"):
        if chemical_system(crystal.numbers.tolist()) not in known:
            yield name, crystal


def _relaxed(ordered: Candidates, pool, folder: Path, name: str) -> dict:
    rank(ordered, pool, folder / name, pictures=False)
    found = verify(folder / name, pool, BEST, calculations=folder, processes=-1)
    with open(folder / name / "relaxed.csv", newline="") as file:
        return {**found, "rows": list(csv.DictReader(file))}


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """What was relaxed and what of it is stable, for each order of the candidates."""
    found = declared.get("stored")
    if not found:
        return [TextTable.not_run("the best of new alloys")]
    return [_part(order, one, found) for order, one in found["orders"].items()]


def _part(order: str, one: dict, found: dict) -> TextTable:
    known = found["candidates"]
    rows = [
        [
            row["id"],
            *(f"{known[row['id']][which]:.3f}" for which in ("predicted", "unrelaxed")),
            *(f"{float(row[name]):.3f}" for name in HEAD[3:5]),
            f"{float(row[HEAD[5]]):.1f}",
            "yes" if row["stable"] == "True" else "no",
        ]
        for row in one["rows"]
    ]
    notes = [f"{one['stable']} of {one['materials']} are stable when relaxed."]
    if one["rows"] and order == BY_MODEL:
        notes += [
            f"Predicted and relaxed E_f differ by {one['MAE of E_f (eV/atom)']:.3f} eV/atom on average.",
            f"{found['pass']} of {len(known)} candidates pass the article's thresholds; {found['stable unrelaxed']} "
            "are stable by the energy of the unrelaxed cell already, and no relaxation raises it.",
        ]
    notes += [f"Left out: {name}, {reason}." for name, reason in (one["failed"] | found["left_out"]).items()]
    return TextTable(f"the best {one['materials']} by {order}", HEAD, rows, notes)
