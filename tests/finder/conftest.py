"""Batches and weights that several tests share."""

import numpy as np
import pytest

from common.chem.element_vectors import element_vectors
from common.features.ragged import Ragged
from common.train import devices
from finder.graphs import CrystalGraphs, FormulaGraphs, crystal_graph, formula_graph

FORMULAS = ("SrTiO3", "Si", "O2", "NaCl", "Fe0.333Ni0.667", "Ca(OH)2", "LiFePO4", "Ba0.5Sr0.5TiO3", "Fe39Ni361")


@pytest.fixture(scope="session")
def formula_graphs():
    return FormulaGraphs(Ragged.stack([formula_graph(f) for f in FORMULAS]), element_vectors("matscholar"))


@pytest.fixture(scope="session")
def crystal_graphs(mini):
    """Crystals of the embedded set, one without any edge and one of a single atom among them."""
    crystals = [mini.structure(row) for row in range(0, 336, 14)]
    crystals.append((np.array([29]), np.eye(3) * 2.5, np.zeros((1, 3))))
    crystals.append((np.array([2, 10]), np.eye(3) * 20, np.array([[0, 0, 0], [0.5, 0.5, 0.5]])))
    return CrystalGraphs(Ragged.stack([crystal_graph(c) for c in crystals]), element_vectors("matscholar"))


@pytest.fixture(scope="session")
def graphs(formula_graphs, crystal_graphs):
    return {"formula": formula_graphs, "crystal": crystal_graphs}


@pytest.fixture
def precision():
    """`precision("float16")` turns to half precision until the test ends."""
    yield lambda name: devices.setup(0, precision=name)
    devices.setup(0)


def shaken(model, seed: int = 0):
    """The model with random weights everywhere, biases too, large enough for every term to matter."""
    random = np.random.default_rng(seed)
    sizes = [1 / max(w.shape[0], 1) ** 0.5 if w.ndim > 1 else 0.1 for w in model.get_weights()]
    model.set_weights([random.normal(size=w.shape, scale=s) for w, s in zip(model.get_weights(), sizes, strict=True)])
    return model
