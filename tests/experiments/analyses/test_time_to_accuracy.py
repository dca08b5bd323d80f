"""Epochs until the paper's validation error."""

import json
from pathlib import Path

import pytest

from experiments.analyses import time_to_accuracy as analysis
from experiments.analyses.derived import DatasetPredictions


def test_epochs_until_the_lowest_error_of_the_other():
    assert analysis.reached([3.0, 1.0, 0.5, 0.7], [2.0, 0.5, 0.4]) == {
        "goal": 0.5,
        "lowest": 0.4,
        "epochs": [3, 2],
    }
    assert analysis.reached([3.0, 0.5], [2.0, 0.6])["epochs"] == [2, None]


def test_lines_of_the_table():
    one = {"network": "Net", "split": 0, "unit": "eV", "goal": 0.5, "lowest": 0.45, "test": [0.6, 0.55]}
    one |= {"epochs": [300, 60], "an_epoch": [1, 5]}
    never = one | {"split": 1, "epochs": [300, None]}
    columns = [DatasetPredictions("gap", "gap", {}, 0), DatasetPredictions("other", "other", {}, 0)]
    full, empty = analysis.table(columns, {}, {"stored": {"gap": [one, never]}})
    assert full.title == "gap (eV)" and full.rows[0] == [
        "Net",
        "0",
        "0.5",
        "0.45",
        "300",
        "60",
        "5.0",
        "1.0",
        "0.6",
        "0.55",
    ]
    assert full.rows[1][5:8] == ["not reached", "–", "–"] and not empty.rows and empty.notes


def test_stored_runs_of_both_recipes():
    found = analysis.profitnet_fast()["Eg_exp"][0]
    folder = Path(analysis.__file__).parents[1] / "results/real/profitnet/figure3/Eg_exp/PROFiT-Net/seed-0"
    record = json.loads((folder / "cell.json").read_text())
    assert found["goal"] == pytest.approx(record["best_validation"], rel=1e-5)
    assert found["epochs"][0] == record["best_epoch"]
