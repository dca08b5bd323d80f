"""Roost's attention is that of a plain program, and formulas are all that matters."""

import numpy as np
import pytest

from common.baselines.layers import SoftAttention
from common.baselines.roost import ElementGraphs, Roost, RoostConfig, build_roost, fractions_of
from common.chem.element_vectors import element_vectors
from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split
from common.features.ragged import Ragged
from common.train.ensemble import Ensemble
from tests.common.baselines.conftest import assert_comes_back, outputs, shaken, trainable

SMALL = {"channels": 8, "hidden": 6, "layers": 2, "heads": 2, "trunk": (12, 8), "tail": (8, 6)}
RECIPE = {"epochs": 2, "batch": 16}
VECTORS = element_vectors("matscholar")
FORMULAS = ["SrTiO3", "Si", "NaCl", "Fe0.333Ni0.667", "LiFePO4"]


def of_formulas(formulas):
    ids = [str(k) for k in range(len(formulas))]
    return MaterialsDataset(ids, formulas, targets={"gap": Target(np.arange(len(ids), dtype=float), "eV")})


def test_parameter_count():
    message = 3 * (2 * (128 * 256 + 256) + 256 + 1 + 256 * 64 + 64 + 1)
    pool = 3 * (2 * (64 * 256 + 256) + 256 + 1 + 256 * 64 + 64 + 1)
    trunk = 64 * 1024 * 2 + 1024 + 1024 * 512 * 2 + 512 + 513 * 256
    tail = 256 * 128 * 2 + 128 + 128 * 64 * 2 + 64 + 65 * 2
    assert trainable(build_roost()) == 2_302_161 == 201 * 63 + 3 * message + pool + trunk + tail


def test_defaults_of_the_program():
    recipe = Roost().recipe
    numbers = (recipe.optimizer, recipe.learning_rate, recipe.weight_decay, recipe.batch, recipe.epochs, recipe.loss)
    assert numbers == ("adamw", 3e-4, 1e-6, 128, 100, "robust_l1")


def by_hand(layer, x, weights, counts, group, other, n):
    """The layer row by row and head by head, every MLP written out."""
    first, first_bias, gate, gate_bias, message, message_bias, power = layer.get_weights()
    heads, hidden = gate.shape
    out = np.zeros((n, x.shape[1]))
    for place in range(n):
        rows = [k for k in range(len(group)) if group[k] == place and counts[k] > 0]
        for head in range(heads):
            gates, messages = [], []
            for k in rows:
                one = x[k] if layer.pool else np.concatenate([x[group[k]], x[other[k]]])
                a = one @ first + first_bias
                a = np.where(a > 0, a, 0.01 * a)
                gates.append(a[head * hidden :][:hidden] @ gate[head] + gate_bias[head])
                messages.append(a[(heads + head) * hidden :][:hidden] @ message[head] + message_bias[head])
            weight = [counts[k] * weights[k if layer.pool else other[k]] ** power[head] for k in rows]
            raised = np.array(weight) * np.exp(np.array(gates) - max(gates, default=0))
            out[place] += (raised / raised.sum()) @ np.array(messages) / heads if rows else 0
    return out if layer.pool else x + out


@pytest.mark.parametrize("pool", [True, False])
def test_attention_equals_the_equations(pool):
    random = np.random.default_rng(2)
    m, c, e = 9, 4, 25
    x, weights = random.normal(size=(m, c)).astype(np.float32), random.uniform(0.1, 1, m).astype(np.float32)
    if pool:
        group, other = np.sort(random.integers(0, 3, m)).astype(np.int32), np.zeros(3, np.float32)
    else:
        group, other = (random.integers(0, m, e).astype(np.int32) for _ in range(2))
    counts = random.choice([0.0, 1.0, 2.0], len(group)).astype(np.float32)
    layer = SoftAttention(heads=2, hidden=5, pool=pool)
    layer(x, weights, counts, group, other)
    layer.set_weights([random.normal(size=w.shape) for w in layer.get_weights()])
    expected = by_hand(layer, x, weights, counts, group, other, 3 if pool else m)
    assert np.abs(np.asarray(layer(x, weights, counts, group, other)) - expected).max() < 1e-4


def test_fractions():
    graph = fractions_of("Ba0.5Sr0.5TiO3", VECTORS)
    assert graph["numbers"].tolist() == [8, 22, 38, 56]
    assert np.allclose(graph["fractions"], [0.6, 0.2, 0.1, 0.1])
    batch = ElementGraphs(Ragged.stack([graph, fractions_of("Si", VECTORS)]), VECTORS).batch(np.arange(2))
    assert batch["weights"].sum() == 4 * 4 + 1 and batch["sizes"].tolist() == [4, 1]


def test_order_multiples_and_company_change_nothing():
    model, network = Roost(**SMALL), shaken(build_roost(RoostConfig(**SMALL)))
    expected = outputs(model, network, of_formulas(FORMULAS))
    others = ["O6Ti2Sr2", "Si8", "ClNa", "Ni667Fe333", "Fe(PO4)Li"]
    assert np.abs(outputs(model, network, of_formulas(others)) - expected).max() < 1e-5 < np.ptp(expected)
    alone = np.concatenate([outputs(model, network, of_formulas([f])) for f in FORMULAS])
    assert np.abs(alone - expected).max() < 1e-5


@pytest.mark.slow
def test_it_learns_and_comes_back(table, split, tmp_path):
    model = Roost(seed=1, **RECIPE, **SMALL).fit(table, "formation_energy", split)
    assert model.state.history[-1]["loss"] < model.state.history[0]["loss"]
    loaded = assert_comes_back(model, table, tmp_path / "model")
    assert loaded.config == model.config
    plain = Roost(loss="mae", **RECIPE, **SMALL).fit(table, "formation_energy", split)
    assert plain.predict(table, bar=False).std is None


@pytest.mark.slow
def test_ensemble(table, split):
    members = Ensemble(lambda seed: Roost(seed=seed, **RECIPE, **SMALL), 2).fit(table, "formation_energy", split)
    predicted = members.predict(table, bar=False)
    assert np.allclose(predicted.std**2, predicted.epistemic**2 + predicted.aleatoric**2)
    assert (predicted.epistemic > 0).any()


def test_bad_formulas_are_named_and_the_rest_goes_on():
    table = of_formulas(["SrTiO3", "D2O", "Og", "NaCl", "", "Xx2"])
    model = Roost(epochs=1, **SMALL).fit(table, "gap", Split(("0", "3"), (), ()))
    assert model.predict(table, bar=False).ids.tolist() == ["0", "3"]
    reasons = model.left_out
    assert "deuterium" in reasons["1"] and "do not cover Og" in reasons["2"] and "empty" in reasons["4"]
    assert "not a chemical element" in reasons["5"]
