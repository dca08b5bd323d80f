"""The last hidden layer of a trained network, and the domain that it defines."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from common.data.domain import LANDMARKS, Domain
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.featurized import Featurized
from common.train.loop import predict

#: Training materials from which the directions are found.
SAMPLE = 4 * LANDMARKS


def hidden_values(model: Any, made: Featurized) -> np.ndarray:
    """The inputs (n, d) of the output layer for the features of n materials."""
    from keras import Model

    values = model.model.layers[-1].input
    width = int(values.shape[1])
    if not len(made.rows):
        return np.zeros((0, width))
    network = Model(model.model.inputs, values)
    return predict(network, made.features, np.arange(len(made.rows)), model.predict_batch)


def fit_domain(model: Any, table: MaterialsDataset, *, jobs: int = 1) -> Domain | None:
    """Find the domain of a trained model, or of an ensemble by its first member, from the split it was trained with."""
    first = getattr(model, "members", [model])[0]
    split = first.split
    if split is None:
        raise UserError("the domain is found after fit, which knows the training set; load does not")
    if not _has_one_hidden_layer(first):
        return None
    held_out = [name for name in split.calibration or split.validation if name in table]
    order = np.random.default_rng(first.seed).permutation(len(split.train))[:SAMPLE]
    sample = [split.train[row] for row in order if split.train[row] in table]
    if not held_out or not sample:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the training has warned of these materials
        training = hidden_values(first, first.features(table.select(sample), jobs))
        others = table.select(held_out)
        made = first.features(others, jobs)
        predicted = model.predict(others.take(made.rows), jobs=jobs, bar=False)
    errors = np.abs(np.asarray(predicted.target) - predicted.prediction)
    first.domain = Domain.of(training, hidden_values(first, made), errors.reshape(len(errors), -1).mean(axis=1))
    return first.domain


def _has_one_hidden_layer(model: Any) -> bool:
    values = model.model.layers[-1].input
    return not isinstance(values, list | tuple) and len(values.shape) == 2


def classes_of(model: Any, table: MaterialsDataset, made: Featurized) -> np.ndarray:
    """Inside, edge or outside for the valid rows of a dataset."""
    if model.domain is None:
        raise UserError("this model has no domain; train it again, with a validation or calibration set")
    return model.domain.classes(hidden_values(model, made), model.unseen_elements(table.formulas[made.rows].tolist()))
