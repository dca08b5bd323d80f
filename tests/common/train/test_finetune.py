"""Fine-tuning: what a training starts from, what it trains, and what cannot be started from."""

import numpy as np
import pytest
from sklearn.base import clone

import matrepro
from common.data.splits import by_fractions
from common.errors import UserError
from common.presets.store import write_preset
from common.train.finetune import SLOWER
from finder.rescnn import ResCNN
from profitnet.regressor import OFMCNN

RECIPE = {"epochs": 2, "batch": 16, "checkpoint_seconds": 1e9}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 8)).known("band_gap")


@pytest.fixture(scope="module")
def split(table):
    return by_fractions(table)


@pytest.fixture(scope="module")
def trained(table, split):
    return ResCNN(**RECIPE).fit(table, "formation_energy", split)


def test_training_starts_from_the_weights_with_a_smaller_rate(trained, table, split):
    model = trained.fine_tuning(seed=4, **RECIPE)
    assert model.recipe.learning_rate == pytest.approx(SLOWER * ResCNN.recipe.learning_rate)
    assert model.model is None and model.config == trained.config and model.recipe.epochs == 2
    seen = []
    model.fit(table, "band_gap", split, callbacks=[first_weights(seen)])
    assert all(np.array_equal(one, other) for one, other in zip(seen[0], trained.model.get_weights(), strict=True))
    assert any(
        not np.array_equal(one, other)
        for one, other in zip(model.model.get_weights(), trained.model.get_weights(), strict=True)
    )
    values = table.select(split.train).target("band_gap").values
    if model.recipe.standardize:
        assert model.scaler.shift == pytest.approx(values.mean())
    assert trained.fine_tuning(learning_rate=0.01).recipe.learning_rate == 0.01


def first_weights(seen):
    from keras.callbacks import Callback

    class Watch(Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.model.get_weights())

    return Watch()


def test_the_head_alone_is_trained(trained, table, split):
    model = trained.fine_tuning(head_only=True, **RECIPE).fit(table, "band_gap", split)
    assert model.recipe.learning_rate == ResCNN.recipe.learning_rate
    head = {id(variable) for variable in model.model.layers[-1].weights}
    for variable, before in zip(model.model.weights, trained.model.get_weights(), strict=True):
        assert np.array_equal(np.asarray(variable), before) == (id(variable) not in head)


@pytest.mark.slow
def test_an_interrupted_fine_tuning_resumes(trained, table, split, tmp_path):
    def tuned(epochs, folder=None, **changes):
        model = trained.fine_tuning(**{**RECIPE, "epochs": epochs, **changes})
        return model.fit(table, "band_gap", split, folder=folder)

    tuned(1, tmp_path)
    assert np.array_equal(weights(tuned(3, tmp_path)), weights(tuned(3)))
    other = ResCNN(seed=1, **RECIPE).fit(table, "formation_energy", split)
    with pytest.raises(UserError, match="of another run"):
        other.fine_tuning(**{**RECIPE, "epochs": 3}).fit(table, "band_gap", split, folder=tmp_path)


def weights(model):
    return np.concatenate([np.ravel(array) for array in model.model.get_weights()])


def test_the_saved_model_states_what_it_was_started_from(trained, table, split, tmp_path):
    model = trained.fine_tuning(name="first", **RECIPE).fit(table, "band_gap", split)
    loaded = ResCNN.load(model.save(tmp_path / "m"))
    assert loaded.settings() == model.settings()
    stated = loaded.settings()["started_from"]
    assert stated | {"weights": ""} == {
        "name": "first",
        "target": "formation_energy",
        "weights": "",
        "head_only": False,
    }
    assert np.array_equal(loaded.predict(table, bar=False).prediction, model.predict(table, bar=False).prediction)
    with pytest.raises(UserError, match="call fit on its fine_tuning"):
        loaded.fit(table, "band_gap", split)
    assert loaded.fine_tuning(**RECIPE).recipe.learning_rate == model.recipe.learning_rate


def test_presets_and_folders_by_name(trained, tmp_path, monkeypatch):
    write_preset(trained, tmp_path / "rescnn-e-form", {})
    monkeypatch.setenv("MATREPRO_MODELS", str(tmp_path))
    model = matrepro.from_pretrained("rescnn-e-form", head_only=True, epochs=3)
    assert (model.start.name, model.start.head_only, model.recipe.epochs) == ("rescnn-e-form", True, 3)
    with pytest.raises(UserError, match="is not the name of a preset"):
        matrepro.from_pretrained("rescnn-e-frm")


def test_known_elements_remain_known(trained, table, split):
    few = by_fractions(table.take(np.arange(4)))
    model = trained.fine_tuning(**RECIPE).fit(table, "band_gap", few)
    assert set(trained.elements) <= set(model.elements)


def test_scikit_learn_clones_start_from_the_same_weights(trained):
    model = trained.fine_tuning(**RECIPE)
    copy = clone(model).set_params(epochs=5)
    assert copy.start == model.start and copy.start.trained is not None and copy.recipe.epochs == 5
    assert clone(ResCNN(epochs=3)).start is None


def test_another_output_layer_is_one_line(trained, table, split):
    """A loss without uncertainty has one output, where the start has two."""
    model = trained.fine_tuning(**RECIPE, loss="mse")
    assert (model.build().output_shape[-1], trained.model.output_shape[-1]) == (1, 2)
    with pytest.raises(UserError, match=r"does not fit this network: a layer has the shape \(\d+, \d\), not"):
        model.fit(table, "band_gap", split)


def test_other_layer_sizes_are_refused(table, split):
    model = OFMCNN(**RECIPE)
    with pytest.raises(UserError, match="not trained yet"):
        model.fine_tuning()
    model.model = model.build()
    name, value = next((name, value) for name, value in vars(model.config).items() if isinstance(value, int | float))
    with pytest.raises(UserError, match=f"was trained with {name} .*fine-tuning cannot change the network"):
        model.fine_tuning(**{name: value + 1})
