"""What an error in the measured composition does is computed from predictions for the wrong composition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from common.data.predictions import Predictions
from common.data.splits import by_fractions
from diffcomp.regressor import DiffComp
from diffcomp.robustness import ERRORS, increases, picture, window, with_errors, wrong


@given(st.floats(0.05, 0.95), st.sampled_from(ERRORS))
def test_the_metal_is_wrong_by_so_many_per_cent_of_itself(share, error):
    amounts = {22: share, 8: 1 - share}  # titanium is the metal
    found = wrong(amounts, error)
    assert sum(found.values()) == pytest.approx(1) and min(found.values()) > 0
    assert found[22] == pytest.approx(min(share * (1 + error / 100), 0.99))


def test_the_others_keep_their_ratio():
    found = wrong({38: 1, 22: 1, 8: 3}, 10.0)  # strontium
    assert found[38] == pytest.approx(0.22) and found[8] / found[22] == pytest.approx(3)


def test_predictions_are_those_of_the_wrong_composition(mini):
    table = mini.take(np.arange(0, 336, 8))
    split = by_fractions(table)
    model = DiffComp(cv_nodes=10, epochs=2).fit(table, "formation_energy", split)
    tested = table.select(split.test)
    seen = [row for row, text in enumerate(model.unseen_elements(tested.formulas.tolist())) if not text]
    tested = tested.take(np.array(seen))  # others have no element vectors in this model
    assert len(tested) >= 3
    found = model.probes(tested)["composition-errors"]
    assert found.prediction.shape == (len(tested), len(ERRORS)) and np.array_equal(found.ids, tested.ids)
    amounts = {int(z): int(n) for z, n in zip(*np.unique(tested.structure(0).numbers, return_counts=True), strict=True)}
    k = ERRORS.index(10.0)
    alone = model.predict_measured(wrong(amounts, 10.0), None, name="x").prediction[0]
    assert found.prediction[0, k] == pytest.approx(alone, abs=1e-5)
    assert not np.allclose(found.prediction[:, k], model.predict(tested, bar=False).prediction, atol=1e-7)
    assert DiffComp(cv_nodes=0).probes(tested) == {}


@pytest.mark.slow
def test_with_a_pattern_the_pattern_stays_right(mini):
    table = mini.take(np.arange(0, 336, 24))
    model = DiffComp(epochs=1).fit(table, "formation_energy", by_fractions(table, (8, 1, 1)))
    found = with_errors(model, table)
    rows = model.features(table).rows  # all but those with an element that no training material has
    assert (
        len(rows) > 8
        and found.prediction.shape == (len(rows), len(ERRORS))
        and np.ptp(found.prediction, axis=1).min() > 0
    )


def test_the_increase_of_the_error_and_the_window():
    target = np.zeros(4)
    plain = Predictions(np.array(list("abcd")), np.full(4, 1.0), target)
    # An error of e per cent makes the MAE larger by |e| / 5 per cent; the materials come in another order.
    columns = np.array([np.full(4, 1 + abs(e) / 500) for e in ERRORS]).T
    found = increases(plain, Predictions(np.array(list("dcba")), columns, target))
    assert found[0.0] == 0 and found[10.0] == pytest.approx(2) and found[-20.0] == pytest.approx(4)
    assert list(found) == sorted(found)
    assert window(found) == 10.0 and window(found, 100) == 20.0 and window(found, 0.1) == 0.0


def test_the_picture(tmp_path):
    increase = {e: abs(e) / 5 for e in (*ERRORS[:6], 0.0, *ERRORS[6:])}
    picture(tmp_path / "s6.png", {"one": increase, "two": {e: 2 * v for e, v in increase.items()}})
    assert min(Image.open(tmp_path / "s6.png").size) > 500
