"""ResCNN, the article's composition baseline: convolutions over the vector of element fractions.

The article states four 1-D convolutions of 64, 128, 256 and 256 filters, a global maximum and dense layers like
Finder's with skip connections; the rest is in a Supporting Table that is not public. Our choices: width 3, padding
"same", ReLU, and skip connections that concatenate the fractions and the pooled vector with the input of every dense
layer. The fractions are needed: global pooling discards the position, hence the element, and without them the
validation error of log10 K stays at 0.25 log10(GPa), near the 0.29 of the median; with them it reaches 0.09 after
twelve epochs.

    places: the fractions without most zeros        n x 1
    conv 64, 128, 256, 256, width 3, ReLU           n x 256
    global maximum                                  256
    fractions: fraction of each element H to Og     118
    dense 512, 1024, 1024, 256, ReLU, with skips    256
    output: mean and log of the scale               2
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from common.chem.elements import SYMBOLS
from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.features.cache import each_formula
from common.features.featurized import Featurized
from common.nn import losses
from finder.config import FinderConfig
from finder.regressor import Finder

ELEMENTS = len(SYMBOLS) - 1


def build_rescnn(config: FinderConfig | None = None, *, uncertain: bool = True):
    """The functional Keras model, input {"fractions": (batch, 118), "places": (batch, n, 1)}; see `Fractions`."""
    from keras import Input, Model, layers, regularizers

    config = config or FinderConfig()
    fractions, places = Input((ELEMENTS,), name="fractions"), Input((None, 1), name="places")
    x = places
    for filters in (64, 128, 256, 256):
        x = layers.Conv1D(filters, 3, padding="same", activation="relu")(x)
    x = skips = layers.Concatenate()([fractions, layers.GlobalMaxPooling1D()(x)])
    for number, units in enumerate((512, 1024, 1024, 256)):
        x = layers.Concatenate()([x, skips]) if number else x
        x = layers.Dense(units, activation="relu", kernel_regularizer=regularizers.L2(1e-6))(x)
    outputs = layers.Dense((2 if uncertain else 1) * config.outputs, dtype="float32", name="output")(x)
    return Model({"fractions": fractions, "places": places}, outputs, name="rescnn")


def element_fractions(formula: str) -> np.ndarray:
    """Atomic fractions of the elements H to Og in a formula, (118,) float32."""
    amounts = parse_formula(formula)
    fractions = np.zeros(ELEMENTS, dtype=np.float32)
    fractions[np.array(list(amounts)) - 1] = np.array([float(amount) for amount in amounts.values()])
    return fractions / fractions.sum()


class Fractions:
    """Element fractions of many materials (n, 118), of which the convolutions get most zeros removed.

    Four convolutions of width 3 have a receptive field of 4 places to each side. In a run of more than 9 zeros, all but
    the outer 8 places therefore have the same output, and the global maximum needs only one of them.
    """

    def __init__(self, rows: list[np.ndarray]):
        self.rows = np.array(rows)
        self.needed = _needed(self.rows)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The row that needs the most places sets their number, rounded up to a multiple of 8."""
        fractions, needed = self.rows[rows], self.needed[rows]
        places = min(ELEMENTS, -(-int(needed.sum(axis=1).max()) // 8) * 8)
        # Rows that need fewer places keep some of their other zeros, from the same runs.
        spare = np.cumsum(~needed, axis=1) <= places - needed.sum(axis=1, keepdims=True)
        return {"fractions": fractions, "places": fractions[needed | spare].reshape(len(rows), places, 1)}


def _needed(fractions: np.ndarray, field: int = 4) -> np.ndarray:
    """Mask (n, 118) of all places but the zeros inside a run of more than 2 field + 1 zeros."""
    n, length = fractions.shape
    edge = np.ones((n, 1), dtype=bool)
    # A place is needed if a nonzero fraction, or an end of the vector, lies within its receptive field: the first
    # `field` zeros after it, the last `field` before it, and one more, whose receptive field is all zeros.
    nonzero = np.concatenate([edge, fractions > 0, edge], axis=1)
    place = np.arange(length + 2)
    before = np.maximum.accumulate(np.where(nonzero, place, 0), axis=1)
    after = np.minimum.accumulate(np.where(nonzero, place, length + 1)[:, ::-1], axis=1)[:, ::-1]
    near = (place - before <= field + 1) | (after - place <= field)
    return near[:, 1:-1]


class ResCNN(Finder):
    """Formula -> element fractions -> CNN, trained like Finder."""

    name = "rescnn"
    recipe = replace(Finder.recipe, xla=False)  # XLA makes its convolutions slower

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        return each_formula(table, element_fractions).map(Fractions)

    def build(self):
        return build_rescnn(self.config, uncertain=losses.with_uncertainty(self.recipe.loss))
