"""diffcomp: patterns against a direct sum, images of a dataset, epochs against Keras, composition embedding."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.child import fresh
from benchmarks.features import empty_cache
from benchmarks.report import Line
from benchmarks.timing import MIB, best_of, total_processor_time
from common.chem.crystal import Crystal
from common.sources import load_source
from common.train import devices, loop
from diffcomp.composition.embedding import corpus, learn
from diffcomp.diffraction.condor import block
from diffcomp.diffraction.lattice_sum import intensity, pixels_of, scattering_factor
from diffcomp.diffraction.settings import ELECTRON_RADIUS, Diffraction, rotations
from diffcomp.regressor import DiffComp

GRID, ATOMS, SIZES = 256, 12, (100, 200, 400)
#: The direct sum is computed for every n-th pixel, and its time multiplied by n.
EVERY = 64
#: Materials and rounds of the comparison with Keras.
ROWS, ROUNDS = 256, 3


# --- patterns ------------------------------------------------------------------------------------


def patterns() -> tuple[list[Line], list[str]]:
    """In processor time, so that threads and other load do not matter."""
    table = load_source("diffcomp-binaries")
    crystal = table.structure(next(row for row in range(len(table)) if table.n_sites(row) == ATOMS))
    pattern = intensity(crystal, GRID)
    ours = best_of(9, lambda: intensity(crystal, GRID), time.process_time)[0]
    chosen, added = _direct(crystal)
    difference = np.abs(added - pattern.reshape(3, -1)[:, chosen]).max() / pattern.max()
    direct = EVERY * best_of(1, lambda: _direct(crystal), time.process_time)[0]
    large = [Crystal(np.full(n, 8), np.eye(3) * 10.0, np.random.default_rng(0).random((n, 3))) for n in SIZES]
    growing = [best_of(3, lambda c=c: intensity(c, GRID), time.process_time)[0] for c in large]
    reference = f"{ATOMS} atoms, three beams, {GRID} x {GRID} pixels, processor time, best of 9"
    sample = f"the atoms of 1,000 cells in every pixel, numpy: {direct:.0f} s, measured on every {EVERY}th pixel"
    return [
        Line("one material", ours, "s", "<= 0.05", reference),
        Line("the same against a direct sum", direct / ours, "times", ">= 50", sample),
        Line("twice the atoms, time", growing[-1] / growing[-2], "times", "<= 2.2", f"{SIZES[-1]} against {SIZES[-2]}"),
    ], [
        f"Largest difference to the direct sum {difference:.1e} of the brightest pixel. {', '.join(map(str, SIZES))} "
        f"atoms take {', '.join(f'{1e3 * t:.0f}' for t in growing)} ms. FXI Condor, a direct sum on one core, "
        "is not installed here; its patterns of 12 atoms were made in 19.2 s."
    ]


def _direct(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """The pattern in every n-th pixel, by a direct sum over the atoms of the whole block."""
    settings = Diffraction()
    pixels = pixels_of(GRID, settings)
    chosen = np.arange(0, GRID**2, EVERY) + EVERY // 2
    numbers, positions = block(crystal, settings.cells)
    h, found = pixels.scattering[:, chosen], []
    for turn in rotations(settings.angle):
        amplitude = np.zeros(len(chosen), dtype=complex)
        for z in np.unique(numbers):
            phase = (-2 * np.pi * (positions[numbers == z] @ turn.T)) @ h
            factor = scattering_factor(int(z), pixels.length[chosen])
            amplitude += factor * (np.cos(phase).sum(axis=0) + 1j * np.sin(phase).sum(axis=0))
        found.append(np.abs(amplitude) ** 2)
    scale = settings.photons * ELECTRON_RADIUS**2 * pixels.solid_angle[chosen]
    return chosen, np.array(found) * scale


# --- all pictures --------------------------------------------------------------------------------


def pictures() -> tuple[list[Line], list[str]]:
    measured = fresh("benchmarks.diffcomp:all_pictures")
    what = f"{measured['materials']:,} binaries: structures read, patterns and pictures made and stored"
    return [
        Line("all materials with JOBS=2", measured["seconds"], "s", "<= 120", what),
        Line("their images on disk", measured["size"] / MIB, "MB", "<= 20", "128 x 128, three colours, PNG in HDF5"),
    ], [f"Processor time {measured['busy']:.0f} s, all processes together; half of it is the time on two free cores."]


def all_pictures() -> dict[str, float]:
    """Run in a separate process, so that only its children count."""
    from joblib.externals.loky import get_reusable_executor

    table = load_source("diffcomp-binaries")
    with empty_cache() as folder:
        started = time.perf_counter()
        rows = DiffComp(cv_nodes=0).features(table, jobs=2).rows
        seconds = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.h5"))
    get_reusable_executor().shutdown(wait=True)  # the time of a child is counted when it has ended
    return {"seconds": seconds, "size": size, "materials": len(rows), "busy": total_processor_time()}


# --- training ------------------------------------------------------------------------------------


def epochs() -> tuple[list[Line], list[str]]:
    found = fresh("benchmarks.diffcomp:train_on_one_core")
    ours, bare = np.median(found["ours"]), np.median(found["bare"])
    reference = f"Model.fit on dense arrays in memory: {bare:.1f} s per epoch, ours from compressed images "
    reference += f"{ours:.1f} s; batch {found['batch']}, {found['rows']} rows, processor time of one thread"
    spread = "; ".join(f"{name} {min(found[name]):.2f} to {max(found[name]):.2f} s" for name in ("ours", "bare"))
    return [Line("epoch at 90:10 against bare Keras", ours / bare, "times", "<= 1.1", reference)], [
        f"Medians of {len(found['ours'])} alternating blocks, {spread}. "
        f"A material costs {1e3 * ours / found['rows']:.1f} ms per epoch."
    ]


def train_on_one_core() -> dict:
    """Processor time per epoch: half the difference between three epochs and one, which cancels the tracing."""
    devices.setup(0, threads=1)
    loop.XLA_PAYS = 0  # compile the short trainings of this benchmark, too
    table = load_source("diffcomp-binaries").known("formation_energy_per_atom")
    table = table.take(np.sort(np.random.default_rng(0).permutation(len(table))[:ROWS]))
    model = DiffComp()
    made = model.features(table)
    rows = np.arange(len(made.rows))
    targets = table.target("formation_energy_per_atom").values[made.rows].astype(np.float32)
    dense = made.features.batch(rows)
    nothing = rows[:0]

    def ours(epochs: int) -> None:
        loop.train(model.build(), made.features, targets, rows, nothing, replace(model.recipe, epochs=epochs), seed=0)

    def bare(epochs: int) -> None:
        import keras

        network = model.build()
        network.compile(keras.optimizers.Adam(model.recipe.learning_rate), model.recipe.loss, jit_compile=False)
        network.fit(dense, targets, batch_size=model.recipe.batch, epochs=epochs, verbose=0)

    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(ROUNDS):
        for name, work in (("ours", ours), ("bare", bare)):
            one, three = (best_of(1, partial(work, n), time.process_time)[0] for n in (1, 3))
            times[name].append((three - one) / 2)
    return {**times, "rows": len(rows), "batch": model.recipe.batch}


# --- embedding -----------------------------------------------------------------------------------


def embedding() -> tuple[list[Line], list[str]]:
    devices.setup(0)
    found = corpus(load_source("mp-structures").formulas.tolist())
    table = found.table
    size = table.data.nbytes + table.indices.nbytes + table.indptr.nbytes
    walls, busy = [], []
    for count in (1, 3):
        started = time.perf_counter(), time.process_time()
        learn(found, epochs=count)
        walls.append(time.perf_counter() - started[0])
        busy.append(time.process_time() - started[1])
    reference = f"{table.shape[0]:,} formulas, {table.shape[1]} elements; dense it would take "
    reference += f"{table.shape[0] * table.shape[1] * 4 / MIB:.0f} MB"
    epoch = f"{table.shape[0] // 32:,} batches of 32; processor time {(busy[1] - busy[0]) / 2:.1f} s"
    return [
        Line("sparse matrix", size / MIB, "MB", "<= 50", reference),
        Line("an epoch", (walls[1] - walls[0]) / 2, "s", "<= 5", epoch),
    ], []
