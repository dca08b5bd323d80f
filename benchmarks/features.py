"""Featurization against the released program and pymatgen; features on disk; several processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks.child import fresh
from benchmarks.report import Line
from benchmarks.timing import GIB, best_of, total_processor_time
from common.chem.crystal import Crystal
from common.features.cache import FeatureCache, featurize
from common.io.hdf5 import open_hdf5
from common.sources import load_source
from common.sources.datadir import data_root
from profitnet.features import FEATURE_VERSION, profit_matrix, weights_row

#: Crystals without symmetry, 20 to 24 atoms, in addition to those of the reference file.
P1_EXTRA = 5
#: Number of repetitions; the fastest counts.
REPEAT = 2
FLAT = "mp-1247858"


def featurization() -> tuple[list[Line], list[str]]:
    """The 40 reference structures and some P1 cells with the released program, pymatgen and our code."""
    from tests.profitnet.reference import pymatgen_structure, released_matrix

    warnings.simplefilter("ignore")
    from pymatgen.analysis.local_env import VoronoiNN
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    crystals, matrices = _reference()
    # Exclude imports and caches of the first call from the comparison.
    profit_matrix(crystals[0], "released"), released_matrix(crystals[0])
    times = []
    for crystal in crystals:
        structure = pymatgen_structure(crystal)
        ours, _ = best_of(REPEAT, lambda c=crystal: profit_matrix(c, "released"))
        released, matrix = best_of(REPEAT, lambda c=crystal: released_matrix(c))
        pymatgen, _ = best_of(REPEAT, lambda s=structure: VoronoiNN(allow_pathological=True).get_all_nn_info(s))
        no_symmetry = len(structure) >= 20 and SpacegroupAnalyzer(structure).get_space_group_number() == 1
        times.append((ours, released, pymatgen, no_symmetry))
        matrices[len(times) - 1] = _difference(matrix, matrices[len(times) - 1])
    table = np.array(times)
    p1 = [row[:2] for row in times if row[3]]
    for crystal in _p1_cells():
        ours, _ = best_of(REPEAT, lambda c=crystal: profit_matrix(c, "released"))
        p1.append((ours, best_of(REPEAT, lambda c=crystal: released_matrix(c))[0]))
    ratio, bare, alone = table[:, 1] / table[:, 0], table[:, 2] / table[:, 0], np.divide(*np.array(p1).T[::-1])
    flat = fresh("benchmarks.features:featurize_one", FLAT)
    path = "the released program rebuilt: 3x3x3 supercell, one site per orbit, VoronoiNN, periodic distances"
    lines = [
        Line("40 reference structures, mean ratio", ratio.mean(), "times", ">= 25", path),
        Line(f"{len(p1)} P1 cells of 20 to 24 atoms, mean ratio", alone.mean(), "times", ">= 60", path),
        Line("the same, smallest ratio", alone.min(), "times", ">= 60", path),
        Line("40 structures, mean ratio", bare.mean(), "times", ">= 12", "VoronoiNN.get_all_nn_info on the bare cell"),
        Line(f"peak memory of {FLAT}", flat["peak"] / GIB, "GiB", "< 1", "whole process, a flat cell of 12 atoms"),
    ]
    notes = [
        f"Ours takes {1e3 * table[:, 0].mean():.1f} ms per structure (each the best of {REPEAT}), the released program "
        f"{1e3 * table[:, 1].mean():.0f} ms, pymatgen alone {1e3 * table[:, 2].mean():.0f} ms. Ratio of the sums: "
        f"{table[:, 1].sum() / table[:, 0].sum():.0f} and {table[:, 2].sum() / table[:, 0].sum():.0f}. "
        f"The ratio to the released program is between {ratio.min():.0f} and {ratio.max():.0f}.",
        f"The rebuilt program reproduces the 40 reference matrices to {max(matrices):.1e} of the largest entry.",
    ]
    return lines, notes


def _reference() -> tuple[list[Crystal], list]:
    crystals, matrices = [], []
    with open_hdf5(data_root() / "profit" / "profit_reference.h5") as file:
        for name in file:
            if name != "atom_vectors_released":
                group = file[name]
                crystals.append(Crystal(group["z"][:], group["lattice"][:], group["frac"][:]))
                matrices.append(group["matrix"][:])
    return crystals, matrices


def _p1_cells() -> list[Crystal]:
    table = load_source("mp-structures")
    with open_hdf5(data_root() / "mp" / "mp_structures.h5") as file:
        fits = (file["spacegroup"][:] == 1) & (file["nsites"][:] >= 20) & (file["nsites"][:] <= 24)
    rows = np.random.default_rng(0).choice(np.flatnonzero(fits), P1_EXTRA, replace=False)
    return [table.structure(row) for row in rows]


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / np.abs(other).max())


def featurize_one(name: str) -> None:
    table = load_source("mp-structures").select([name])
    weights_row(table.structure(0))


# --- Many crystals -----------------------------------------------------------------------------------

#: Large enough that the start of the processes hardly matters, small enough to be run often.
SAMPLE, ALL = 6_000, 36_000


def on_disk() -> tuple[list[Line], list[str]]:
    """Size of the cache of a sample of the 46,744-id list, extrapolated to all."""
    rows = _rows(SAMPLE)
    with empty_cache() as folder:
        started = time.perf_counter()
        made = featurize(rows, FEATURE_VERSION, weights_row, jobs=2)
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.h5"))
        shards = len(FeatureCache(FEATURE_VERSION))
    each = size / len(made.rows)
    lines = [
        Line(
            f"{ALL} crystals on disk, extrapolated",
            each * ALL / 1e6,
            "MB",
            "<= 15",
            f"{len(made.rows)} crystals of the 46,744-id list take {size / 1e6:.2f} MB; a dense matrix takes 74 kB",
        )
    ]
    notes = [
        f"Extrapolated from {SAMPLE:,} random crystals ({each:.0f} bytes each, {shards:,} distinct keys), not "
        f"measured on {ALL:,}. {len(made.errors)} left out. Featurized with JOBS=2 in {seconds:.0f} s."
    ]
    return lines, notes


def jobs(count: int = SAMPLE) -> tuple[list[Line], list[str]]:
    """Wall time, and processor time, which other load affects less."""
    seconds, busy = {}, {}
    for n in (1, 2):
        measured = fresh("benchmarks.features:featurize_many", count, n)
        seconds[n], busy[n] = measured["seconds"], measured["busy"]
    reference = f"{count} crystals with JOBS=1 take {seconds[1]:.1f} s, with JOBS=2 {seconds[2]:.1f} s, start included"
    lines = [Line("JOBS=2 against JOBS=1", seconds[1] / seconds[2], "times", ">= 1.7", reference)]
    notes = [
        f"Processor time {busy[1]:.1f} s with JOBS=1 and {busy[2]:.1f} s with JOBS=2, all processes together. Right "
        f"after, two parallel empty loops got {_free_cores():.2f} cores of this machine, the upper limit of the ratio."
    ]
    return lines, notes


def _free_cores(processes: int = 2) -> float:
    """Number of cores that this machine gives to busy processes at the moment."""
    loop = "import time\nwhile time.process_time() < 2: pass"
    started = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(processes)]
    for process in running:
        process.wait()
    return 2 * processes / (time.perf_counter() - started)


def featurize_many(count: int, n: int) -> dict[str, float]:
    from joblib.externals.loky import get_reusable_executor

    table = _rows(count, seed=1)
    with empty_cache():
        seconds, _ = best_of(1, lambda: featurize(table, FEATURE_VERSION, weights_row, jobs=n))
    if n > 1:
        get_reusable_executor().shutdown(wait=True)  # the time of a child is counted when it has ended
    return {"seconds": seconds, "busy": total_processor_time()}


def _rows(count: int, seed: int = 0):
    table = load_source("profit-pbe-enthalpy")
    return table.take(np.sort(np.random.default_rng(seed).choice(len(table), count, replace=False)))


class empty_cache(tempfile.TemporaryDirectory):
    """Context manager with an empty feature cache."""

    def __enter__(self):
        folder = super().__enter__()
        self.before = os.environ.get("MATREPRO_CACHE")
        os.environ["MATREPRO_CACHE"] = folder
        return folder

    def __exit__(self, *error):
        if self.before is None:
            del os.environ["MATREPRO_CACHE"]
        else:
            os.environ["MATREPRO_CACHE"] = self.before
        super().__exit__(*error)
