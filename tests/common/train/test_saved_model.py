"""The values of `model.json` are checked: one line that names file and entry."""

import json

import numpy as np
import pytest

from common.data.splits import by_fractions
from common.errors import UserError
from common.train.saved_model import read_card
from profitnet.regressor import OFMCNN


@pytest.fixture(scope="module")
def saved(mini, tmp_path_factory):
    table = mini.take(np.arange(0, 336, 8))
    model = OFMCNN(epochs=1, batch=16, standardize=True).fit(table, "formation_energy", by_fractions(table))
    return model.save(tmp_path_factory.mktemp("model"))


def changed(saved, tmp_path, change):
    card = json.loads((saved / "model.json").read_text())
    card.pop("digest")
    change(card)
    (tmp_path / "model.json").write_text(json.dumps(card))
    (tmp_path / "model.weights.h5").write_bytes((saved / "model.weights.h5").read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card["scale"].update(factor=float("nan")), r"scale\.factor is nan"),
        (lambda card: card["scale"].update(factor="wide"), "scale is .*not the numbers"),
        (lambda card: card["scale"].update(factor=-1.0), "not above zero"),
        (lambda card: card["scale"].update(shift=1e300), r"scale\.shift is 1e\+300"),
        (lambda card: card["recipe"].update(epochs=1e12), r"recipe\.epochs is 1e\+12"),
        (lambda card: card.update(unit=None), "unit is None, not a text"),
        (lambda card: card.update(seed="zero"), "seed is 'zero', not a whole number"),
        (lambda card: card.update(config=[]), "config is .*not an object"),
        (lambda card: card["config"].update(colour="red"), r"is damaged \(.*colour"),
        (lambda card: card["recipe"].update(monitor="R2"), "monitor 'R2' is unknown"),
    ],
)
def test_wrong_values_are_named(saved, tmp_path, change, message):
    with pytest.raises(UserError, match=message) as caught:
        OFMCNN.load(changed(saved, tmp_path, change))
    assert "model.json" in str(caught.value) and "\n" not in str(caught.value)


def test_a_card_that_was_changed_is_refused(saved, tmp_path):
    card = json.loads((saved / "model.json").read_text())
    assert read_card(saved)["digest"] == card["digest"]
    card["scale"]["shift"] += 1.0
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(UserError, match="was changed after it was written"):
        read_card(tmp_path)


def test_models_of_earlier_versions_have_no_hash(saved, tmp_path):
    OFMCNN.load(changed(saved, tmp_path, lambda card: None))
