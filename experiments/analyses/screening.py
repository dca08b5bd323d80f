"""Figures 4 and 5 of ESNet: how well predicted energies find stable materials, from stored predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from esnet.screening import figures
from esnet.screening.hull import PhasePool
from esnet.screening.published import TASKS, ground_states, published_screening
from esnet.screening.thresholds import PAPER_OPTIMUM, STABLE, below, counts, evaluate, funnel
from experiments.analyses.derived import DatasetPredictions, ModelPredictions
from experiments.analyses.text_table import TextTable
from experiments.declare import plan
from experiments.declare.models import package_of

SCORES = ("success ratio", "discoverability", "F1", "PPCR")
HEAD = ["model", "E_f (eV/atom)", "E_hull (eV/atom)", *SCORES, "C_eff (s)"]


def published() -> dict:
    """The report that is stored: the screening of the published predictions of both tasks."""
    return {task: published_screening(task) for task in TASKS}


def hull_of_ground_states(data) -> dict[str, np.ndarray]:
    """The hull energy (eV/atom) at each material's composition, over the ground states of the data directory."""
    return _hulls(data, ground_states())


def hull_of_its_own(data) -> dict[str, np.ndarray]:
    """The same over the dataset itself, which needs no other data."""
    known = data.known("formation_energy")
    return _hulls(data, PhasePool(known.formulas.tolist(), known.target("formation_energy").values))


def _hulls(data, pool: PhasePool) -> dict[str, np.ndarray]:
    return {"hull": np.array([pool.decomposition(formula)[0] for formula in data.formulas.tolist()])}


# --- Figure 4 ------------------------------------------------------------------------------------


def scores(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """Success ratio, discoverability, F1 and C_eff of every model, at its own best thresholds and the article's."""
    made = [_scored(dataset, declared["rows"]) for dataset in datasets]
    for task, report in declared.get("stored", {}).items():
        rows = [_line(name, report[name]) for name in ("best F1", "lowest C_eff", "the article's thresholds")]
        errors = report["E_f (eV/atom)"]
        notes = [
            f"{report['stable']:,} of {report['materials']:,} are stable; MAE {errors['MAE']:.4f}, RMSE "
            f"{errors['RMSE']:.4f} eV/atom; {report['phases in the pool']:,} phases in the pool.",
            "The article's best thresholds are -0.02 and 0.13 eV/atom; its scores are plotted, not printed.",
        ]
        made.append(TextTable(f"The authors' own predictions, {task}", ["thresholds", *HEAD[1:]], rows, notes))
    return made


def _scored(dataset: DatasetPredictions, models: dict) -> TextTable:
    rows, stable, size = [], 0, 0
    for name, row in dataset.models.items():
        target, prediction, hull = _values(dataset, row)
        if not below(target, target - hull, STABLE).any():
            continue
        # Only a model that needs a density of states pays for one.
        cost = {} if package_of(models[name]["model"]) == "esnet" else {"c_pre": 0.0}
        report = evaluate(target, target - hull, prediction, prediction - hull, **cost)[0]
        stable, size = report["stable"], report["materials"]
        rows.append(_line(name, report["best F1"]))
    if not rows:
        return TextTable.not_run(dataset.name)
    notes = [
        f"{stable} of {size} materials are stable by their known energies (E_f <= {STABLE[0]:g} and E_hull <= "
        f"{STABLE[1]:g} eV/atom). Each model has its thresholds of the best F1, chosen on these very materials, as in "
        "the article.",
        *(
            f"{name}: {row.splits} of {dataset.folds} folds."
            for name, row in dataset.models.items()
            if row.splits < dataset.folds
        ),
    ]
    return TextTable(dataset.name, HEAD, rows, notes)


def _values(dataset: DatasetPredictions, row: ModelPredictions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Target, prediction and hull energy of the materials that a row predicts, eV/atom."""
    hull = dict(zip(dataset.facts["id"].tolist(), dataset.facts["hull"], strict=True)) if dataset.facts else {}
    found = row.predictions
    here = np.array([name in hull for name in found.ids.tolist()], dtype=bool)
    energies = np.array([hull[name] for name in found.ids[here].tolist()])
    return found.target[here], found.prediction[here], energies


def _line(name: str, at: dict) -> list[str]:
    thresholds = [f"{at[which]:.2f}" for which in ("E_f (eV/atom)", "E_hull (eV/atom)")]
    return [name, *thresholds, *(f"{at[score]:.3f}" for score in SCORES), f"{at['C_eff (s)']:.0f}"]


# --- Figure 5 ------------------------------------------------------------------------------------


def stages(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """How many materials are left after each threshold, at the article's."""
    made = []
    for dataset in datasets:
        found = {name: counts(_funnel(dataset, row)) for name, row in dataset.models.items() if dataset.facts}
        if not found:
            made.append(TextTable.not_run(dataset.name))
            continue
        names = list(next(iter(found.values())))
        rows = [[stage, *(f"{one[stage]:,}" for one in found.values())] for stage in names]
        made.append(TextTable(dataset.name, ["stage", *found], rows))
    for task, report in declared.get("stored", {}).items():
        article = report["article"]["funnel"]
        rows = [[stage, f"{n:,}", f"{article[stage]:,}"] for stage, n in report["funnel"].items()]
        note = (
            "The article screens 15,318 candidates, whose predictions are not published; these are the test materials."
        )
        made.append(
            TextTable(f"The authors' own predictions, {task}", ["stage", "materials", "the article's"], rows, [note])
        )
    return made


def draw_stages(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """The funnel and the map of the materials in it, of every model."""
    for dataset in datasets:
        formulas = dict(zip(dataset.facts["id"].tolist(), dataset.facts["formula"].tolist(), strict=True))
        for name, row in dataset.models.items():
            inside = folder / f"{plan.slug(dataset.name)}-{plan.slug(name)}"
            inside.mkdir(parents=True, exist_ok=True)
            names = [formulas[one] for one in row.predictions.ids.tolist()]
            yield from (inside / one for one in figures.screening(inside, names, _funnel(dataset, row)))


def _funnel(dataset: DatasetPredictions, row: ModelPredictions) -> dict[str, np.ndarray]:
    target, prediction, hull = _values(dataset, row)
    truth = below(target, target - hull, STABLE)
    return funnel(prediction, prediction - hull, truth, PAPER_OPTIMUM)
