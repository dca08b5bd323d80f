"""Figures 4 and 5 of ESNet come out of stored predictions, hull energies and the report of published ones."""

import json

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.sources import load_source
from esnet.screening.hull import PhasePool
from experiments.analyses import derived, screening
from experiments.analyses.derived import DatasetPredictions, ModelPredictions
from experiments.declare import plan

MODELS = {"rows": {"net": {"model": "esnet"}}}


@pytest.fixture
def column():
    """Four materials, of which a and b are stable by their known energies; c is predicted to be so, b is not."""
    ids = np.array(["a", "b", "c", "d"])
    predicted = Predictions(ids, np.array([-1.0, -0.2, -0.9, 0.4]), np.array([-1.0, -0.8, -0.3, 0.5]), unit="eV/atom")
    facts = {"id": ids, "formula": np.array(["NaCl", "LiF", "KBr", "CuAu"]), "hull": np.array([-1.0, -0.8, -0.9, 0.0])}
    return DatasetPredictions("energies", "formation_energy", {}, 5, {"net": ModelPredictions(predicted, 2, {})}, facts)


def test_scores(column):
    (part,) = screening.scores([column], {}, MODELS)
    (row,) = part.rows
    assert part.head[0] == "model" and row[0] == "net"
    # At the article's thresholds a and c pass: one of two is right, and one of the two stable ones is found.
    found = screening._funnel(column, column.models["net"])
    assert [int(stage.sum()) for stage in found.values()] == [4, 3, 2, 1]
    # b lies 0.6 above the hull as predicted. With it two of three are right and both stable ones are found: F1 is 0.8.
    assert row[1] == "-0.20" and row[2] in ("0.60", "0.61") and row[3:7] == ["0.667", "1.000", "0.800", "0.750"]
    assert float(row[7]) == pytest.approx(3107.0 * 0.75 + 108.506, abs=0.5)
    (free,) = screening.scores([column], {}, {"rows": {"net": {"model": "rf-magpie"}}})
    assert float(free.rows[0][7]) == pytest.approx(3107.0 * 0.75, abs=0.5), "it pays for no density of states"
    assert "2 of 4 materials are stable" in part.notes[0] and part.notes[1] == "net: 2 of 5 folds."


def test_the_funnel(column):
    (part,) = screening.stages([column], {}, {})
    assert part.head == ["stage", "net"] and [row[1] for row in part.rows] == ["4", "3", "2", "1"]


def test_nothing_stored_is_open(column):
    column.models = {}
    for make in (screening.scores, screening.stages):
        (part,) = make([column], {}, MODELS)
        assert part.rows == [] and part.notes == ["Open, not run yet."]


def test_hull_energies_of_a_data_set():
    mini = load_source("mini").take(np.arange(0, 336, 4))
    found = screening.hull_of_its_own(mini)["hull"]
    energies = mini.target("formation_energy").values
    pool = PhasePool(mini.formulas.tolist(), energies)
    assert np.allclose(energies - found, pool.e_hull(mini.formulas.tolist(), energies))
    assert (energies - found > -1e-9).all()  # nothing lies below a hull that it is part of


def test_the_stored_report_joins_the_tables(tmp_path, monkeypatch):
    """The committed report of the published predictions gives the printed errors of Table 1."""
    report = json.loads(derived.report_path("esnet", "figure4", "real").read_text())
    printed = plan.reported("esnet")["table1"]["rows"]["ESNet"]
    for task, one in report.items():
        assert one["E_f (eV/atom)"]["MAE"] == pytest.approx(printed[f"{task}_MAE"]["value"], abs=5e-4)
    parts = derived.text_tables("esnet", "figure4", "real")
    assert [p.title for p in parts[-2:]] == [
        "The authors' own predictions, IS2RE",
        "The authors' own predictions, RS2RE",
    ]
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path))
    assert len(derived.text_tables("esnet", "figure4", "real")) == len(parts) - 2
