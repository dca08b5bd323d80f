"""The regressor: learns, comes back from disk to the bit, refuses what it cannot know, selects where it says it does.

Most of it is tested on the plain CNN, which shares everything with ESNet but the network and is much quicker.
"""

import json

import numpy as np
import pytest

from common.data.densities import DensitiesInMemory
from common.data.materials import MaterialsDataset
from common.data.splits import Split, by_fractions
from common.errors import UserError
from common.train import devices
from esnet.cnn import CNN, build_cnn
from esnet.regressor import ESNet

RECIPE = {"epochs": 2, "batch": 16}


@pytest.fixture(scope="module")
def table(mini):
    return mini.take(np.arange(0, 336, 8))


@pytest.fixture(scope="module")
def split(table):
    return by_fractions(table)


@pytest.fixture(scope="module")
def fitted(table, split):
    return CNN(seed=1, **RECIPE).fit(table, "formation_energy", split)


@pytest.fixture(scope="module")
def released(table, split):
    return CNN("released", seed=1, **RECIPE).fit(table, "formation_energy", split)


def from_vasp(table, *, aligned: bool) -> MaterialsDataset:
    """The same materials as if VASP had computed them."""
    items = [table.dos(row, aligned=aligned)._replace(program="VASP") for row in range(len(table))]
    return MaterialsDataset.from_structures(table.ids, table.structures(), densities=DensitiesInMemory(items))


@pytest.mark.slow
def test_it_learns(mini):
    split = by_fractions(mini)
    model = CNN(epochs=25, momentum=0.9).fit(mini, "formation_energy", split)
    predicted = model.predict(mini.select(split.test), bar=False)
    assert predicted.metrics()["MAD:MAE"] > 1.5 and predicted.unit == "eV/atom"


@pytest.mark.slow
def test_esnet_trains_and_comes_back(table, split, tmp_path):
    model = ESNet(seed=2, epochs=1, batch=16).fit(table, "formation_energy", split)
    row = model.state.history[0]
    assert np.isfinite(row["loss"]) and row["validation_loss"] == model.state.best
    expected = model.predict(table, bar=False).prediction
    loaded = ESNet.load(model.save(tmp_path / "model"))
    assert np.allclose(loaded.predict(table, bar=False).prediction, expected, atol=1e-6) and np.ptp(expected) > 1e-3


@pytest.mark.slow
def test_an_untrained_esnet_comes_back_with_the_same_output(table, tmp_path):
    few = table.take(np.arange(3))
    model = ESNet("paper")
    model.target, model.unit = "formation_energy", "eV/atom"
    devices.setup(3)
    model.model = model.build()
    model.fit_inputs(model.features(few).features, np.arange(2))
    expected = model.predict(few, bar=False).prediction
    loaded = ESNet.load(model.save(tmp_path / "model"))
    assert np.array_equal(loaded.predict(few, bar=False).prediction, expected) and np.ptp(expected) > 0
    assert loaded.config == model.config and not loaded.config.stem and loaded.scaling == model.scaling


def test_it_comes_back_with_the_same_output(fitted, table, tmp_path):
    expected = fitted.predict(table, bar=False)
    loaded = CNN.load(fitted.save(tmp_path / "model"))
    found = loaded.predict(table, bar=False)
    assert np.allclose(found.prediction, expected.prediction, atol=1e-6) and np.ptp(found.prediction) > 1e-3
    assert loaded.settings() == fitted.settings() and loaded.recipe == fitted.recipe
    assert loaded.scaling == fitted.scaling and loaded.programs == ("GPAW",) and loaded.form == fitted.form
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["config"]["reference"] == "fermi" and card["inputs"]["engines"] == ["GPAW"]


def test_inputs_are_scaled_by_the_training_part_alone(fitted, table, split):
    few = table.select(split.train)
    alone = CNN().features(few).features
    assert alone.fit(np.arange(len(few)), scale_composition=False).mean == pytest.approx(fitted.scaling.mean, rel=1e-9)
    whole = CNN().features(table).features
    assert whole.fit(np.arange(len(table)), scale_composition=False).mean != pytest.approx(
        fitted.scaling.mean, rel=1e-9
    )


def test_recipes_of_the_variants():
    """Log-cosh, 300 epochs, half the rate after 15 epochs without improvement, the end after 35."""
    for variant, rate, batch in (("corrected", 1.75e-3, 32), ("paper", 1.75e-3, 32), ("released", 1.5e-3, 64)):
        recipe = ESNet(variant).recipe
        assert (recipe.loss, recipe.monitor, recipe.epochs, recipe.patience) == ("log_cosh", "loss", 300, 35)
        assert (recipe.plateau, recipe.plateau_factor, recipe.learning_rate, recipe.batch) == (15, 0.5, rate, batch)


def test_variants_differ_in_what_the_network_sees(table):
    few = table.take(np.arange(4))
    seen = {variant: ESNet(variant).features(few).features.densities(np.arange(4)) for variant in ESNet.variants}
    assert not np.allclose(seen["released"], seen["corrected"]) and not np.allclose(seen["released"], seen["paper"])
    assert (seen["released"][:, 1] <= 0).all() and (seen["paper"][:, 1] <= 0).all() and (seen["corrected"] >= 0).all()
    with pytest.warns(UserWarning, match="end before the axis"):
        valence = ESNet(reference="valence band").features(few).features.densities(np.arange(4))
    assert not np.allclose(valence, seen["corrected"])


# --- selection -----------------------------------------------------------------------------------


def test_the_release_chooses_its_epoch_on_the_test_part(released, table, split):
    assert released.split.train == (*split.train, *split.validation) and not released.split.validation
    error = released.predict(table.select(split.test), bar=False).metrics()["MAE"]
    rows = released.state.history
    assert error == pytest.approx(rows[released.state.best_epoch]["validation_MAE"], rel=1e-4)
    assert released.selection == "test" and released.settings()["config"]["selection"] == "test"
    with pytest.raises(UserError, match="selects its epoch on the test set, which is empty"):
        CNN("released").fit(table, "formation_energy", Split(split.train, split.validation, ()))


def test_others_do_not_see_the_test_part(fitted, table, split):
    assert fitted.split == split and fitted.selection == "validation"
    error = fitted.predict(table.select(split.validation), bar=False).metrics()["MAE"]
    assert error == pytest.approx(fitted.state.history[fitted.state.best_epoch]["validation_MAE"], rel=1e-4)


# --- what it refuses -----------------------------------------------------------------------------


def test_absolute_energies_of_another_program_are_refused_unless_told(released, table):
    few = table.take(np.arange(3))
    other = from_vasp(few, aligned=False)
    predicted = released.predict(other, bar=False)
    assert len(predicted) == 0
    assert "from VASP, whose zero differs from that of the training data (GPAW)" in released.left_out[few.ids[0]]
    released.accept_other_inputs = True
    try:
        assert np.allclose(
            released.predict(other, bar=False).prediction, released.predict(few, bar=False).prediction, atol=1e-6
        )
    finally:
        released.accept_other_inputs = False


def test_energies_from_the_fermi_level_may_come_from_any_program(fitted, table):
    few = table.take(np.arange(3))
    found = fitted.predict(from_vasp(few, aligned=True), bar=False)
    assert np.allclose(found.prediction, fitted.predict(few, bar=False).prediction, atol=1e-6)


def test_relative_energies_are_refused_by_a_model_of_absolute_ones(released, table):
    few = from_vasp(table.take(np.arange(2)), aligned=True)
    assert len(released.predict(few, bar=False)) == 0
    assert "these are relative to the fermi" in released.left_out[few.ids[0]]


def test_tables_without_densities_are_refused(fitted, table):
    bare = MaterialsDataset.from_structures(table.ids, table.structures())
    with pytest.raises(UserError, match="no densities of states; this model needs them"):
        fitted.predict(bare)


def test_settings_are_checked():
    with pytest.raises(UserError, match="no such setting"):
        ESNet(depth=3)
    with pytest.raises(UserError, match="orbitals = 16 is not supported; use 9"):
        ESNet(orbitals=16).features(None)


def test_the_plain_network():
    model = build_cnn()
    lengths = [layer.output.shape[1:] for layer in model.layers if layer.__class__.__name__ == "AveragePooling1D"]
    assert lengths == [(375, 64), (187, 64), (93, 128), (46, 256)] and model.count_params() < 300_000
