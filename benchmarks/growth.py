"""`python -m benchmarks.growth`: write the table of docs/scale.md on the growth of time and memory.

Training and prediction of every network against the number of materials and, for crystals, the atoms of a cell.
`python -m benchmarks.growth measure [NETWORK ...]` measures, each size in a process of its own on one thread, in
processor time, which other load affects less than wall time. A size that would take longer than `LIMIT` is left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import scale
from benchmarks.child import fresh, peak_memory, reset_peak_memory
from benchmarks.datasets import rows_of_size
from benchmarks.timing import MIB
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note
from common.sources import load_source
from common.train import devices
from common.train.loop import train
from experiments.declare.models import DOS, FORMULA, NETWORKS, make_model

POINTS = Path(__file__).with_name("growth_points.json")
#: Sizes of datasets, those of the few densities of states, and atoms of a cell with the number of such cells.
ROWS, FEW, ATOMS, CELLS = (1_000, 10_000, 100_000), (90, 180, 360), (10, 50, 200), 300
#: Processor seconds of the largest measurement.
LIMIT = 900.0
#: What is measured: seconds of an epoch, of the prediction and of the features; peak memory of training and prediction.
TIMES, PEAKS = ("training", "prediction", "features"), ("training peak", "prediction peak")


def point(name: str) -> dict[str, dict]:
    """The measurements of one network: by number of materials, and by atoms of a cell."""
    needs = NETWORKS[name].needs
    found = {"rows": _series(name, "rows", FEW if needs == DOS else ROWS)}
    if needs not in (FORMULA, DOS):
        found["atoms"] = _series(name, "atoms", ATOMS)
    return found


def _series(name: str, what: str, sizes: tuple[int, ...]) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for before, size in zip((0, *sizes), sizes, strict=False):
        if what == "rows" and before and size / before * sum(found[str(before)][part] for part in TIMES) > LIMIT:
            break
        found[str(size)] = fresh("benchmarks.growth:one", name, what, size)
    return found


def one(name: str, what: str, size: int) -> dict[str, float]:
    """Processor seconds and peak memory in MiB for one dataset."""
    devices.setup(0, threads=1)
    table = _materials(name, what, size)
    regressor = make_model({"model": name, "variant": "corrected", "seed": 0, "recipe": {"epochs": 2}})
    with TemporaryDirectory() as folder:
        os.environ["MATREPRO_CACHE"] = folder  # nothing is computed yet
        return _measure(regressor, table)


def _measure(regressor: Any, table: MaterialsDataset) -> dict[str, float]:
    began = time.process_time()
    made = regressor.features(table)
    found = {"features": time.process_time() - began}
    targets = table.target("y").values[made.rows].astype(np.float32)
    rows = np.arange(len(made.rows))
    regressor.target, regressor.unit = "y", "eV"
    regressor.fit_inputs(made.features, rows)
    regressor.model = regressor.build()
    few = table.take(made.rows[: regressor.predict_batch])
    regressor.predict_features(few, regressor.features(few), bar=False)  # traces
    reset_peak_memory()
    began = time.process_time()
    regressor.predict_features(table, made, bar=False)
    found["prediction"] = time.process_time() - began
    found["prediction peak"] = peak_memory() / MIB
    reset_peak_memory()
    found["training"] = _second_epoch(regressor, made.features, targets, rows)
    found["training peak"] = peak_memory() / MIB
    return {part: round(value, 3) for part, value in found.items()} | {"materials": len(rows)}


def _second_epoch(regressor: Any, features: Any, targets: np.ndarray, rows: np.ndarray) -> float:
    """Processor seconds of an epoch after the one that traces."""
    import keras

    ends: list[float] = []
    timer = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ends.append(time.process_time()))
    train(regressor.model, features, targets, rows, rows[:0], regressor.recipe, seed=0, callbacks=[timer])
    return ends[1] - ends[0]


def _materials(name: str, what: str, size: int) -> MaterialsDataset:
    """Materials with random targets, drawn from the sources of the data directory."""
    random, needs = np.random.default_rng(0), NETWORKS[name].needs
    if needs == DOS:
        pool = load_source("isdos-2eorr")
    elif needs == FORMULA:
        pool = load_source("matbench-mp-e-form")
        pool = pool.take(np.sort(np.unique(pool.formulas, return_index=True)[1]))
    else:
        pool = load_source("mp-structures")
    rows = np.arange(len(pool))
    if what == "atoms":
        rows, size = rows_of_size(pool, 0.9 * size, 1.1 * size), CELLS
    table = pool.take(random.permutation(rows)[:size])
    return table.with_target("y", random.normal(size=len(table)), "eV")


# --- the table -------------------------------------------------------------------------------------


def exponent(sizes: list[float], values: list[float]) -> float:
    """The slope of a straight line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def table(points: dict[str, dict]) -> str:
    """A line per network and series: the values at every size, and the exponents."""
    lines = []
    for name, found in points.items():
        for what in (what for what in ("rows", "atoms") if what in found):
            series = {int(size): one for size, one in found[what].items()}
            # Datasets of cells of one size differ in their number, so that times are those of a thousand.
            scale_of = {size: 1000 / one["materials"] if what == "atoms" else 1.0 for size, one in series.items()}
            sizes = list(series)
            lines.append([name, {"rows": "materials", "atoms": "atoms of a cell"}[what], _list(sizes, "{:,}")])
            for part in (*TIMES, *PEAKS):
                values = [one[part] * (scale_of[size] if part in TIMES else 1.0) for size, one in series.items()]
                growth = f"; {exponent(sizes, values):.2f}" if len(sizes) > 1 else ""
                lines[-1].append(_list(values, "{:.3g}" if part in TIMES else "{:.0f}") + growth)
    times = [f"{part} (s)" for part in TIMES]
    return scale.markdown(["network", "against", "sizes", *times, *(f"{part} (MiB)" for part in PEAKS)], lines)


def _list(values: list[float], form: str) -> str:
    return ", ".join(form.format(value) for value in values)


def write() -> None:
    points = json.loads(POINTS.read_text())
    text = scale.replace_table(scale.PAGE.read_text(), "growth", table(points), by="benchmarks.growth")
    write_text(scale.PAGE, text)
    note(f"wrote {scale.PAGE}")


if __name__ == "__main__":
    try:
        scale.measure(sys.argv[2:], "benchmarks.growth:point", POINTS) if sys.argv[1:2] == ["measure"] else write()
    except UserError as error:
        note(f"benchmarks.growth: {error}")
        sys.exit(2)
