"""`python -m benchmarks.scale`: write the tables of docs/scale.md from stored results and short timings.

    seconds of a training = c x (training rows + validation rows / 3) x epochs, c in processor seconds on one core

`python -m benchmarks.scale measure [MODEL ...]` times updates of networks on the embedded set, each in a separate
process: in float32, compiled by XLA, in bfloat16, and both, alternately. Short timings are processor time, which other
load affects less than wall time. They are stored in `scale_points.json`.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.child import ROOT, fresh
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note
from common.sources import load_source
from common.train import devices
from common.train.devices import processor
from common.train.loop import compile_network
from common.train.recipes.recipe import make_optimizer
from experiments.declare.models import NETWORKS, make_model
from experiments.run.store import results_root

PAGE = ROOT / "docs" / "scale.md"
FACTS, POINTS = (Path(__file__).with_name(name) for name in ("scale.yaml", "scale_points.json"))
#: Validation rows need the forward pass only, a third of the work.
FORWARD = 1 / 3
ROWS, ROUNDS = 128, 2
#: Numerical modes: precision and whether XLA compiles, in the order of measurement and of the table.
MODES = {
    "float32": ("float32", False),
    "XLA": ("float32", True),
    "bfloat16": ("bfloat16", False),
    "bfloat16 and XLA": ("bfloat16", True),
}


# --- measured points -----------------------------------------------------------------------------


def stored() -> list[dict]:
    """Model, rows, epochs and wall time of every stored training of a network."""
    points = []
    for path in sorted(results_root().rglob("cell.json")):
        record = json.loads(path.read_text())
        if "epochs_run" in record and record["split"]["n_train"]:
            points.append(
                {
                    "model": _network(record["resolved"]),
                    "where": str(path.parent.relative_to(results_root())),
                    "rows": record["split"]["n_train"] + FORWARD * record["split"]["n_validation"],
                    "train": record["split"]["n_train"],
                    "epochs": record["epochs_run"],
                    "seconds": record["wall_seconds"],
                    "device": record["device"].get("accelerator", "none"),
                }
            )
    return points


def _network(resolved: dict) -> str:
    """Name of the timed network; diffcomp without images is another network, forty times faster."""
    alone = resolved["model"] == "diffcomp" and resolved["config"]["cv_nodes"] == 10
    return "diffcomp, composition alone" if alone else resolved["model"]


def measure(names: list[str], function: str = "benchmarks.scale:point", stored: Path | None = None) -> None:
    """Call `function` for every network in a process of its own, and store what it returns."""
    path = stored or POINTS
    for name in names or NETWORKS:
        if name not in NETWORKS:
            raise UserError(f"unknown network {name!r}; choose from {', '.join(NETWORKS)}")
        points = json.loads(path.read_text()) if path.exists() else {}
        try:
            point = fresh(function, name)
        except UserError as error:
            note(f"{name} is not measured: {error}")
            continue
        point |= {"processor": processor(), "load": round(os.getloadavg()[0], 1), "date": time.strftime("%Y-%m-%d")}
        points[name] = point
        write_text(path, json.dumps(dict(sorted(points.items())), indent=1))
        note(f"{name} is measured")


def point(name: str) -> dict:
    """Processor milliseconds per row of an update, by mode; the shortest of a few rounds."""
    devices.setup(0, threads=1)
    regressor, features, targets = prepared(name)
    rows = np.resize(np.arange(len(targets)), ROWS)
    size = min(regressor.recipe.batch // regressor.recipe.accumulation_steps, len(rows))
    batches = [rows[k : k + size] for k in range(0, len(rows) - size + 1, size)]
    batches = [(features.batch(k), targets[k]) for k in batches]
    seconds_of = {}
    for mode, (precision, xla) in MODES.items():
        devices.setup(0, precision=precision)
        seconds_of[mode] = _round(regressor, batches, xla=xla)
    devices.setup(0)
    count = sum(len(y) for _, y in batches)
    return {
        "milliseconds": {
            mode: round(1e3 * seconds / count, 3) if seconds else None for mode, seconds in seconds_of.items()
        },
        "batch": size,
        "rows": count,
        "parameters": int(sum(np.prod(w.shape) for w in regressor.build().trainable_weights)),
    }


def prepared(name: str) -> tuple[Any, Any, np.ndarray]:
    """The regressor of a network, features of the embedded crystals to which its inputs are fitted, and targets."""
    table = load_source("mini")
    regressor = make_model({"model": name, "variant": "corrected", "seed": 0, "recipe": {}})
    made = regressor.features(table)
    regressor.fit_inputs(made.features, np.resize(np.arange(len(made.rows)), ROWS))
    return regressor, made.features, table.target("formation_energy").values[made.rows].astype(np.float32)


def _round(regressor, batches, *, xla: bool) -> float | None:
    """Processor seconds of one pass over the batches; None if the mode is not supported."""
    model = regressor.build()
    compile_network(model, make_optimizer(regressor.recipe, 1e-4), regressor.recipe.loss, xla=xla)
    times = []
    try:
        for _ in range(ROUNDS + 1):
            began = time.process_time()
            for x, y in batches:
                model.train_on_batch(x, y)
            times.append(time.process_time() - began)
    except Exception as error:  # compilers of backends raise errors of many types
        note(f"not possible: {str(error).splitlines()[0][:150]}")
        return None
    return min(times[1:])


# --- the model -----------------------------------------------------------------------------------


def costs() -> dict[str, tuple[float, str]]:
    """Model -> processor seconds per row and epoch, and their source: stored results, else short timings."""
    known = {}
    for name, values in json.loads(POINTS.read_text() if POINTS.exists() else "{}").items():
        best = values["milliseconds"]["float32"]
        known[name] = best / 1e3, "short timing"
    by_model: dict[str, list[dict]] = {}
    for result in stored():
        if result["device"] == "none":
            by_model.setdefault(result["model"], []).append(result)
    for name, points in by_model.items():
        each = [p["seconds"] / (p["rows"] * p["epochs"]) for p in points]
        known[name] = statistics.median(each), f"{len(points)} stored result{'s' if len(points) > 1 else ''}"
    return known


def trainings(facts: dict) -> list[dict]:
    """Every training of the papers' tables: table, model, materials and epochs."""
    every = []
    for table in facts["tables"]:
        train, validation = table["shares"]
        for name, epochs in table["models"].items():
            for rows in table["sets"].values():
                one = {"table": table["name"], "model": name, "epochs": epochs, "train": round(train * rows)}
                one["rows"] = train * rows + FORWARD * validation * rows
                every += [one] * table["runs"]
    return every


def exchange(parameters: int, nodes: int, network: dict) -> float:
    """Seconds of a ring all-reduce of the gradients."""
    return 2 * (nodes - 1) / nodes * 4 * parameters / float(network["bandwidth"]) + network["latency"]


# --- the tables ----------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    facts = yaml.safe_load(FACTS.read_text())
    known = costs()
    return {
        "points": _points_table(),
        "costs": _costs_table(known),
        "tables": _paper_tables(facts, known),
        "nodes": _nodes_table(facts, known),
        "precision": _precision_table(),
    }


def _points_table() -> str:
    """Measured and modelled wall times."""
    known, groups = costs(), {}
    for one in stored():
        groups.setdefault((one["model"], one["where"].split("/")[3], one["device"], one["train"]), []).append(one)
    rows = []
    for (model, column, device, train), points in sorted(groups.items()):
        measured = [p["seconds"] / 3600 for p in points]
        modelled = [known[model][0] * p["rows"] * p["epochs"] / 3600 for p in points]
        ratios = [a / b for a, b in zip(measured, modelled, strict=True)]
        span = f"{min(ratios):.2f}" if len(ratios) == 1 else f"{min(ratios):.2f} to {max(ratios):.2f}"
        epochs = f"{min(p['epochs'] for p in points)} to {max(p['epochs'] for p in points)}"
        cells = [model, column, f"{train:,}", _one(epochs), str(len(points)), _hours(sum(measured))]
        rows.append([*cells, _hours(sum(modelled)), span, "" if device == "none" else device])
    header = [
        "model",
        "set",
        "training rows",
        "epochs",
        "runs",
        "measured, all",
        "model, all",
        "measured / model, each",
    ]
    return markdown([*header, "accelerator"], rows)


def _costs_table(known: dict) -> str:
    rows = [[name, f"{1e3 * seconds:.2f}", where] for name, (seconds, where) in sorted(known.items())]
    return markdown(["model", "milliseconds per row and epoch, one core", "source"], rows)


def _paper_tables(facts: dict, known: dict) -> str:
    rows = []
    for table in facts["tables"]:
        of_table = [one for one in trainings(facts) if one["table"] == table["name"]]
        for model in table["models"]:
            ones = [one for one in of_table if one["model"] == model]
            work = sum(one["rows"] * one["epochs"] for one in ones)
            cells = [table["name"], model, str(len(ones)), f"{work:.3g}"]
            if model not in known:
                rows.append([*cells, *["not measured"] * 3, "open"])
                continue
            times = [known[model][0] * one["rows"] * one["epochs"] / 3600 for one in ones]
            two, sixteen = (max(max(times), sum(times) / cores) for cores in (2, 16))
            rows.append([*cells, _hours(max(times)), _hours(two), _hours(sixteen), "open"])
    header = ["table", "model", "trainings", "rows x epochs", "longest training, one core"]
    return markdown([*header, "all, laptop of 2 cores", "all, 8 such nodes", "all, one GPU"], rows)


def _nodes_table(facts: dict, known: dict) -> str:
    """The largest training of each network, divided among nodes."""
    largest: dict[str, dict] = {}
    for one in trainings(facts):
        if one["model"] not in largest or one["rows"] > largest[one["model"]]["rows"]:
            largest[one["model"]] = one
    rows = []
    for name, one in sorted(largest.items()):
        if name not in known or name not in facts["parameters"]:
            continue
        recipe = make_model({"model": name, "variant": "corrected", "seed": 0, "recipe": {}}).recipe
        updates = -(-one["train"] // recipe.batch)
        alone = known[name][0] * one["rows"]
        cells = [
            name,
            f"{one['train']:,}",
            str(recipe.batch),
            f"{facts['parameters'][name] * 4 / 1e6:.1f}",
            _time(alone),
        ]
        for nodes in facts["network"]["nodes"]:
            together = alone / nodes + updates * exchange(facts["parameters"][name], nodes, facts["network"])
            cells.append(f"{_time(together)} ({alone / together:.1f}x)")
        rows.append(cells)
    header = ["model", "training rows", "batch", "MB of gradients", "one epoch, one core"]
    return markdown([*header, *(f"{n} nodes" for n in facts["network"]["nodes"])], rows)


def _precision_table() -> str:
    points = json.loads(POINTS.read_text()) if POINTS.exists() else {}
    rows, others = [], [mode for mode in MODES if mode != "float32"]
    for name, one in sorted(points.items()):
        times = one["milliseconds"]
        plain = times["float32"]
        ratios = ["not possible" if times[mode] is None else f"{times[mode] / plain:.2f}" for mode in others]
        recipe = make_model({"model": name, "variant": "corrected", "seed": 0, "recipe": {}}).recipe
        rows.append([name, str(one["batch"]), f"{plain:.2f}", *ratios, "yes" if recipe.xla else "no", str(one["load"])])
    header = ["model", "batch", "float32, ms per row", *(f"{mode} / float32" for mode in others)]
    return markdown([*header, "XLA in its recipe", "load average"], rows)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return "No measurements yet."
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, ["---"] * len(header), *rows])


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:.2g} min"
    return f"{hours:.3g} h" if hours < 72 else f"{hours / 24:,.0f} days"


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 600 else _hours(seconds / 3600)


def _one(span: str) -> str:
    first, _, last = span.partition(" to ")
    return first if first == last else span


def write() -> None:
    """Replace the tables of the page."""
    text = PAGE.read_text()
    for name, table in sections().items():
        text = replace_table(text, name, table)
    write_text(PAGE, text)
    note(f"wrote {PAGE}")


def replace_table(text: str, name: str, table: str, *, by: str = "benchmarks.scale") -> str:
    """The page with another table of this name; `by`: the module that writes it."""
    start, end = f"<!-- {name}: written by python -m {by} -->", f"<!-- end of {name} -->"
    if start not in text or end not in text:
        raise UserError(f"{PAGE} has no place for the table {name}; add the lines {start} and {end}")
    before, rest = text.split(start)
    return f"{before}{start}\n\n{table}\n\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    try:
        measure(sys.argv[2:]) if sys.argv[1:2] == ["measure"] else write()
    except UserError as error:
        note(f"benchmarks.scale: {error}")
        sys.exit(2)
