"""Fit a model, predict sets of its split, score and save the predictions: the same steps for every command."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split


@dataclass(frozen=True)
class Scored:
    """Predictions by set of the split, and id -> reason for the materials that have none."""

    predictions: dict[str, Predictions]
    left_out: dict[str, str]
    seconds: float = 0.0

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Set -> number of materials and errors, for the sets that have predictions."""
        return {name: {"n": len(one), **one.metrics()} for name, one in self.predictions.items() if len(one)}


def fit_and_score(
    model: Any,
    table: MaterialsDataset,
    target: str,
    split: Split,
    *,
    files: Mapping[str, Path | None],
    checkpoints: Path,
    save_to: Path | None = None,
    jobs: int = 1,
    callbacks: Sequence[Any] = (),
) -> Scored:
    """Train `model` on `table` and score it on sets of the split.

    model: a `Regressor` or a classical model. files: set ("validation", "test") -> file for its predictions, or None.
    checkpoints: folder from which an interrupted training resumes. save_to: folder for the model and its history.
    """
    started = time.perf_counter()
    options = {"callbacks": callbacks} if callbacks else {}  # which classical models lack
    model.fit(table, target, split, folder=checkpoints, jobs=jobs, **options)
    left_out = dict(model.left_out)
    if save_to:
        # The model comes last, since its presence says that the folder is complete.
        (checkpoints / "history.csv").replace(save_to / "history.csv")
        model.save(save_to)
        shutil.rmtree(checkpoints, ignore_errors=True)
    scored = score(model, table, split, files, jobs=jobs)
    state = getattr(model, "state", None)
    seconds = state.seconds if state else time.perf_counter() - started
    return Scored(scored.predictions, left_out | scored.left_out, seconds)


def score(
    model: Any,
    table: MaterialsDataset,
    split: Split,
    files: Mapping[str, Path | None],
    *,
    jobs: int = 1,
    bar: bool = False,
) -> Scored:
    """Predict sets of the split with a trained model; predictions go to the files that are named."""
    predictions: dict[str, Predictions] = {}
    left_out: dict[str, str] = {}
    for name, path in files.items():
        ids = split.subsets()[name]
        if not ids:
            continue
        predictions[name] = model.predict(table.select(ids), jobs=jobs, bar=bar)
        left_out |= model.left_out
        if path and len(predictions[name]):
            predictions[name].save(path)
    return Scored(predictions, left_out)


def restored_epoch(model: Any) -> dict[str, float]:
    """The row of the history that belongs to the weights of a trained network."""
    state = model.state
    return state.history[-1 if model.recipe.keep == "last" else state.best_epoch]
