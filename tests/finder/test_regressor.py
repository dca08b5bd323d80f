"""Finder learns, says how sure it is, comes back from disk, and names what it cannot take."""

import numpy as np
import pytest

from common.data.materials import MaterialsDataset, Target
from common.data.splits import Split, by_fractions
from common.errors import UserError
from common.train.ensemble import Ensemble
from common.train.saved_model import read_card
from finder.embeddings import edge_matrix, material_vectors
from finder.regressor import CrystalFinder, Finder
from finder.rescnn import ResCNN

RECIPE = {"epochs": 3, "batch": 16}


def assert_equal(one: np.ndarray, other: np.ndarray):
    """Up to rounding in float32: TensorFlow orders sums differently in a graph that has met several batch shapes."""
    assert np.allclose(one, other, rtol=1e-6, atol=1e-6) and np.ptp(one) > 1e-3


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 4))


@pytest.fixture(scope="module")
def split(table):
    return by_fractions(table)


@pytest.fixture(scope="module", params=[Finder, CrystalFinder, ResCNN])
def fitted(request, table, split):
    return request.param("released", seed=1, **RECIPE).fit(table, "formation_energy", split)


@pytest.mark.slow
def test_it_learns(mini):
    """Better than the mean by half after some epochs on the embedded set."""
    split = by_fractions(mini)
    model = Finder(epochs=12, batch=16).fit(mini, "formation_energy", split)
    predicted = model.predict(mini.select(split.test), bar=False)
    assert predicted.metrics()["MAD:MAE"] > 2
    assert (predicted.std > 0).all() and predicted.unit == "eV/atom"


def test_it_comes_back_with_the_same_output(fitted, table, tmp_path):
    expected = fitted.predict(table, bar=False)
    loaded = type(fitted).load(fitted.save(tmp_path / "model"))
    found = loaded.predict(table, bar=False)
    assert_equal(expected.prediction, found.prediction)
    assert_equal(expected.std, found.std)
    assert loaded.settings() == fitted.settings() and loaded.recipe == fitted.recipe
    assert loaded.recipe.keep == "last"


def test_targets_are_standardised_on_training_alone(fitted, table, split):
    values = table.select(split.train).target("formation_energy").values
    assert fitted.scaler.shift == pytest.approx(values.mean(), rel=1e-6)
    assert fitted.scaler.factor == pytest.approx(values.std(), rel=1e-6)


def test_recipe_of_the_variants():
    """Robust L1, 3e-4 times 0.999 an epoch, batch 128, 1200 epochs, patience 300."""
    recipe = Finder().recipe
    numbers = (recipe.loss, recipe.learning_rate, recipe.decay, recipe.batch, recipe.epochs, recipe.patience)
    assert numbers == ("robust_l1", 3e-4, 0.999, 128, 1200, 300)
    assert (recipe.decay_every, recipe.keep) == ("epoch", "best")
    assert Finder("released").recipe.keep == "last" and Finder("paper").recipe.decay_every == "update"


def test_settings_are_checked():
    assert Finder(layers=3, vectors="megnet16").config.layers == 3
    with pytest.raises(UserError, match=r"no such setting: .*'depth'"):
        Finder(depth=3)
    with pytest.raises(UserError, match="unknown implementation 'torch'"):
        Finder(implementation="torch")


@pytest.mark.slow
def test_the_learning_rate_decays(table, split):
    model = Finder(epochs=3, batch=32).fit(table, "formation_energy", split)
    assert float(model.model.optimizer.learning_rate) == pytest.approx(3e-4 * 0.999**2)


@pytest.mark.slow
def test_curves(table, split, tmp_path):
    """A target of 12 points with an axis: learnt, saved, loaded and written as a curve."""
    axis = np.linspace(0, 10, 12)
    height = table.target("formation_energy").values
    curves = np.sin(axis) * height[:, None]
    wide = table.with_target("curve", curves, "1/eV", axis=axis, axis_unit="eV")
    model = Finder(loss="mae", standardize=False, **RECIPE).fit(wide, "curve", split)
    predicted = model.predict(wide, bar=False)
    assert predicted.prediction.shape == (len(table), 12) and predicted.std is None
    loaded = Finder.load(model.save(tmp_path / "model"))
    assert_equal(loaded.predict(wide, bar=False).prediction, predicted.prediction)
    assert np.array_equal(loaded.axis, axis) and read_card(tmp_path / "model")["axis_unit"] == "eV"
    unsure = Finder(**RECIPE).fit(wide, "curve", split).predict(wide, bar=False)
    assert unsure.std.shape == unsure.prediction.shape == curves.shape
    unsure.save(tmp_path / "curves.csv.gz")
    again = type(unsure).load(tmp_path / "curves.csv.gz")
    assert np.allclose(again.std, unsure.std, rtol=1e-8) and np.allclose(again.target, curves, rtol=1e-8)


@pytest.mark.slow
def test_ensemble(table, split, tmp_path):
    ensemble = Ensemble(lambda seed: Finder(seed=seed, **RECIPE), 2, seed=5).fit(table, "formation_energy", split)
    predicted = ensemble.predict(table, bar=False)
    members = [member.predict(table, bar=False) for member in ensemble.members]
    assert [member.seed for member in ensemble.members] == [5, 6]
    assert np.allclose(predicted.prediction, (members[0].prediction + members[1].prediction) / 2)
    assert np.allclose(predicted.epistemic, np.abs(members[0].prediction - members[1].prediction) / 2)
    assert np.allclose(predicted.std**2, predicted.epistemic**2 + predicted.aleatoric**2)
    assert (predicted.epistemic > 0).any()
    loaded = Ensemble.load(ensemble.save(tmp_path / "ensemble"), Finder.load)
    assert_equal(loaded.predict(table, bar=False).std, predicted.std)


def test_bad_materials_are_named_and_the_rest_goes_on():
    formulas = ["SrTiO3", "D2O", "Fe0.9999Ni0.0001", "Es2O3", "NaCl", ""]
    table = MaterialsDataset(list("abcdef"), formulas, targets={"gap": Target(np.arange(6.0), "eV")})
    model = Finder(vectors="megnet16", epochs=1)
    model.fit(table, "gap", Split(("a", "e", "b"), (), ("f",)))
    assert set(model.left_out) == {"b"}
    predicted = model.predict(table, bar=False)
    assert predicted.ids.tolist() == ["a", "e"]
    reasons = model.left_out
    assert "deuterium" in reasons["b"] and "10,000 atoms" in reasons["c"]
    assert "do not cover Es" in reasons["d"] and "empty" in reasons["f"]


def test_crystals_without_neighbours_are_told_of():
    far = [(np.array([2, 10]), np.eye(3) * 20, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))] * 2
    table = MaterialsDataset.from_structures(["x", "y"], far, {"gap": Target(np.arange(2.0), "eV")})
    with pytest.warns(UserWarning, match=r"2 of 2 crystals have no two sites within 4 angstrom \(the first is x\)"):
        CrystalFinder().features(table)


def test_approximated_formulas_are_reported():
    table = MaterialsDataset(["x", "y", "z"], ["Fe0.333Ni0.667", "Fe0.5Ni0.5", "Fe0.666Ni0.334"])
    message = "2 of 3 formulas need more than 499 atoms and are approximated, Fe0.333Ni0.667 by FeNi2, ...$"
    with pytest.warns(UserWarning, match=message):
        Finder().features(table)


def test_material_vectors(fitted, table):
    made = fitted.features(table)
    if fitted.name == "rescnn":
        with pytest.raises(UserError, match="rescnn model has no material embeddings"):
            material_vectors(fitted, made)
        return
    vectors = material_vectors(fitted, made)
    assert vectors.shape == (len(table), 200) and np.ptp(vectors, axis=0).max() > 0


def test_edge_values_of_a_formula(fitted):
    """The matrix of Figure 4 holds the values that the network uses, atoms of one element alike."""
    if fitted.name != "finder":
        with pytest.raises(UserError, match="learns no edge values"):
            edge_matrix(fitted, "SrTiO3")
        return
    symbols, matrix = edge_matrix(fitted, "SrTiO3")
    assert symbols == ["O", "O", "O", "Ti", "Sr"] and matrix.shape == (5, 5)
    assert np.isnan(np.diag(matrix)).all() and np.isfinite(matrix[~np.eye(5, dtype=bool)]).all()
    assert np.allclose(matrix[0, 3:], matrix[1, 3:]) and np.isclose(matrix[0, 1], matrix[2, 0])
    assert not np.isclose(matrix[0, 3], matrix[3, 0])  # from O to Ti is not from Ti to O
