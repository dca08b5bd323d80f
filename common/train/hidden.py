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


def hidden_and_outputs(model: Any, made: Featurized, *, bar: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The inputs (n, d) and the outputs (n, k) of the output layer for the features of n materials."""
    from keras import Model, layers

    hidden, output = model.model.layers[-1].input, model.model.outputs[0]
    if not len(made.rows):
        return np.zeros((0, int(hidden.shape[1]))), np.zeros((0, int(output.shape[1])))
    if getattr(model.model, "with_hidden", None) is None:  # one network, which is traced once
        together = layers.Concatenate()([layers.Activation("linear", dtype="float32")(x) for x in (hidden, output)])
        model.model.with_hidden = _Unseen(Model(model.model.inputs, together))
    rows = np.arange(len(made.rows))
    values = predict(model.model.with_hidden.network, made.features, rows, model.predict_batch, bar=bar)
    return values[:, : hidden.shape[1]], values[:, hidden.shape[1] :]


class _Unseen:
    """Hides a network from Keras, which would take it for a layer of the model that it is an attribute of."""

    def __init__(self, network: Any):
        self.network = network


def hidden_values(model: Any, made: Featurized) -> np.ndarray:
    """The inputs (n, d) of the output layer for the features of n materials."""
    return hidden_and_outputs(model, made)[0]


def fit_domain(model: Any, table: MaterialsDataset, *, jobs: int = 1) -> Domain | None:
    """Find the domain of a trained model, or of an ensemble by its first member, from the split it was trained with."""
    first = getattr(model, "members", [model])[0]
    split = first.split
    if split is None:
        raise UserError("the domain is found after fit, which knows the training set; load does not")
    if not has_one_hidden_layer(first):
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
        others = others.take(made.rows)
        predicted = model.predict(others, jobs=jobs, bar=False)
    errors = np.abs(np.asarray(predicted.target) - predicted.prediction).reshape(len(predicted), -1).mean(axis=1)
    formulas = table.select(name for name in split.train if name in table).formulas.tolist()
    first.domain = Domain.of(training, hidden_values(first, made), errors, formulas, others.formulas.tolist())
    return first.domain


def has_one_hidden_layer(model: Any) -> bool:
    """Whether the output layer has one input, a vector for each material."""
    values = model.model.layers[-1].input
    return not isinstance(values, list | tuple) and len(values.shape) == 2


def classes_of(model: Any, table: MaterialsDataset, made: Featurized, hidden: np.ndarray) -> np.ndarray:
    """Inside, edge or outside for the valid rows of a dataset, from their values in the last hidden layer."""
    formulas = table.formulas[made.rows].tolist()
    return model.domain.classes(hidden, model.unseen_elements(formulas), formulas)
