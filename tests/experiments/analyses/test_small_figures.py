"""Figure 6 of Finder and Figure 1b of ESNet: what is counted, by hand, and what is open."""

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.sources.jarvis import AXIS
from esnet.dft.backends import BACKENDS
from experiments.analyses import derived, dos_similarity, near_zero
from experiments.analyses.derived import DatasetPredictions, ModelPredictions
from experiments.cli import main as cli
from experiments.declare import plan
from experiments.report import tables

PRINTED = {"enz": {"rows": {"candidates": {"n_compositions": {"value": 353}}}}}


def dielectric():
    """Three materials: one that crosses zero at 5 eV, one that does not, one that does but lies above the hull."""
    ids = np.array(["a", "b", "c"])
    crossing, flat, clear = (5.0 - AXIS) / 5, np.full(len(AXIS), 6.0), np.full(len(AXIS), 0.1)
    facts = {"id": ids, "formula": np.array(["LiF", "NaCl", "KBr"]), "hull": np.array([0.0, 0.0, 0.5])}
    real = Predictions(ids, np.array([crossing, crossing, crossing]), np.array([crossing, flat, crossing]))
    # In another order, and without one of them.
    loss = Predictions(ids[[1, 0]], np.array([clear, clear]), np.array([clear, clear]))
    parts = (("eps_re", real), ("eps_im", loss))
    models = ((name, {"net": ModelPredictions(found, 1, {})}) for name, found in parts)
    return [DatasetPredictions(name, name, {}, 0, one, facts) for name, one in models]


def test_materials_near_zero(tmp_path):
    part = near_zero.table(dielectric(), PRINTED, {})[0]
    assert part.rows == [["net", "1", "2", "1", "0.50", "1.00"]]
    known, predicted = near_zero.found(dielectric(), "net")
    assert set(known) == {"a"} and set(predicted) == {"a", "b"} and abs(known["a"][0].crossover - 5) < 1e-9
    assert [path.name for path in near_zero.draw(dielectric(), tmp_path, {})] == ["net-elements.png"]
    assert near_zero.table(dielectric()[:1], PRINTED, {})[0].notes == ["Open, not run yet."]
    assert "has no dielectric functions" in tables.render("finder", "figure6", "mini")


def test_strained_compounds_are_alike(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MATREPRO_RESULTS", str(tmp_path))
    assert "Open, not run yet." in tables.render("esnet", "figure1b", "real")
    assert cli.main(["reproduce", "esnet", "figure1b"]) == 0
    out = capsys.readouterr().out
    stored = derived.text_tables("esnet", "figure1b", "mini")[0]
    assert stored.rows[0][0] == "states" and all(float(row[3]) < 0.5 for row in stored.rows) and "| kurtosis " in out
    assert derived.report_path("esnet", "figure1b", "mini").exists()
    drawn = derived.draw("esnet", "figure1b", "mini", tmp_path)
    assert [path.name for path in drawn] == ["similarity.png"] and drawn[0].exists()
    assert dos_similarity.table([], {}, {})[0].notes == ["Open, not run yet."]


def test_densities_of_relaxed_structures_are_computed(tmp_path, monkeypatch, mini):
    """By an engine that gives flat densities; a material that one side lacks is left out."""
    monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(BACKENDS, "gpaw", "tests.esnet.screening.standins:backend")
    rows = mini.rows_of(["MgO-B1", "NaCl-B1", "TiN-B1", "LiH-B1"])
    found = {"isdos-2eorr": mini.take(rows), "orr-relaxed": mini.take(rows[1:])}
    monkeypatch.setattr(dos_similarity, "load_source", found.get)
    report = dos_similarity.relaxed()
    assert report["pairs"] == 3 and report["failed"] == {}
    # Flat densities are all the same, so pairs are as far from one another as strangers.
    part = dos_similarity.table([], {}, {"stored": report})[0]
    assert part.title == "2e-ORR alloys, unrelaxed and relaxed" and part.notes == ["3 pairs."]
    assert report["similarity"]["width (eV)"]["ratio"] == pytest.approx(1.0)
    assert (tmp_path / "cache" / "dos" / "2eorr-relaxed" / "dos.h5").exists()


def test_figure6_is_made_of_table4():
    rows = plan.layout("finder", "figure6", "paper")["rows"]
    every = plan.runs("finder", "table4", "paper")
    assert plan.runs("finder", "figure6", "paper") == [cell for cell in every if cell.row in rows] != []
