"""Both implementations of Finder give the same numbers from the same weights."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from common.data.splits import by_fractions
from common.errors import UserError
from finder.config import VARIANTS, FinderConfig
from finder.model import build_finder
from finder.regressor import CrystalFinder, Finder
from tests.finder.conftest import shaken

pytest.importorskip("spektral", reason="Spektral does not support macOS on Apple silicon")
from finder.spektral_layers import DisjointBatches, Explicit, build_spektral_finder

OTHERS = (FinderConfig(attention="pooling", layers=3), FinderConfig(attention="none", head=False))


@pytest.mark.parametrize("mode", ["formula", "crystal"])
@pytest.mark.parametrize(
    "config",
    [
        VARIANTS["corrected"],
        *(pytest.param(VARIANTS[name], marks=pytest.mark.slow, id=name) for name in VARIANTS if name != "corrected"),
        *(pytest.param(config, marks=pytest.mark.slow) for config in OTHERS),
    ],
)
def test_random_weights(mode, config, graphs):
    config = replace(config, mode=mode)
    one, other = shaken(build_finder(config=config)), build_spektral_finder(config=config)
    assert [w.shape for w in one.weights] == [w.shape for w in other.weights]
    other.set_weights(one.get_weights())
    rows = np.arange(len(graphs[mode]))
    expected = one.predict_on_batch(graphs[mode].batch(rows))
    found = other.predict_on_batch(DisjointBatches(graphs[mode]).batch(rows))
    assert np.abs(expected - found).max() < 1e-5 and np.ptp(expected[:, 0]) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("network", [Finder, CrystalFinder])
def test_trained_weights(network, mini):
    """Weights trained with Spektral predict the same with `keras.ops`."""
    table = mini.take(np.arange(0, 336, 6))
    split = by_fractions(table)
    model = network(implementation="spektral", epochs=2, batch=16).fit(table, "formation_energy", split)
    expected = model.predict(table, bar=False)
    other = network(implementation="keras")
    other.target, other.unit, other.scaler, other.model = model.target, model.unit, model.scaler, other.build()
    other.model.set_weights(model.model.get_weights())
    found = other.predict(table, bar=False)
    assert np.abs(expected.prediction - found.prediction).max() < 1e-5
    assert np.abs(expected.std - found.std).max() < 1e-5


@pytest.mark.slow
def test_both_implementations_train_alike(mini):
    """The same seed, the same batches: the losses of three epochs agree."""
    table = mini.take(np.arange(0, 336, 6))
    split = by_fractions(table)
    runs = [
        Finder(implementation=name, seed=2, epochs=3, batch=16).fit(table, "formation_energy", split).state.history
        for name in ("keras", "spektral")
    ]
    for one, other in zip(*runs, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_spektral_users_bring_their_own_loader(crystal_graphs):
    """Spektral's own `DisjointLoader` over a `Dataset` feeds the layers as they are."""
    from spektral.data import DisjointLoader

    data = Explicit(crystal_graphs, rows=[0, 3, 7])
    model = shaken(build_spektral_finder("crystal"))
    x, a, e, i = next(DisjointLoader(data, batch_size=3, shuffle=False))
    outputs = model.predict_on_batch({"x": x, "a": a, "e": e, "i": i})
    expected = shaken(build_finder("crystal")).predict_on_batch(crystal_graphs.batch(np.array([0, 3, 7])))
    assert np.abs(outputs - expected).max() < 1e-5


def test_without_spektral_the_other_implementation_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "finder.spektral_layers", None)
    monkeypatch.delattr("finder.spektral_layers")
    with pytest.raises(UserError, match=r"not installed .*; use implementation='keras'"):
        Finder(implementation="spektral").build()
