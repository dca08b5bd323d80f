"""Regressors as estimators of scikit-learn, with the real one."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Composition, Lattice, Structure
from sklearn.base import clone, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

import matrepro
from common.data.splits import by_fractions
from common.errors import UserError
from finder.rescnn import ResCNN
from profitnet.regressor import OFMCNN


@pytest.fixture(scope="module")
def data(mini):
    table = mini.take(np.arange(0, 336, 8))
    return table.formulas.tolist(), table.target("formation_energy").values


def small(**changes):
    return ResCNN(epochs=1, batch=16, **changes)


def test_a_clone_has_the_same_parameters_and_is_untrained(data):
    model = small(seed=3, learning_rate=1e-3).fit(*data)
    copy = clone(model)
    assert (
        copy.get_params()
        == model.get_params()
        == {"variant": "corrected", "epochs": 1, "batch": 16, "seed": 3, "learning_rate": 1e-3}
    )
    assert copy.settings() == model.settings() and copy.model is None
    assert is_regressor(model)
    check_is_fitted(model)
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)


def test_parameters_are_checked():
    assert small().set_params(epochs=7).recipe.epochs == 7
    with pytest.raises(UserError, match="there is no such setting: 'epoch'"):
        small().set_params(epoch=7)


@pytest.mark.slow
def test_cross_validation_grid_search_and_pipelines(data):
    X, y = data
    scores = cross_val_score(small(), X, y, cv=2, scoring="neg_mean_absolute_error")
    assert scores.shape == (2,) and (scores < 0).all()
    assert np.isfinite(cross_val_score(small(), X, y, cv=2)).all()
    frame = pd.DataFrame({"formula": X})
    assert cross_val_predict(make_pipeline(FunctionTransformer(), small()), frame, y, cv=2).shape == y.shape
    search = GridSearchCV(small(), {"learning_rate": [1e-4, 1e-3]}, cv=2).fit(X, y)
    assert search.best_params_["learning_rate"] in (1e-4, 1e-3) and len(search.predict(X)) == len(X)


def test_fit_holds_out_a_tenth_and_calibrates_on_it(data):
    model = small().fit(*data)
    assert (len(model.split.train), len(model.split.validation)) == (38, 4)
    assert model.conformal.source == "validation"
    predicted = model.predict([*data[0][:3], "SrTiO3"], interval=0.5)
    frame = predicted.to_frame()
    assert list(frame.columns) == ["prediction", "std", "lower", "upper", "unit"] and len(frame) == 4
    with pytest.raises(UserError, match="fit needs at least two materials"):
        small().fit(["NaCl"], [1.0])
    with pytest.raises(UserError, match="or materials and their values"):
        small().fit(data[0], "y")


def test_a_model_that_was_just_trained_can_be_copied_and_pickled(data):
    model = small().fit(*data)
    expected = model.predict(["NaCl", "SrTiO3"], interval=0.5)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        found = other.predict(["NaCl", "SrTiO3"], interval=0.5)
        assert np.array_equal(found.prediction, expected.prediction) and np.array_equal(found.lower, expected.lower)
    assert pickle.loads(pickle.dumps(small())).model is None


def test_a_transformed_target(data):
    """It asks predictions for the attributes of an array. Formation energies, shifted above zero, as logarithms."""
    X, y = data[0], data[1] - data[1].min() + 1
    model = TransformedTargetRegressor(small(), func=np.log, inverse_func=np.exp, check_inverse=False).fit(X, y)
    predicted = model.predict(X[:3])
    assert predicted.shape == (3,) and (predicted > 0).all()


def test_unreadable_materials_are_warned_of_and_forgotten(data, tmp_path):
    model = small().fit(*data)
    with pytest.warns(UserWarning, match="1 left out of the predictions, see left_out; the first is Xx2: Xx is not"):
        assert len(model.predict(["NaCl", "Xx2"])) == 1
    assert list(model.left_out) == ["Xx2"]
    with pytest.raises(UserError, match=r"^Yy: Yy is not a chemical element"):
        model.predict(["Yy"])
    assert model.left_out == {}
    assert repr(model) == "ResCNN(epochs=1, batch=16)"


def test_matrepro_exports_by_name(installed_model):
    model = matrepro.load(installed_model)
    assert isinstance(model, matrepro.Ensemble | ResCNN)
    assert len(model.predict("SrTiO3")) == 1
    for name in matrepro.__all__:
        assert getattr(matrepro, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        matrepro.nothing  # noqa: B018


@pytest.fixture
def installed_model(data, tmp_path):
    return small().fit(*data).save(tmp_path)


def test_every_kind_of_material_is_taken_in_one_list(installed_model, mini, tmp_path):
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
    salt.to(filename=str(tmp_path / "salt.cif"))
    frames = [pd.DataFrame({"formula": ["NaCl"]}), pd.DataFrame({"structure": [salt]})]
    things = ["NaCl", salt, Composition("NaCl"), tmp_path / "salt.cif", *frames]
    frame = matrepro.load(installed_model).predict([*things, mini.take(np.arange(2))], interval=0.5).to_frame()
    assert len(frame) == len(things) + 2 and set(frame["unit"]) == {""}
    np.testing.assert_allclose(frame["prediction"][: len(things)], frame["prediction"].iloc[0], rtol=1e-6)
    assert (frame["lower"] < frame["upper"]).all()


def test_atoms_of_ase(installed_model):
    build = pytest.importorskip("ase.build", reason="ASE is not installed")
    assert len(matrepro.load(installed_model).predict(build.bulk("NaCl", "rocksalt", a=5.64))) == 1
    with pytest.raises(UserError, match="not periodic in three directions"):
        matrepro.load(installed_model).predict(build.molecule("H2O"))


def test_a_model_that_needs_structures_refuses_formulas(mini):
    table = mini.take(np.arange(0, 336, 16))
    model = OFMCNN(epochs=1, batch=16).fit(table, "band_gap", by_fractions(table))
    with pytest.raises(UserError, match="formulas only; this model needs structures") as caught:
        model.predict(["SrTiO3", "NaCl"])
    assert "\n" not in str(caught.value)
