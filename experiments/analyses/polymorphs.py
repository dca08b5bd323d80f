"""Table 1 and its neighbours: do predictions tell polymorphs apart? All from stored predictions and space groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from diffcomp.symmetry import SYSTEMS, crystal_system
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable

#: The formulas that the paper compares in their common space groups, and these.
PAIR, GROUPS = ("TiO2", "ZrO2"), (14, 61, 136, 141)


class Polymorphs:
    """The materials of a dataset by formula and crystal system, their targets, and predictions where there are any."""

    def __init__(self, dataset: DatasetPredictions):
        facts = dataset.facts
        known = np.isfinite(facts[dataset.target])
        self.ids, self.formulas = facts["id"][known], facts["formula"][known]
        self.groups, self.target = facts["space_group"][known].astype(int), facts[dataset.target][known]
        self.systems = np.array([crystal_system(g) if g else "unknown" for g in self.groups])
        row = next(iter(dataset.models.values()), None)
        self.splits = row.splits if row else 0
        found = dict(zip(row.predictions.ids.tolist(), row.predictions.prediction, strict=True)) if row else {}
        self.prediction = np.array([found.get(name, np.nan) for name in self.ids.tolist()])
        self.unit = row.predictions.unit if row else ""

    def coverage(self, folds: int) -> str:
        """How many materials the folds that are done predict."""
        done = int(np.isfinite(self.prediction).sum())
        return f"{self.splits} of {folds} folds are done; they predict {done:,} of the {len(self.ids):,} materials."


def by_crystal_system(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """Means and sample standard deviations over the polymorphs of some formulas, beside the printed means."""
    return [_systems(dataset, printed, declared["formulas"]) for dataset in datasets]


def _systems(dataset: DatasetPredictions, printed: dict, formulas: Sequence[str]) -> TextTable:
    if not dataset.facts:
        return TextTable.not_run(dataset.name)
    found = Polymorphs(dataset)
    paper = printed[dataset.printed["systems"]]["rows"] if dataset.printed else {}
    head = ["formula, crystal system", "materials", "target", "predicted materials", "prediction"]
    head += ["paper's mean", "paper's materials"] if paper else []
    rows, means = [], {}
    for formula in formulas:
        for system in SYSTEMS:
            inside = (found.formulas == formula) & (found.systems == system)
            cell = paper.get(formula, {}).get(system, {})
            if not inside.any() and not cell:
                continue
            values = found.target[inside], found.prediction[inside][np.isfinite(found.prediction[inside])]
            means[formula, system] = tuple(v.mean() if len(v) else np.nan for v in values)
            texts = [text for v in values for text in (str(len(v)), _spread(v))]
            rows.append([f"{formula}, {system}", *texts, _text(cell.get("value")), _text(cell.get("n"))])
        cell = paper.get(formula, {}).get("SD", {})
        rows.append(_deviation(f"{formula}, SD of the means", means, cell, formula=formula))
    for system in SYSTEMS:
        cell = paper.get("SD", {}).get(system, {})
        rows.append(_deviation(f"SD of the means, {system}", means, cell, system=system))
    notes = [found.coverage(dataset.folds), *_note_of_printed(means, paper)]
    return TextTable(_title(dataset, found.unit), head, [row[: len(head)] for row in rows if any(row[1:])], notes)


def _deviation(name: str, means: dict, cell: dict, *, formula: str = "", system: str = "") -> list[str]:
    """A row with the sample standard deviation of the means of one formula or of one crystal system."""
    inside = [pair for key, pair in means.items() if formula in ("", key[0]) and system in ("", key[1])]
    target, prediction = np.array(inside).reshape(-1, 2).T
    return [name, "", _sd(target), "", _sd(prediction), _text(cell.get("value")), ""]


def _note_of_printed(means: dict, paper: dict) -> list[str]:
    """Whether the printed means are those of the targets or of predictions: how far ours are from them."""
    pairs = [(*ours, paper[f][s]["value"]) for (f, s), ours in means.items() if s in paper.get(f, {})]
    if not pairs:
        return []
    target, prediction, theirs = np.array(pairs, dtype=float).T
    both = [("targets'", target), *([("predictions'", prediction)] if np.isfinite(prediction).any() else [])]
    far = [f"{np.nanmedian(np.abs(ours - theirs)):.3f} from our {name}" for name, ours in both]
    return [f"In the median the printed means are {' and '.join(far)}."]


def same_space_groups(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """TiO2 against ZrO2 in the space groups that both have: what composition does where the symmetry is the same."""
    made = []
    for dataset in datasets:
        if not dataset.facts:
            made.append(TextTable.not_run(dataset.name))
            continue
        found = Polymorphs(dataset)
        paper = printed[dataset.printed["groups"]]["rows"] if dataset.printed.get("groups") else {}
        head = ["space group"]
        for formula in PAIR:
            head += [f"{formula}, materials", "target", "prediction", *(["paper's"] if paper else [])]
        head += ["SD between, target", "prediction", *(["paper's"] if paper else [])]
        rows, columns_of_means = [], {formula: [] for formula in PAIR}
        for group in GROUPS:
            row, means = [str(group)], []
            for formula in PAIR:
                inside = (found.formulas == formula) & (found.groups == group)
                predicted = found.prediction[inside][np.isfinite(found.prediction[inside])]
                mean = tuple(v.mean() if len(v) else np.nan for v in (found.target[inside], predicted))
                means.append(mean)
                columns_of_means[formula].append(mean)
                theirs = paper.get(formula, {}).get(f"sg{group}", {}).get("value")
                row += [str(inside.sum()), *map(_number, mean), *([_text(theirs)] if paper else [])]
            row += [_sd(values) for values in zip(*means, strict=True)]
            row += [_text(paper["SD_between_the_two"].get(f"sg{group}", {}).get("value"))] if paper else []
            rows.append(row)
        last = ["SD of the four"]
        for formula in PAIR:
            spread = [_sd(values) for values in zip(*columns_of_means[formula], strict=True)]
            last += ["", *spread, *([_text(paper[formula]["SD"]["value"])] if paper else [])]
        rows.append([*last, *[""] * (len(head) - len(last))])
        made.append(TextTable(_title(dataset, found.unit), head, rows, [found.coverage(dataset.folds)]))
    return made


def by_family(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """Table S2: the MAE of every ratio in every crystal system."""
    made = []
    for dataset in datasets:
        if not dataset.facts or not dataset.models:
            made.append(TextTable.not_run(dataset.name))
            continue
        group_of = dict(zip(dataset.facts["id"].tolist(), dataset.facts["space_group"].astype(int), strict=True))
        head, rows = ["crystal system", *dataset.models], {name: [name] for name in (*SYSTEMS, "all")}
        excess = []
        for row, stored in dataset.models.items():
            predicted = stored.predictions
            error = np.abs(predicted.prediction - predicted.target)
            systems = np.array([crystal_system(group_of[name]) for name in predicted.ids.tolist()])
            for system in SYSTEMS:
                rows[system].append(_error(error[systems == system]))
            rows["all"].append(_error(error))
            if (systems == "cubic").any():
                excess.append(f"{row} {error[systems == 'cubic'].mean() - error.mean():+.3f}")
        unit = predicted.unit
        notes = [f"MAE ({unit}) and the number of predictions in brackets, over all folds that are done."]
        notes.append(f"Cubic crystals less all, {unit}: {'; '.join(excess)}.")
        key = dataset.printed.get("excess")
        if key:
            cell = printed["crystal_families"]["rows"]["cubic"][key]
            notes[-1] = f"{notes[-1][:-1]}; paper's, at 90:10: +{cell['value']:g}."
        made.append(TextTable(_title(dataset, unit), head, [row for row in rows.values() if any(row[1:])], notes))
    return made


# --- texts ---------------------------------------------------------------------------------------


def _title(dataset: DatasetPredictions, unit: str) -> str:
    return f"{dataset.name}, {unit}" if unit else dataset.name


def _error(error: np.ndarray) -> str:
    return f"{error.mean():.3f} ({len(error)})" if len(error) else ""


def _spread(values: np.ndarray) -> str:
    if not len(values):
        return ""
    return f"{values.mean():.2f} ± {values.std(ddof=1):.2f}" if len(values) > 1 else f"{values.mean():.2f}"


def _sd(values: Iterable[float]) -> str:
    values = np.array([value for value in values if np.isfinite(value)])
    return f"{values.std(ddof=1):.2f}" if len(values) > 1 else ""


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else ""


def _text(value) -> str:
    return "" if value is None else f"{value:g}"
