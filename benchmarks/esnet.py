"""ESNet: resampling against the released program, training against Keras and with XLA, memory on a large dataset."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.child import fresh
from benchmarks.report import Line
from benchmarks.timing import GIB, best_of, keras_epochs
from common.sources import load_source
from common.sources.densities import load
from common.sources.mini import PATH
from common.train import devices, loop
from esnet.dos.projected import from_densities
from esnet.dos.resampling import AXIS, FORMS, resampled
from esnet.features import input_row
from esnet.regressor import ESNet

ROWS, EPOCHS = 96, 4
MANY, POINTS, TRAINED = 60_000, 2001, 320


def preparation() -> tuple[list[Line], list[str]]:
    """In processor time of one core, which other processes affect less than wall time."""
    table = load_source("mini")
    rows = range(len(table))
    clock = time.process_time
    seconds, _ = best_of(3, lambda: [input_row(table.dos(row), form=FORMS["corrected"]) for row in rows], clock)
    densities = [from_densities(table.dos(row)) for row in range(60)]
    ours, theirs = (best_of(3, partial(_for_each, one, densities), clock)[0] for one in (resampled, _one_by_one))
    each = f"{1e3 * theirs / len(densities):.2f} ms per material, ours {1e3 * ours / len(densities):.2f} ms"
    conditions = f"{len(table)} materials of the embedded file, reading included, one core"
    return [
        Line("channels from HDF5", len(table) / seconds, "materials a second", ">= 200", conditions),
        Line(
            "resampling against the released program",
            theirs / ours,
            "times",
            ">= 10",
            f"interp1d per channel: {each}",
        ),
    ], ["Both in processor time of one core."]


def _for_each(work, densities) -> None:
    """Discard every result before the next, as when they are written to disk."""
    for dos in densities:
        work(dos)


def _one_by_one(dos) -> np.ndarray:
    """As in the released program: one SciPy interpolator per channel."""
    from scipy.interpolate import interp1d

    rows = dos.densities.reshape(-1, len(dos.energies))
    return np.array([interp1d(dos.energies, row, bounds_error=False, fill_value=0.0)(AXIS) for row in rows])


def epochs() -> tuple[list[Line], list[str]]:
    """Alternating blocks in one process; the first epoch of a block traces or compiles and is dropped."""
    devices.setup(0)
    loop.XLA_PAYS = 0  # compile the short trainings of this benchmark, too
    table = load_source("mini").take(np.arange(ROWS))
    model = ESNet(epochs=EPOCHS, patience=0)
    made = model.features(table)
    model.fit_inputs(made.features, made.rows)
    targets = table.target("formation_energy").values.astype(np.float32)
    dense, nothing = made.features.batch(made.rows), made.rows[:0]
    seconds: dict[str, list[float]] = {"ours": [], "bare": [], "XLA": []}
    for _ in range(2):
        for name, xla in (("ours", False), ("XLA", True)):
            recipe = replace(model.recipe, xla=xla)
            state = loop.train(model.build(), made.features, targets, made.rows, nothing, recipe, seed=0)
            seconds[name] += np.diff([row["seconds"] for row in state.history]).tolist()
        seconds["bare"] += keras_epochs(model.build(), dense, targets, model.recipe)
    ours, bare, xla = (float(np.median(seconds[name])) for name in ("ours", "bare", "XLA"))
    size = f"{ROWS} materials, batch {model.recipe.batch}"
    return [
        Line(
            "epoch, ours against bare Keras",
            ours / bare,
            "times",
            "<= 1.05",
            f"Model.fit on dense arrays: {bare:.2f} s, ours {ours:.2f} s; {size}",
        ),
        Line(
            "epoch without XLA against with it",
            ours / xla,
            "times",
            ">= 1.4",
            f"{xla:.2f} s with XLA, {ours:.2f} s without",
        ),
    ], [
        f"Medians of {len(seconds['ours'])} epochs each. Without XLA, TensorFlow computes convolutions with oneDNN; "
        "with it, they are products of matrices by Winograd's method."
    ]


def memory() -> tuple[list[Line], list[str]]:
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "many.h5")
        fresh("benchmarks.esnet:make_many", path, MANY)
        done = fresh("benchmarks.esnet:train_many", path, folder, TRAINED)
    reference = f"{done['rows']:,} materials with {POINTS} points each; whole process, TensorFlow included"
    return [Line("peak memory of training", done["peak"] / GIB, "GiB", "< 3", reference)], [
        f"Features and scaling of all, then an epoch over {TRAINED} of them random ones. As dense arrays, the "
        f"inputs alone would take {done['rows'] * 18 * 1500 * 4 / GIB:.1f} GiB. Features took {done['features']:.0f} "
        f"s, scaling {done['scaling']:.0f} s."
    ]


def make_many(path: str, n: int) -> None:
    """A file of n materials: those of the embedded set on a finer axis, repeated with other Fermi levels."""
    import h5py

    energies = np.linspace(-20, 10, POINTS)
    with h5py.File(PATH) as source, h5py.File(path, "w") as file:
        old = source.attrs["energies_eV"]
        file.attrs.update({"energies_eV": energies, "channels": source.attrs["channels"], "engine": "GPAW"})
        names = list(source["materials"])
        for number in range(n):
            name = names[number % len(names)]
            group = file.create_group(f"materials/{number:06d}")
            if number < len(names):
                rows = source[f"materials/{name}/dos_rel"][:].astype(float)
                fine = np.array([np.interp(energies, old, row) for row in rows]).astype(np.float16)
                group.create_dataset("dos_rel", data=fine, chunks=fine.shape, compression="gzip", shuffle=True)
                for part in ("cell", "scaled_positions", "numbers"):
                    group[part] = source[f"materials/{name}/{part}"][:]
            else:  # the same data under another name
                for part in ("dos_rel", "cell", "scaled_positions", "numbers"):
                    group[part] = file[f"materials/{number % len(names):06d}/{part}"]
            wanted = ("band_edges_rel_eV", "spin_polarized", "formation_energy_eV_per_atom")
            group.attrs.update({key: source[f"materials/{name}"].attrs[key] for key in wanted})
            group.attrs["efermi_eV"] = number * 1e-3


def train_many(path: str, folder: str, trained: int) -> dict[str, float]:
    """Features of the whole file, cached in `folder`, and one epoch on some of its rows."""
    import os

    os.environ["MATREPRO_CACHE"] = folder
    devices.setup(0)
    started = time.perf_counter()
    table = load(path)
    model = ESNet(epochs=1)
    found = model.features(table)
    made = time.perf_counter()
    model.fit_inputs(found.features, np.arange(len(found.rows)))
    scaled = time.perf_counter()
    targets = table.target("formation_energy").values[found.rows].astype(np.float32)
    order = np.random.default_rng(0).permutation(len(found.rows))
    loop.train(
        model.build(), found.features, targets, order[:trained], order[trained : trained + 32], model.recipe, seed=0
    )
    return {"rows": len(found.rows), "features": made - started, "scaling": scaled - made}
