"""One function trains, scores and saves for `train`, tables and `tune`."""

import numpy as np
import pytest

from common.baselines.classical import Median
from common.data.predictions import Predictions
from common.data.splits import Split, by_fractions
from common.sources import load_source
from common.train.fit_and_score import fit_and_score, restored_epoch, score
from profitnet.regressor import OFMCNN


@pytest.fixture(scope="module")
def mini():
    table = load_source("mini").known("band_gap")
    return table, by_fractions(table, [6, 2, 2], 0)


def test_predictions_are_scored_and_saved_set_by_set(mini, tmp_path):
    table, split = mini
    files = {"validation": None, "test": tmp_path / "test.csv"}
    scored = fit_and_score(Median(), table, "band_gap", split, files=files, checkpoints=tmp_path / "run")
    assert list(scored.predictions) == ["validation", "test"] and scored.left_out == {}
    assert scored.scores["test"]["n"] == len(split.test) and scored.seconds > 0
    stored = Predictions.load(tmp_path / "test.csv")
    assert stored.ids.tolist() == list(split.test)
    assert stored.metrics()["MAE"] == pytest.approx(scored.scores["test"]["MAE"], rel=1e-6)
    assert not (tmp_path / "validation.csv").exists()


def test_a_set_without_materials_has_no_score(mini, tmp_path):
    table, split = mini
    model = Median().fit(table, "band_gap", split)
    assert score(model, table, Split(split.train, split.validation, ()), {"test": tmp_path / "test.csv"}).scores == {}
    assert not (tmp_path / "test.csv").exists()


def test_a_saved_network_predicts_the_same(mini, tmp_path):
    table, split = mini
    folder = tmp_path / "model"
    folder.mkdir()
    model = OFMCNN(epochs=2)
    scored = fit_and_score(
        model, table, "band_gap", split, files={"test": None}, checkpoints=folder / "run", save_to=folder
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "history.csv",
        "model.json",
        "model.weights.h5",
        "split.json",
    ]
    loaded = score(OFMCNN.load(folder), table, split, {"test": None}).predictions["test"]
    assert np.array_equal(loaded.prediction, scored.predictions["test"].prediction)
    assert restored_epoch(model)["epoch"] == model.state.best_epoch + 1
