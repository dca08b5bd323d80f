"""ResCNN, the article's own composition baseline: convolutions over the vector of element fractions.

The article gives four 1-D convolutions of 64, 128, 256 and 256 filters, a global maximum and dense layers like
Finder's with skips; the rest is in a Supporting Table that is not public. Chosen here: width 3, padding "same",
ReLU, and beside the input of every dense layer, as the skips, the fractions and the pooled vector. The fractions
have to be among them: the maximum forgets at which element it was, and without them the validation error of log10 K
stays at 0.25 log10(GPa), near the 0.29 of the median; with them it is at 0.09 after twelve epochs.

    places: the fractions, most zeros left out      n x 1
    conv 64, 128, 256, 256, width 3, ReLU           n x 256
    global maximum                                  256
    fractions: share of each element H to Og        118
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
    """Share of each element in the atoms of a formula, (118,) float32."""
    amounts = parse_formula(formula)
    fractions = np.zeros(ELEMENTS, dtype=np.float32)
    fractions[np.array(list(amounts)) - 1] = np.array([float(amount) for amount in amounts.values()])
    return fractions / fractions.sum()


class Fractions:
    """Element fractions of many materials (n, 118), given to the convolutions without most of their zeros.

    Four convolutions of width 3 see 4 places to each side. Of more than 9 zeros in a row, all but the outer 8 places
    therefore have one and the same output, and the maximum over all places is that over fewer of them.
    """

    def __init__(self, rows: list[np.ndarray]):
        self.rows = np.array(rows)
        self.needed = _needed(self.rows)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The row that needs the most places says how many there are, up to the next multiple of 8."""
        whole, needed = self.rows[rows], self.needed[rows]
        places = min(ELEMENTS, -(-int(needed.sum(axis=1).max()) // 8) * 8)
        # Rows that need fewer keep so many of their other zeros, which stand in the same runs.
        spare = np.cumsum(~needed, axis=1) <= places - needed.sum(axis=1, keepdims=True)
        return {"fractions": whole, "places": whole[needed | spare].reshape(len(rows), places, 1)}


def _needed(fractions: np.ndarray, sight: int = 4) -> np.ndarray:
    """Places (n, 118) that are not zeros in the inside of a run of more than 2 sight + 1 of them."""
    n, length = fractions.shape
    edge = np.ones((n, 1), dtype=bool)
    # A place counts where something else, or an end of the vector, lies within the sight on either side: the first
    # `sight` zeros after it, the last `sight` before it, and one more so that a blank view is left.
    something = np.concatenate([edge, fractions > 0, edge], axis=1)
    place = np.arange(length + 2)
    before = np.maximum.accumulate(np.where(something, place, 0), axis=1)
    after = np.minimum.accumulate(np.where(something, place, length + 1)[:, ::-1], axis=1)[:, ::-1]
    near = (place - before <= sight + 1) | (after - place <= sight)
    return near[:, 1:-1]


class ResCNN(Finder):
    """Formula -> element fractions -> CNN, trained as Finder is."""

    name = "rescnn"
    recipe = replace(Finder.recipe, xla=False)  # which makes its convolutions slower

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        return each_formula(table, element_fractions).map(Fractions)

    def build(self):
        return build_rescnn(self.config, uncertain=losses.with_uncertainty(self.recipe.loss))
