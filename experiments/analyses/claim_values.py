"""Numbers for the papers' claims that are no plain errors: spreads, shares, counts, from what is stored.

Each function returns a number, a pair (how many of how many), or None where nothing is stored yet.
"""

from __future__ import annotations

import json

import numpy as np

from diffcomp.robustness import increases
from diffcomp.symmetry import SYSTEMS, crystal_system
from experiments.analyses import composition_error, derived, large_scale
from experiments.analyses.polymorphs import GROUPS, PAIR, Polymorphs
from experiments.declare import plan

SCALE = "real"
BOTH = "composition and pattern (90:10)"


def _dataset(paper: str, table: str, column: str) -> derived.DatasetPredictions:
    return next(one for one in derived.datasets(paper, table, SCALE) if one.name == column)


# --- composition and diffraction -----------------------------------------------------------------


def polymorph_spread(column: str, by: str) -> float | None:
    """Mean standard deviation of Table 1, over crystal systems (`by` formula) or over formulas (`by` system)."""
    spreads = list(_spreads(column, by).values())
    return float(np.mean(spreads)) if spreads else None


def spread_of(column: str, formula: str) -> float | None:
    """The standard deviation over the crystal systems of one formula."""
    return _spreads(column, "formula").get(formula)


def _spreads(column: str, by: str) -> dict[str, float]:
    dataset = _dataset("diffcomp", "table1", column)
    if not dataset.facts:
        return {}
    found, means = Polymorphs(dataset), {}
    for formula in plan.layout("diffcomp", "table1", SCALE)["formulas"]:
        for system in SYSTEMS:
            values = found.target[(found.formulas == formula) & (found.systems == system)]
            if len(values):
                means[formula, system] = values.mean()
    place = ("formula", "system").index(by)
    groups = {key[place]: [mean for other, mean in means.items() if other[place] == key[place]] for key in means}
    return {name: float(np.std(values, ddof=1)) for name, values in groups.items() if len(values) > 1}


def spread_in_space_groups(column: str, between: str) -> float | None:
    """Largest standard deviation within a formula (`between` groups), smallest between TiO2 and ZrO2 (formulas)."""
    dataset = _dataset("diffcomp", "same-space-groups", column)
    if not dataset.facts:
        return None
    found = Polymorphs(dataset)
    means = np.array([[found.target[(found.formulas == f) & (found.groups == g)].mean() for g in GROUPS] for f in PAIR])
    spreads = means.std(axis=1 if between == "groups" else 0, ddof=1)
    return float(spreads.max() if between == "groups" else spreads.min())


def cubic_excess(column: str) -> float | None:
    """How much larger the MAE of cubic crystals is than that of all."""
    errors = _errors_by_system(column)
    return float(errors["cubic"].mean() - np.concatenate(list(errors.values())).mean()) if "cubic" in errors else None


def cubic_is_worst(column: str) -> tuple[int, int] | None:
    """Than how many of the other crystal systems cubic crystals have a larger MAE."""
    errors = _errors_by_system(column)
    others = [values for system, values in errors.items() if system != "cubic"]
    return (sum(errors["cubic"].mean() > one.mean() for one in others), len(others)) if others else None


def _errors_by_system(column: str) -> dict[str, np.ndarray]:
    dataset = _dataset("diffcomp", "table-s2", column)
    if BOTH not in dataset.models or not dataset.facts:
        return {}
    group_of = dict(zip(dataset.facts["id"].tolist(), dataset.facts["space_group"].astype(int), strict=True))
    predicted = dataset.models[BOTH].predictions
    systems = np.array([crystal_system(group_of[name]) for name in predicted.ids.tolist()])
    error = np.abs(predicted.prediction - predicted.target)
    return {system: error[systems == system] for system in SYSTEMS if (systems == system).any()}


def best_ratios(column: str) -> tuple[int, int] | None:
    """In how many crystal systems 90:10 has the lowest MAE of all ratios."""
    dataset = _dataset("diffcomp", "table-s2", column)
    if not dataset.facts or len(dataset.models) < 2:
        return None
    group_of = dict(zip(dataset.facts["id"].tolist(), dataset.facts["space_group"].astype(int), strict=True))
    best = []
    for system in SYSTEMS:
        errors = {}
        for row, model in dataset.models.items():
            one = model.predictions
            inside = np.array([crystal_system(group_of[name]) == system for name in one.ids.tolist()])
            if inside.any():
                errors[row] = np.abs(one.prediction - one.target)[inside].mean()
        best.append(min(errors, key=errors.get) == BOTH)
    return sum(best), len(best)


def increase_within(column: str, window: float) -> float | None:
    """The largest increase of the MAE, in per cent, where the metal's content is wrong by at most `window` per cent."""
    model = _dataset("diffcomp", "figure-s6", column).models.get(BOTH)
    if model is None or composition_error.EXTRA not in model.extra:
        return None
    series = increases(model.predictions, model.extra[composition_error.EXTRA])
    return max(value for error, value in series.items() if abs(error) <= window)


# --- ESNet ---------------------------------------------------------------------------------------


def similar_descriptors() -> tuple[int, int] | None:
    """How many descriptors of densities of states differ less before and after relaxation than between random pairs."""
    path = derived.report_path("esnet", "figure1b", SCALE)
    if not path.exists():
        return None
    ratios = [one["ratio"] for one in json.loads(path.read_text())["similarity"].values()]
    return sum(ratio < 1 for ratio in ratios), len(ratios)


# --- PROFiT-Net ----------------------------------------------------------------------------------


def negative_gaps(row: str) -> float | None:
    """The share of negative predicted gaps, in per cent."""
    predicted = large_scale.screened(_dataset("profitnet", "table-s11", "Eg_exp")).get(row)
    return None if predicted is None else 100 * float((predicted.prediction < 0).mean())


def correlation(column: str, row: str) -> float | None:
    """Pearson's r between the predictions of a model and those of PROFiT-Net."""
    found = large_scale.screened(_dataset("profitnet", "table-s11", column))
    return None if row not in found or large_scale.OWN not in found else large_scale.correlation(found, row)
