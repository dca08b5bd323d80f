"""The check finds what it is there to find."""

import json

from common.data.predictions import Predictions
from experiments.report import check
from experiments.run import store


def test_good_results_pass(stored):
    assert check.check_stored() == ([], 2)
    assert check.check_data() == []


def test_an_error_outside_its_band_is_found(stored, tiny):
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["bands"]["dummy"] = [0.1, 0.2]
    wrong, _ = check.check_stored()
    assert len(wrong) == 1
    assert "lies outside 0.1 to 0.2" in wrong[0]


def test_a_result_without_a_band_is_found(stored, tiny):
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["bands"].clear()
    assert "no band is stated" in check.check_stored()[0][0]


def test_changed_settings_are_found(stored, tiny):
    tiny["tables"]["one"]["scales"]["real"]["split"]["shares"] = [8, 1, 1]
    wrong, _ = check.check_stored()
    assert sum("run it again" in line for line in wrong) == 2


def test_lost_predictions_are_found(stored):
    path = store.folder_of(stored[0]) / "predictions.csv.gz"
    all_of_them = Predictions.load(path)
    Predictions(all_of_them.ids[:5], all_of_them.prediction[:5], all_of_them.target[:5]).save(path)
    assert any("5 predictions for" in line for line in check.check_stored()[0])


def test_a_result_that_no_table_declares_is_found(stored, tiny):
    del tiny["rows"]["dummy"]
    assert all("no table declares" in line for line in check.check_stored()[0])


def test_other_data_and_another_split_are_found(stored):
    for name, words in (("data", "the data have changed"), ("split", "another split now")):
        path = store.folder_of(stored[0]) / "cell.json"
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {name: {**record[name], "digest": "0" * 16}}))
        assert any(words in line for line in check.check_data())
        path.write_text(json.dumps(record))
