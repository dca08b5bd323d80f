"""Finder: graphs against pymatgen, epochs against Spektral, prediction rate, memory of streamed prediction."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.child import fresh
from benchmarks.datasets import crystals, formulas
from benchmarks.report import Line
from benchmarks.timing import GIB, best_of
from common.cli.streaming import predict_stream
from common.data.splits import Split
from common.sources import load_source
from common.train import devices
from common.train import loop as training
from finder.graphs import crystal_graph, formula_graph
from finder.regressor import CrystalFinder, Finder

FORMULAS, CRYSTALS, SITES = 5000, 1000, (25, 35)


def graphs() -> tuple[list[Line], list[str]]:
    texts = load_source("matbench-log-kvrh").formulas.tolist()
    started = time.perf_counter()
    for formula in texts:
        formula_graph(formula)
    rate = len(texts) / (time.perf_counter() - started)
    table = crystals(200, SITES)
    structures = list(table.structures())
    works = (lambda: [crystal_graph(c) for c in structures], _pymatgen_loop(structures))
    ours, theirs = (best_of(2, work)[0] for work in works)
    reference = f"a get_all_neighbors loop over {len(structures)} crystals of {SITES[0]} to {SITES[1]} atoms: "
    reference += f"{1e3 * theirs / len(structures):.2f} ms each, ours {1e3 * ours / len(structures):.2f} ms"
    return [
        Line("formula graphs", rate, "a second", ">= 20000", f"{len(texts)} Matbench formulas, one core"),
        Line("crystal graphs against pymatgen", theirs / ours, "times", ">= 5", reference),
    ], []


def _pymatgen_loop(crystals):
    from pymatgen.core import Lattice, Structure

    structures = [Structure(Lattice(c.lattice), c.numbers, c.frac) for c in crystals]

    def nearest() -> list[dict]:
        """The nearest image per pair of sites, from the neighbour lists."""
        nearest_images = []
        for structure in structures:
            edges: dict[tuple[int, int], float] = {}
            for centre, near in enumerate(structure.get_all_neighbors(4.0)):
                for site in near:
                    pair = (centre, site.index)
                    edges[pair] = min(edges.get(pair, 9.0), site.nn_distance)
            nearest_images.append(edges)
        return nearest_images

    return nearest


def epochs() -> tuple[list[Line], list[str]]:
    """Both implementations in a run of many epochs, with and without the dense layers that they share."""
    devices.setup(0)
    training.XLA_PAYS = 0
    lines, notes = [], []
    cases = (
        ("formulas", Finder, formulas(FORMULAS), "log10_K_VRH", 4),
        ("crystals", CrystalFinder, crystals(CRYSTALS, SITES), "formation_energy_per_atom", 2),
    )
    for what, network, table, target, wanted in cases:
        ours, theirs = _epochs_of(network, table, target)
        reference = (
            f"the Spektral implementation: {theirs:.2f} s per epoch, ours {ours:.2f} s; {len(table)} {what}, batch 128"
        )
        lines.append(Line(f"epoch on {what} against Spektral", theirs / ours, "times", f">= {wanted}", reference))
        ours, theirs = _epochs_of(network, table, target, head=False)
        notes.append(
            f"Without the post-processing network, which both implementations share (12 of 13 million weights): "
            f"{what} {theirs / ours:.2f} times ({theirs:.2f} s and {ours:.2f} s)."
        )
        first = _first_batch(network, table, target)
        lines.append(Line(f"first batch on {what}", first, "s", "< 15", "tracing and XLA included"))
    return lines, notes


def _epochs_of(network, table, target: str, **changes) -> tuple[float, float]:
    """Seconds per epoch of both implementations, keras and spektral: the shortest epoch after compilation."""
    split = Split(tuple(table.ids.tolist()), (), ())
    best = {}
    for name in ("keras", "spektral", "keras"):
        xla = name == "keras"  # Spektral's sparse tensors cannot be compiled
        model = network(implementation=name, **changes, epochs=5 if xla else 3, patience=0, xla=xla)
        history = model.fit(table, target, split).state.history
        seconds = np.diff([row["seconds"] for row in history])[1 if xla else 0 :]
        best[name] = min(best.get(name, np.inf), seconds.min())
    return best["keras"], best["spektral"]


def _first_batch(network, table, target) -> float:
    """Seconds to build, trace and compile the network and make one update."""
    few = table.take(np.arange(128))
    started = time.perf_counter()
    network(epochs=1, patience=0).fit(few, target, Split(tuple(few.ids.tolist()), (), ()))
    return time.perf_counter() - started


def predictions() -> tuple[list[Line], list[str]]:
    devices.setup(0)
    table = load_source("matbench-mp-e-form")
    table = table.take(np.sort(np.unique(table.formulas, return_index=True)[1])[:20_000])
    few = table.take(np.arange(256))
    model = Finder(epochs=1).fit(few, "formation_energy", Split(tuple(few.ids.tolist()), (), ()))
    model.predict(few, bar=False)
    model.predict(table.take(np.arange(2000)), bar=False)
    rate = len(table) / best_of(2, lambda: model.predict(table, bar=False))[0]
    with TemporaryDirectory() as folder:
        model.save(folder)
        small, large = (fresh("benchmarks.finder:stream", folder, n) for n in (20_000, 1_000_000))
    growth = large["peak"] / small["peak"]
    reference = f"{small['peak'] / GIB:.2f} GiB for 20,000, {large['peak'] / GIB:.2f} GiB for a million"
    return [
        Line(
            "predictions",
            rate,
            "formulas a second",
            ">= 5000",
            "20,000 distinct Matbench formulas, graphs included",
        ),
        Line("memory, a million against 20,000 formulas", growth, "times", "<= 1.1", reference),
    ], [f"The million took {large['seconds']:.0f} s from file to file, {1e6 / large['seconds']:.0f} a second."]


def stream(folder: str, n: int) -> dict[str, float]:
    """Predict a list of n formulas from file to file."""
    formulas = load_source("matbench-mp-e-form").formulas.tolist()[:20_000]
    model = Finder.load(folder)
    path = Path(folder) / "list.csv"
    with open(path, "w") as file:
        file.write("formula\n")
        for start in range(0, n, len(formulas)):
            file.write("\n".join(formulas[: n - start]) + "\n")
    started = time.perf_counter()
    predict_stream(model, str(path), str(Path(folder) / "predicted.csv"))
    return {"seconds": time.perf_counter() - started}
