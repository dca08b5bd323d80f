"""Our Matbench folds beside the published predictions of the same materials, one by one.

Two runs of one method differ by chance. Whether ours differs by more shows in the errors of the same materials:
their mean difference, how sure that is, and how much of it a few materials make up.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from common.errors import UserError
from common.io.compressed import open_text
from common.plots import with_unit
from common.sources.datadir import place
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.results import load_stored
from experiments.analyses.text_table import TextTable
from experiments.declare import plan

TABLES = ("matbench-formula", "matbench-crystal")
FILE = "composition/matbench_finder_v1.2_predictions.csv.gz"
#: Name of a row in the published scores -> its dataset in the file of published predictions.
COLUMNS = {"Finder": "finder_composition", "Finder_structure": "finder_structure"}
#: The share of largest errors that is left out to see what the rest does, and how many materials are named.
TAIL, NAMED = 0.01, 3
HEAD = [
    "model",
    "fold",
    "our MAE",
    "published MAE",
    "ours - published",
    "standard error",
    "without 1 % tails, ours",
    "published",
    "largest parts of the difference",
]


def published() -> dict:
    """The report that is stored: table -> dataset -> list of comparisons, of all folds with stored predictions."""
    path = place(FILE)
    if not path.exists():
        raise UserError(f"{path} is not there; it holds the published predictions")
    theirs = defaultdict(dict)
    with open_text(path) as file:
        for row in csv.DictReader(file):
            for name, dataset in COLUMNS.items():
                if row[dataset]:
                    theirs[row["task"], name][row["id"]] = float(row[dataset])
    report: dict = {}
    for table in TABLES:
        layout = plan.layout("finder", table, "real")
        for run in plan.runs("finder", table, "real"):
            known = theirs.get((layout["columns"][run.column]["reported"], layout["rows"][run.row].get("reported")))
            stored = load_stored(run) if known else None
            if stored:
                made = {"row": run.row, "fold": run.seed, **compare(stored[0], known)}
                report.setdefault(table, {}).setdefault(run.column, []).append(made)
    return report


def compare(predictions, known: dict[str, float]) -> dict:
    """Errors of ours and of theirs on the same materials; a material that they lack is a mistake of the fold."""
    missing = [name for name in predictions.ids.tolist() if name not in known]
    if missing:
        raise UserError(f"{len(missing)} materials have no published prediction (the first is {missing[0]})")
    theirs = np.array([known[name] for name in predictions.ids.tolist()])
    ours, others = (np.abs(p - predictions.target) for p in (predictions.prediction, theirs))
    difference = ours - others
    largest = np.argsort(-np.abs(difference), kind="stable")[:NAMED]
    return {
        "unit": predictions.unit,
        "ours": ours.mean(),
        "published": others.mean(),
        "difference": difference.mean(),
        "standard error": difference.std(ddof=1) / np.sqrt(len(difference)),
        "without tail": [np.sort(e)[: int(len(e) * (1 - TAIL))].mean() for e in (ours, others)],
        "largest": {predictions.ids[i]: difference[i] / len(difference) for i in largest},
    }


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    stored = declared["stored"].get(declared["derived_from"], {})
    made = []
    for dataset in datasets:
        found = stored.get(dataset.name, [])
        unit = found[0]["unit"] if found else "1"
        notes = [] if found else ["Open, not run yet."]
        made.append(
            TextTable(with_unit(dataset.name, unit), HEAD if found else [], [_line(one) for one in found], notes)
        )
    return made


def _line(one: dict) -> list[str]:
    numbers = (one["ours"], one["published"], one["difference"], one["standard error"], *one["without tail"])
    largest = ", ".join(f"{name} {part:+.2g}" for name, part in one["largest"].items())
    return [one["row"], str(one["fold"]), *(f"{number:.4g}" for number in numbers), largest]
