"""Predictions of other sources by a trained model: stored beside its own, shown in columns of their own, checked."""

import numpy as np
import pytest

from common.data.predictions import Predictions
from common.errors import UserError
from experiments.analyses import derived, large_scale, results
from experiments.analyses.derived import DatasetPredictions, ModelPredictions
from experiments.cli import main as cli
from experiments.declare import plan
from experiments.report import bands, check, tables
from experiments.report.plots import figures
from experiments.run import runner


@pytest.fixture
def two_states(tiny):
    """The tiny table with a column whose model also predicts the crystals in larger cells."""
    scale = tiny["tables"]["one"]["scales"]["real"]
    scale["columns"].pop("away")
    scale["columns"]["gap"]["also_predicts"] = {"swollen": "mini-swollen"}
    scale["columns"]["swollen gap"] = {"trained_in": "gap", "shows": "swollen"}
    tiny["rows"]["forest"] = {"model": "rf-magpie"}
    return tiny


def test_one_model_is_tested_on_both(two_states):
    cells = plan.runs("tiny", "one", "real")
    assert {cell.column for cell in cells} == {"gap"}
    assert plan.runs_of("tiny", "one", "real", "swollen gap", "dummy") == [c for c in cells if c.row == "dummy"]
    cell = next(cell for cell in cells if cell.row == "forest")
    runner.execute(cell)
    plain, _ = results.load_stored(cell)
    other, _ = results.load_stored(cell, "swollen")
    # The forest knows the formula alone, so that a larger cell changes nothing; only the test materials are predicted.
    assert other.ids.tolist() == plain.ids.tolist() and np.array_equal(other.prediction, plain.prediction)
    dataset = results.load_results("tiny", "one", "real", "swollen gap", {})
    model = next(one for one in dataset.models if one.row == "forest")
    assert model.mean("MAE") == pytest.approx(plain.metrics()["MAE"]) and "1 of 2" in model.open
    assert "**swollen gap, eV; 336 materials, " in tables.render("tiny", "one", "real")


@pytest.mark.slow
def test_a_network_sees_the_larger_cells(two_states):
    cell = plan.runs_of("tiny", "one", "real", "gap", "net")[0]
    runner.execute(cell)
    plain, other = (results.load_stored(cell, name)[0] for name in ("", "swollen"))
    assert not np.allclose(plain.prediction, other.prediction)


def test_the_digest_follows_what_is_also_predicted(two_states):
    before = plan.runs_of("tiny", "one", "real", "gap", "dummy")[0].digest()
    del two_states["tables"]["one"]["scales"]["real"]["columns"]["gap"]["also_predicts"]
    assert plan.runs_of("tiny", "one", "real", "gap", "dummy")[0].digest() != before


def test_both_columns_have_bands_and_are_held_to_them(two_states):
    for cell in plan.runs_of("tiny", "one", "real", "gap", "dummy"):
        runner.execute(cell)
    assert "no band is stated" in check.check_stored()[0][0]
    assert bands.renew("tiny") == ["one, gap, dummy", "one, swollen gap, dummy"]
    assert check.check_stored() == ([], 2)
    bands.path_of("tiny").write_text("one: {swollen gap: {dummy: [9, 10, 2]}}")
    assert "swollen gap" in check.check_stored()[0][0]


@pytest.mark.slow
def test_pictures_of_both_columns(two_states, tmp_path):
    runner.execute(plan.runs_of("tiny", "one", "real", "gap", "net")[0])
    names = {path.name for path in figures.draw("tiny", "one", "real", tmp_path)}
    assert {"gap-net.png", "gap-net-learning.png", "swollen-gap-net.png"} <= names
    assert "swollen-gap-net-learning.png" not in names and all((tmp_path / name).exists() for name in names)


def test_a_missing_other_source_is_told_before_anything_is_trained(two_states, monkeypatch, capsys):
    two_states["tables"]["one"]["scales"]["real"]["columns"]["gap"]["also_predicts"] = {"relaxed": "orr-relaxed"}
    monkeypatch.setenv("MATREPRO_DATA", "/nowhere")
    assert cli.main(["reproduce", "tiny", "one", "--scale", "real"]) == 2
    err = capsys.readouterr().err
    assert "cannot execute 5 runs: /nowhere/dos/2eorr/structures.jsonl.gz is not there" in err


def test_materials_without_a_target_are_screened_too(tiny, tmp_path):
    one = Predictions(np.array(["a", "b"]), np.array([1.0, -2.0]), unit="eV")
    assert derived.together([one, one]).target is None


def screened(name, **models):
    """A column of models that have predicted four materials."""
    ids = np.array(list("abcd"))
    probe = {m: Predictions(ids, np.array(values), unit="eV") for m, values in models.items()}
    rows = {m: ModelPredictions(found, 1, {large_scale.EXTRA: found}) for m, found in probe.items()}
    return DatasetPredictions(name, name, {}, 0, rows)


DECLARED = {"screened": "four materials", "gap": "gap", "eps": "eps"}
PRINTED = {
    "pearson_R_vs_PROFiT-Net": {"rows": {"CGCNN": {"gap": {"value": 0.8}}}},
    "negative_gap_counts": {"n_total": 200, "rows": {"CGCNN": {"n_negative": {"value": 5}}}},
}


def test_models_that_agree_and_negative_values():
    column = screened("gap", **{"PROFiT-Net": [1.0, 2, 3, -4], "CGCNN": [-1.0, -2, -3, 4], "dummy": [1.0, 1, 1, 1]})
    part = large_scale.agreement([column], PRINTED, DECLARED)[0]
    rows = {row[0]: dict(zip(part.head, row, strict=True)) for row in part.rows}
    assert rows["CGCNN"]["r with PROFiT-Net"] == "-1.000" and rows["CGCNN"]["negative (%)"] == "75.00"
    assert rows["CGCNN"]["paper's r"] == "0.8" and rows["CGCNN"]["paper's negative (%)"] == "2.50"
    assert rows["PROFiT-Net"]["negative (%)"] == "25.00" and rows["dummy"]["r with PROFiT-Net"] == "none, constant"
    assert part.notes == ["Four materials."]


def test_without_profitnet_there_is_nothing_to_agree_with():
    part = large_scale.agreement([screened("gap", CGCNN=[1.0, 2, 3, 4])], PRINTED, DECLARED)[0]
    assert "Open, not run yet: PROFiT-Net" in part.notes[1] and part.rows[0][2] == "open"
    assert large_scale.agreement([screened("gap")], PRINTED, DECLARED)[0].notes == ["Open, not run yet."]


def test_the_dielectric_constant_against_the_gap(tmp_path):
    gap, eps = (screened(n, **{"PROFiT-Net": v}) for n, v in (("gap", [1.0, 2, 3, 4]), ("eps", [9.0, 5, 3, 2])))
    assert [path.name for path in large_scale.draw([gap, eps], tmp_path, DECLARED)] == ["eps-against-gap.png"]
    assert list(large_scale.draw([gap], tmp_path, DECLARED)) == []


def test_an_unknown_table_is_refused(two_states):
    with pytest.raises(UserError, match="has no table"):
        plan.runs_of("tiny", "three", "real", "gap", "dummy")
