"""Crystals without neighbours, without a symmetry to be found, and P1 cells of 500 atoms, in every structure model."""

import warnings

import numpy as np
import pytest

from common.baselines.cgcnn import CGCNN
from common.baselines.cgcnn_hd import CGCNNHD
from common.baselines.megnet import MEGNet
from common.baselines.ogcnn import OGCNN
from common.baselines.wren import Wren
from common.data.splits import Split
from tests.common.baselines.conftest import of_crystals

CONVOLUTIONS = {"channels": 5, "layers": 1, "hidden": 6}
MODELS = {
    CGCNN: CONVOLUTIONS,
    CGCNNHD: {**CONVOLUTIONS, "samples": 3},
    OGCNN: {**CONVOLUTIONS, "encoder": 7},
    MEGNet: {"blocks": 1, "channels": 3, "units": (6, 5, 4), "gaussians": 9},
    Wren: {"channels": 6, "symmetry": 5, "hidden": 7, "layers": 1, "trunk": (12, 8), "tail": (8, 6)},
}


def large_cell() -> tuple:
    """500 atoms without any symmetry, on a shaken grid so that none overlap."""
    random = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)[:500]
    return random.choice([8, 14, 22], 500), np.eye(3) * 22.0, (grid + random.uniform(-0.2, 0.2, grid.shape)) / 8


ALONE = (np.array([2]), np.eye(3) * 30, np.zeros((1, 3)))
OVERLAP = (np.array([11, 11]), np.eye(3) * 4, np.zeros((2, 3)))


@pytest.mark.parametrize("model_class", MODELS)
def test_hard_crystals_are_predicted_or_named_and_the_rest_goes_on(model_class, mini):
    """A helium atom 30 angstrom from its image, two atoms in one place, 500 atoms without symmetry."""
    table = of_crystals([mini.structure(0), mini.structure(9), ALONE, OVERLAP, large_cell()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of crystals without neighbours
        model = model_class(**MODELS[model_class], epochs=1).fit(table, "gap", Split(("0", "1"), (), ()))
        found = model.predict(table, bar=False)
    assert np.isfinite(found.prediction).all()
    assert set(found.ids.tolist()) | set(model.left_out) == set(table.ids.tolist())
    assert set(model.left_out) == {"3"}
    assert "two atoms are only 0.000 angstrom apart" in model.left_out["3"]


def test_wren_states_its_limit_and_goes_on(mini):
    """A P1 cell of many elements has as many nodes; those whose pairs pass the limit are named."""
    _, lattice, frac = large_cell()
    table = of_crystals([mini.structure(0), mini.structure(9), (np.arange(500) % 40 + 1, lattice, frac)])
    made = Wren(**MODELS[Wren], limit=1000).features(table)
    assert made.rows.tolist() == [0, 1] and "1,600 pairs; Wren accepts 1,000 (limit=...)" in made.errors["2"]
    assert Wren(**MODELS[Wren]).features(table).rows.tolist() == [0, 1, 2]
