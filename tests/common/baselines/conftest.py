"""Crystals, random weights and what all peer models are asked."""

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target
from common.data.splits import by_fractions


@pytest.fixture(scope="session")
def table(mini):
    """56 crystals of the embedded set."""
    return mini.take(np.arange(0, 336, 6))


@pytest.fixture(scope="session")
def split(table):
    return by_fractions(table)


def shaken(model, seed: int = 0):
    """The model with random weights everywhere, biases and moving statistics too, so that every term matters."""
    random = np.random.default_rng(seed)

    def made(variable):
        if "variance" in variable.path:
            return random.uniform(0.5, 2.0, variable.shape)
        return random.normal(
            size=variable.shape, scale=1 / max(variable.shape[0], 1) ** 0.5 if variable.ndim > 1 else 0.3
        )

    model.set_weights([made(w) for w in model.weights])
    return model


def trainable(model) -> int:
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


def of_crystals(crystals, target: str = "gap") -> MaterialsDataset:
    """A table of (numbers, lattice, frac) triples, named 0, 1, ..."""
    ids = [str(k) for k in range(len(crystals))]
    return MaterialsDataset.from_structures(ids, crystals, {target: Target(np.arange(len(ids), dtype=float), "eV")})


def supercell(crystal, times=(2, 1, 1)):
    shifts = np.indices(times).reshape(3, -1).T
    frac = np.concatenate([crystal.frac + shift for shift in shifts]) / np.array(times)
    return np.tile(crystal.numbers, len(shifts)), crystal.lattice * np.array(times)[:, None], frac


def permuted(crystal, random):
    """The same crystal with its sites in another order, some of them given in other cells, and another origin."""
    order = random.permutation(len(crystal.numbers))
    frac = crystal.frac[order] + random.integers(-1, 2, (len(order), 3)) + random.uniform(size=3)
    return crystal.numbers[order], crystal.lattice, frac


def outputs(regressor, model, table):
    """What a network makes of a table, all of which must be good."""
    made = regressor.features(table)
    assert not made.errors, made.errors
    return np.asarray(model.predict_on_batch(made.features.batch(np.arange(len(made.rows)))))[:, 0]


def assert_comes_back(fitted, table, folder):
    """Saved and loaded, a model gives the same output, up to rounding in float32."""
    expected = fitted.predict(table, bar=False)
    loaded = type(fitted).load(fitted.save(folder))
    found = loaded.predict(table, bar=False)
    assert np.allclose(expected.prediction, found.prediction, rtol=1e-5, atol=1e-5) and np.ptp(expected.prediction) > 0
    if expected.std is not None:
        assert np.allclose(expected.std, found.std, rtol=1e-5, atol=1e-5) and (found.std > 0).all()
    assert loaded.settings() == fitted.settings() and loaded.recipe == fitted.recipe
    return loaded
