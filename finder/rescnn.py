"""ResCNN, the article's own composition baseline: convolutions over the vector of element fractions.

The article gives four 1-D convolutions of 64, 128, 256 and 256 filters, a global maximum and dense layers like
Finder's with skips; the rest is in a Supporting Table that is not public. Chosen here: width 3, padding "same",
ReLU, and the pooled vector beside the input of every dense layer but the first.

    input: share of each element H to Og      118 x 1
    conv 64, 128, 256, 256, width 3, ReLU     118 x 256
    global maximum                            256
    dense 512, 1024, 1024, 256, ReLU          256
    output: mean and log of the scale         2
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from common import losses
from common.cache import each_formula
from common.elements import SYMBOLS
from common.formula import parse_formula
from common.materials import MaterialsTable
from finder.config import FinderConfig
from finder.regressor import Finder

ELEMENTS = len(SYMBOLS) - 1


def build_rescnn(config: FinderConfig | None = None, *, uncertain: bool = True):
    """The functional Keras model, input (batch, 118, 1)."""
    from keras import Input, Model, layers, regularizers

    config = config or FinderConfig()
    inputs = x = Input((ELEMENTS, 1), name="fractions")
    for filters in (64, 128, 256, 256):
        x = layers.Conv1D(filters, 3, padding="same", activation="relu")(x)
    x = pooled = layers.GlobalMaxPooling1D()(x)
    for number, units in enumerate((512, 1024, 1024, 256)):
        x = layers.Concatenate()([x, pooled]) if number else x
        x = layers.Dense(units, activation="relu", kernel_regularizer=regularizers.L2(1e-6))(x)
    outputs = layers.Dense((2 if uncertain else 1) * config.outputs, dtype="float32", name="output")(x)
    return Model(inputs, outputs, name="rescnn")


def element_fractions(formula: str) -> np.ndarray:
    """Share of each element in the atoms of a formula, (118,) float32."""
    amounts = parse_formula(formula)
    fractions = np.zeros(ELEMENTS, dtype=np.float32)
    fractions[np.array(list(amounts)) - 1] = np.array([float(amount) for amount in amounts.values()])
    return fractions / fractions.sum()


class Fractions:
    """Element fractions of many materials (n, 118)."""

    def __init__(self, rows: list[np.ndarray]):
        self.rows = np.array(rows)

    def batch(self, rows: np.ndarray) -> np.ndarray:
        return self.rows[rows][..., None]


class ResCNN(Finder):
    """Formula -> element fractions -> CNN, trained as Finder is."""

    name = "rescnn"
    recipe = replace(Finder.recipe, xla=False)  # which makes its convolutions slower

    def features(self, table: MaterialsTable, jobs: int = 1):
        made, good, bad = each_formula(table, element_fractions)
        return (Fractions(made) if made else None), good, bad

    def build(self):
        return build_rescnn(self.config, uncertain=losses.with_uncertainty(self.recipe.loss))
