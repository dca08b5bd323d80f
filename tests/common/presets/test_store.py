"""Presets: what is restored predicts as the model that was written; damage is named in one line."""

import json

import numpy as np
import pytest
import yaml

from common.errors import UserError
from common.io.files import file_digest
from common.presets.load import any_regressor, load_model, read_card
from common.presets.store import read_preset, size_of, verify, write_preset
from common.train.ensemble import Ensemble
from finder.rescnn import ResCNN


def test_a_preset_predicts_within_one_percent_of_the_error_of_its_model(trained, preset, model_folder, mini):
    full = trained.predict(mini, bar=False)
    small = read_preset(preset, any_regressor).predict(mini, bar=False)
    errors = [np.abs(one.prediction - one.target).mean() for one in (full, small)]
    assert errors[1] == pytest.approx(errors[0], rel=0.01)
    assert size_of(preset) < 0.35 * (model_folder / "model.weights.h5").stat().st_size


def test_a_preset_restores_all_but_the_last_digits_of_the_weights(trained, preset):
    restored = read_preset(preset, any_regressor)
    assert isinstance(restored, ResCNN)
    for name in ("settings", "target", "unit", "elements", "scaler", "conformal"):
        one, other = (getattr(model, name) for model in (trained, restored))
        assert (one() if callable(one) else one) == (other() if callable(other) else other), name


@pytest.mark.slow
def test_an_ensemble_is_one_preset(ensemble, tmp_path, every_fourth):
    folder = write_preset(ensemble, tmp_path / "pair", {})
    restored = load_model(folder)
    assert isinstance(restored, Ensemble) and [member.seed for member in restored.members] == [0, 1]
    assert restored.conformal == ensemble.conformal
    one, other = (model.predict(every_fourth, bar=False) for model in (ensemble, restored))
    np.testing.assert_allclose(one.prediction, other.prediction, atol=0.05)
    verify(folder)


def test_equal_models_give_equal_files(trained, preset, tmp_path):
    again = write_preset(trained, tmp_path / preset.name, json.loads((preset / "metadata.json").read_text()))
    for file in preset.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_the_card_has_front_matter_and_all_that_is_known(preset):
    _, front, text = (preset / "README.md").read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["library_name"] == "matrepro" and facts["model-index"][0]["name"] == "rescnn-energy"
    for part in (
        "no licence is stated",
        "| rescnn | 0.5 | a fold |",
        "cover 91.0% of the other half (30",
        "ordered materials",
        "2021",
    ):
        assert part in text
    assert "finder predict --model rescnn-energy SrTiO3" in text


def test_names_and_folders_are_loaded_alike(installed, model_folder):
    assert read_card(installed)["target"] == read_card(model_folder)["target"] == "formation_energy"
    assert load_model(installed).conformal == load_model(model_folder).conformal


def test_an_unknown_name_suggests_the_nearest(installed):
    with pytest.raises(UserError, match="did you mean 'rescnn-energy'") as caught:
        load_model("rescn-energy")
    assert "\n" not in str(caught.value)


def test_weights_that_do_not_fit_are_refused_when_they_are_loaded(copy):
    content = (copy / "model.weights.npz").read_bytes()
    (copy / "model.weights.npz").write_bytes(content[:-1000])
    with pytest.raises(UserError, match=r"model.weights.npz is truncated or altered"):
        load_model(copy)
    (copy / "model.weights.npz").unlink()
    with pytest.raises(UserError, match=r"model.weights.npz cannot be checked"):
        load_model(copy)


def test_a_preset_of_a_later_version_is_named(copy):
    """A setting or a network that this version does not know."""
    config = json.loads((copy / "config.json").read_text())
    changes = {
        "later": {"config": config["config"] | {"later": 1}},
        "'future'": {"model": "future"},
        "format": {"format": 2},
    }
    for part, change in changes.items():
        (copy / "config.json").write_text(json.dumps(config | change))
        facts = json.loads((copy / "metadata.json").read_text())
        facts["sha256"]["config.json"] = file_digest(copy / "config.json")
        facts["sha256"].pop("metadata.json", None)
        (copy / "metadata.json").write_text(json.dumps(facts))
        with pytest.raises(UserError, match=part) as caught:
            load_model(copy)
        assert "\n" not in str(caught.value)


def test_presets_of_the_first_format_of_cards_are_complete(copy):
    """Those whose metadata have no hash of the card and of themselves, no bits and no pairs of elements."""
    facts = json.loads((copy / "metadata.json").read_text())
    for name in ("README.md", "metadata.json"):
        facts["sha256"].pop(name)
    facts.pop("bits")
    (copy / "metadata.json").write_text(json.dumps(facts))
    assert verify(copy) == facts
    (copy / "README.md").write_text("other")
    with pytest.raises(UserError, match="not the model card"):
        verify(copy)


def _edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: _edit(f / "metadata.json", format=2), "a preset of format 2, this version reads 1"),
        (lambda f: (f / "metadata.json").write_text("["), "metadata.json cannot be read"),
        (lambda f: _edit(f / "metadata.json", unit="meV"), "metadata.json is altered"),
        (lambda f: _edit(f / "config.json", unit="meV"), "config.json is truncated or altered"),
        (lambda f: (f / "config.json").unlink(), "config.json cannot be checked"),
        (lambda f: (f / "model.weights.npz").write_bytes(b"PK"), "model.weights.npz is truncated or altered"),
        (lambda f: (f / "model.weights.npz").unlink(), "model.weights.npz cannot be checked"),
        (lambda f: (f / "README.md").write_text("other"), "is not the model card of this preset"),
    ],
)
def test_damage_is_named(copy, damage, message):
    verify(copy)
    damage(copy)
    with pytest.raises(UserError, match=message) as caught:
        verify(copy)
    assert "\n" not in str(caught.value)
