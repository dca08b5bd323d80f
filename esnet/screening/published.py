"""The screening of the article, recomputed from the published predictions of its authors.

Their files list energies by element pair and prototype. Compositions come from the structures of the same dataset,
matched by element pair and energy.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import UserError
from common.io.compressed import open_text
from common.sources.datadir import place
from esnet.screening import figures
from esnet.screening.hull import PhasePool, read_pool
from esnet.screening.thresholds import C_OPT, C_PRE, STABLE, Scan, below, c_eff, counts, evaluate, funnel

TASKS = ("IS2RE", "RS2RE")
#: Counts of the article: candidates, after each threshold, confirmed as stable.
PAPER_FUNNEL = (15318, 7710, 2742, 926)
#: Tolerance (eV/atom) of equal energies.
EQUAL = 1e-6


class Published(NamedTuple):
    """Names, formulas, formation energies of the relaxed structures and their predictions (n,) in eV/atom."""

    names: list[str]
    formulas: list[str]
    target: np.ndarray
    prediction: np.ndarray


def published(task: str = "IS2RE") -> Published:
    """Read the published predictions of a task from the data directory."""
    if task not in TASKS:
        raise UserError(f"task {task!r} is unknown; choose one of {', '.join(TASKS)}")
    with open(_there(f"esnet/published_predictions_{task}.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    structures = _structures()
    target = np.array([float(row["target"]) for row in rows])
    formulas = []
    for row, energy in zip(rows, target.tolist(), strict=True):
        pair = frozenset(row["name"].split("_")[:2])
        found = {formula for formula, known in structures[pair] if abs(known - energy) < EQUAL}
        if len(found) != 1:
            raise UserError(f"{row['name']}: {len(found)} structures match its elements and energy, not one")
        formulas.append(found.pop())
    prediction = np.array([float(row["prediction"]) for row in rows])
    return Published([row["name"] for row in rows], formulas, target, prediction)


def _structures() -> dict[frozenset[str], list[tuple[str, float]]]:
    """Element pair -> formulas and energies of its structures."""
    found = defaultdict(list)
    with open_text(_there("dos/2eorr/structures.jsonl.gz")) as file:
        for line in file:
            one = json.loads(line)
            amounts = Counter(one["symbols"])
            whole = gcd(*amounts.values())
            formula = "".join(f"{symbol}{n // whole}" for symbol, n in sorted(amounts.items()))
            found[frozenset(one["symbols"])].append((formula, one["formation_energy_eV_per_atom"]))
    return found


def _there(name: str) -> Path:
    if not place(name).exists():
        raise UserError(f"{place(name)} is not there; set MATREPRO_DATA to a data directory that has {name}")
    return place(name)


@lru_cache
def ground_states() -> PhasePool:
    """The ground states of the data directory."""
    return read_pool(_there("mp/mp_ground_states_Ef_Ed.csv.gz"), "Ef")


def published_screening(
    task: str = "IS2RE", *, pool: PhasePool | None = None, step: float = 0.01, folder: str | Path | None = None
) -> dict:
    """Errors, scores over the thresholds and screening stages of the published predictions.

    pool: default is `ground_states`. folder: where to draw Figures 4 and 5, nowhere by default.
    """
    rows = published(task)
    pool = pool or ground_states()
    target_hull, prediction_hull = (pool.e_hull(rows.formulas, e) for e in (rows.target, rows.prediction))
    report, scanned = evaluate(rows.target, target_hull, rows.prediction, prediction_hull, step=step)
    truth = below(rows.target, target_hull, STABLE)
    stages = funnel(rows.prediction, prediction_hull, truth)
    report = {"task": task, "phases in the pool": len(pool), **report, "funnel": counts(stages)}
    report["article"] = _article(report)
    if folder:
        report["pictures"] = _draw(Path(folder), rows, scanned, stages)
    return report


def _article(report: dict) -> dict:
    """The values printed in the article, and C_eff from them with our discoverability."""
    ours = report["the article's thresholds"]
    ppcr = PAPER_FUNNEL[2] / PAPER_FUNNEL[0]
    return {
        "E_f (eV/atom)": ours["E_f (eV/atom)"],
        "E_hull (eV/atom)": ours["E_hull (eV/atom)"],
        "funnel": dict(zip(report["funnel"], PAPER_FUNNEL, strict=True)),
        "success ratio of its screening": PAPER_FUNNEL[3] / PAPER_FUNNEL[2],
        "PPCR": ppcr,
        "C_opt PPCR + C_pre (s)": C_OPT * ppcr + C_PRE,
        "C_eff (s), its PPCR, our discoverability": c_eff(ours["discoverability"], ppcr),
    }


def _draw(folder: Path, rows: Published, scanned: Scan, stages: dict[str, np.ndarray]) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    return figures.screening(folder, rows.formulas, stages, scanned)
