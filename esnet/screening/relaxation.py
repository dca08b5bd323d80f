"""Verify a screening: relax the best candidates by DFT and compare their energies with the same hull."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from common.io.files import write_text
from common.io.hdf5 import reading_hdf5
from common.io.text import as_csv
from esnet.dft.backends import RELAXED, Settings
from esnet.dft.batch import run_batch
from esnet.dft.batch_folder import read_jobs
from esnet.screening.hull import PhasePool
from esnet.screening.thresholds import STABLE, below

NO_REFERENCE = "an element has no reference energy, so the relaxed formation energy is unknown"
HEADER = [
    *("id", "formula", "E_f predicted (eV/atom)", "E_hull predicted (eV/atom)", "E_f unrelaxed (eV/atom)"),
    *("E_f relaxed (eV/atom)", "E_hull relaxed (eV/atom)", "change of volume (%)", "steps", "cost (CPU s)", "stable"),
]


def verify(
    folder: str | Path,
    pool: PhasePool,
    count: int,
    *,
    calculations: str | Path | None = None,
    settings: Settings = RELAXED,
    **options: Any,
) -> dict:
    """Relax the first `count` candidates of `folder`/ranked.csv that pass, write relaxed.csv, return a summary.

    calculations: folder with the calculations of `esnet.screening.candidates` in its subfolder dos, default `folder`.
    Relaxations are stored in its subfolder relaxed and not repeated. `options` are those of `run_batch`. Stability is
    defined as in the article: E_f at most 0, E_hull at most 0.1 eV/atom.
    """
    folder = Path(folder)
    work = Path(calculations or folder)
    with open(folder / "ranked.csv", newline="") as file:
        chosen = [row for row in csv.DictReader(file) if row["decision"] == "relax"][:count]
    if not chosen:
        write_text(folder / "relaxed.csv", as_csv(HEADER, []))  # replaces that of an earlier screening
        return {"materials": 0, "stable": 0, "failed": {}}
    crystals = read_jobs(work / "dos")
    jobs = [(row["id"], crystals[row["id"]]) for row in chosen]
    report = run_batch(jobs, work / "relaxed", settings=settings, **options)
    failed = dict(report.failed)
    found = _attributes(report.path, [row["id"] for row in chosen if row["id"] not in failed])
    failed |= {name: NO_REFERENCE for name, one in found.items() if np.isnan(one["formation_energy_eV_per_atom"])}
    done = [row for row in chosen if row["id"] not in failed]
    before = _attributes(work / "dos" / "dos.h5", [row["id"] for row in done])
    energies = np.array([found[row["id"]]["formation_energy_eV_per_atom"] for row in done], dtype=float)
    hulls = pool.e_hull([row["formula"] for row in done], energies) if done else np.zeros(0)
    stable = below(energies, hulls, STABLE)
    lines = [
        [
            *(row[name] for name in ("id", "formula", "E_f (eV/atom)", "E_hull (eV/atom)")),
            *(f"{value:.6g}" for value in (before[row["id"]]["formation_energy_eV_per_atom"], energy, hull)),
            *_cost(found[row["id"]]),
            bool(holds),
        ]
        for row, energy, hull, holds in zip(done, energies, hulls, stable, strict=True)
    ]
    write_text(folder / "relaxed.csv", as_csv(HEADER, lines))
    errors = np.abs(energies - [float(row["E_f (eV/atom)"]) for row in done])
    mean = {"MAE of E_f (eV/atom)": float(errors.mean())} if done else {}
    return {"materials": len(done), "stable": int(stable.sum()), **mean, "failed": failed}


def _cost(relaxed: dict) -> list:
    return [f"{100 * relaxed['volume_change']:.2f}", int(relaxed["relaxation_steps"]), f"{relaxed['cpu_s']:.1f}"]


def _attributes(path: Path, names: list[str]) -> dict[str, dict]:
    with reading_hdf5(path) as file:
        return {name: dict(file["materials"][name].attrs) for name in names}
