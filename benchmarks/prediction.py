"""Prediction of crystals from CIF text to value, warm, with the parts of the time: reading, features, network."""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.child import fresh
from benchmarks.datasets import crystals
from benchmarks.report import Line
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.sources import files
from common.train import devices
from finder.regressor import CrystalFinder
from profitnet.regressor import PROFiTNet

CRYSTALS, SITES, ROUNDS = 300, (25, 35), 3
NETWORKS = {"Finder": CrystalFinder, "PROFiT-Net": PROFiTNet}


def from_cif() -> tuple[list[Line], list[str]]:
    lines = []
    for name in NETWORKS:
        found = fresh("benchmarks.prediction:predict", name)
        parts = {part: min(times) for part, times in found["times"].items()}
        text = ", ".join(f"{part} {seconds:.2f} s" for part, seconds in parts.items())
        rate = CRYSTALS / sum(parts.values())
        lines.append(
            Line(f"{name}, CIF text to value", rate, "crystals a second", ">= 300", f"{CRYSTALS} crystals: {text}")
        )
    note = f"P1 cells of {SITES[0]} to {SITES[1]} atoms, none seen before; all cores; the best of {ROUNDS} rounds."
    return lines, [note]


def predict(name: str) -> dict[str, dict[str, list[float]]]:
    """Seconds of each part, in every round after one that starts processes and traces the network."""
    devices.setup(0)
    jobs = os.cpu_count() or 1
    table = crystals(CRYSTALS * (ROUNDS + 1), SITES)
    few = table.take(np.arange(32))
    times: dict[str, list[float]] = {"reading": [], "features": [], "network": []}
    with TemporaryDirectory() as folder:
        os.environ["MATREPRO_CACHE"] = f"{folder}/cache"
        model = NETWORKS[name](epochs=1)
        model.fit(few, "formation_energy_per_atom", Split(tuple(few.ids.tolist()), (), ()))
        for number in range(ROUNDS + 1):
            inside = Path(folder) / str(number)
            _write(table.take(np.arange(CRYSTALS * number, CRYSTALS * (number + 1))), inside)
            ends = [time.perf_counter()]
            read = files.load(inside, jobs=jobs).table
            ends.append(time.perf_counter())
            made = model.features(read, jobs)
            ends.append(time.perf_counter())
            model.predict_features(read, made, bar=False)
            ends.append(time.perf_counter())
            for part, seconds in zip(times.values(), np.diff(ends).tolist(), strict=True):
                part.append(seconds)
    return {"times": {part: seconds[1:] for part, seconds in times.items()}}


def _write(table: MaterialsDataset, folder: Path) -> None:
    from pymatgen.core import Lattice, Structure
    from pymatgen.io.cif import CifWriter

    folder.mkdir()
    for name, crystal in zip(table.ids.tolist(), table.structures(), strict=True):
        structure = Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac)
        (folder / f"{name}.cif").write_text(str(CifWriter(structure)))
