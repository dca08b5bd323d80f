"""Figure 6 of Finder: epsilon-near-zero materials among those whose dielectric function is predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from common.sources.jarvis import AXIS
from experiments.analyses.derived import DatasetPredictions
from experiments.analyses.text_table import TextTable
from experiments.declare.plan import slug
from finder.figures import element_network
from finder.optics import Window, element_pairs, enz_materials

PARTS = ("eps_re", "eps_im")


def hull(data) -> dict[str, np.ndarray]:
    """Distances from the hull, eV/atom."""
    return {"hull": data.target("hull_distance").values}


def table(datasets: Sequence[DatasetPredictions], printed: dict, declared: dict) -> list[TextTable]:
    """How many materials each model finds, and how many of these are so by their known dielectric functions."""
    name = "dielectric functions"
    if "missing_data" in declared:
        return [TextTable(name, [], [], [declared["missing_data"]])]
    rows = []
    for model in _models(datasets):
        known, predicted = found(datasets, model)
        hits = len(known.keys() & predicted.keys())
        shares = [f"{hits / n:.2f}" if n else "none" for n in (len(predicted), len(known))]
        rows.append([model, str(len(known)), str(len(predicted)), str(hits), *shares])
    if not rows:
        return [TextTable.not_run(name)]
    head = ["model", "near zero", "found", "of these near zero", "success ratio", "discoverability"]
    article = printed["enz"]["rows"]["candidates"]["n_compositions"]["value"]
    return [TextTable(name, head, rows, [f"The article's candidates: {article} compositions."])]


def draw(datasets: Sequence[DatasetPredictions], folder: Path, declared: dict) -> Iterator[Path]:
    """Figure 6d: the elements that stand together in what each model finds."""
    for model in _models(datasets):
        formulas = dict(zip(datasets[0].facts["id"].tolist(), datasets[0].facts["formula"].tolist(), strict=True))
        pairs = element_pairs(formulas[one] for one in found(datasets, model)[1])
        if pairs:
            path = folder / f"{slug(model)}-elements.png"
            element_network(path, pairs, name=model)
            yield path


def found(
    datasets: Sequence[DatasetPredictions], model: str
) -> tuple[Mapping[str, list[Window]], Mapping[str, list[Window]]]:
    """Id -> windows by known and by predicted dielectric functions, of the materials in both test sets."""
    real, loss = (next(d for d in datasets if d.target == part).models[model].predictions for part in PARTS)
    place = {name: row for row, name in enumerate(loss.ids.tolist())}
    both = [row for row, name in enumerate(real.ids.tolist()) if name in place]
    names = real.ids[both].tolist()
    other = [place[name] for name in names]
    facts = datasets[0].facts
    distance = dict(zip(facts["id"].tolist(), facts["hull"], strict=True))
    hulls = [distance[name] for name in names]
    curves = ((real.target, loss.target), (real.prediction, loss.prediction))
    known, predicted = (enz_materials(AXIS, one[both], two[other], names, hulls) for one, two in curves)
    return known, predicted


def _models(datasets: Sequence[DatasetPredictions]) -> list[str]:
    """The rows that have predicted both parts of the function."""
    parts = [dataset for dataset in datasets if dataset.target in PARTS and dataset.facts]
    if len(parts) < len(PARTS):
        return []
    return [model for model in parts[0].models if model in parts[1].models]
