"""Derived tables take everything from stored predictions and stored facts; numbers are computed here by hand."""

import csv
import gzip
import io

import numpy as np
import pytest

from common.data.predictions import Predictions
from experiments.analyses import composition_error, derived, polymorphs, results
from experiments.analyses.derived import DatasetPredictions, ModelPredictions
from experiments.cli import main as cli
from experiments.declare import plan
from experiments.report import check, tables
from experiments.run import runner

SYSTEM_OF = {136: "tetragonal", 225: "cubic", 14: "monoclinic"}


def column(**more):
    """Six materials, one of them without a target, four of them predicted."""
    facts = {
        "id": np.array(list("abcdef")),
        "formula": np.array(["TiO2"] * 4 + ["ZrO2"] * 2),
        "space_group": np.array([136, 136, 225, 225, 136, 14]),
        "gap": np.array([1.0, 2.0, 5.0, np.nan, 3.0, 4.0]),
    }
    predictions = Predictions(
        np.array(list("abce")), np.array([1.5, 2.5, 4.0, 3.0]), np.array([1, 2, 5, 3.0]), unit="eV"
    )
    made = {"printed": {}, "models": {"net": ModelPredictions(predictions, 3, {})}, "facts": facts, **more}
    return DatasetPredictions("gaps", "gap", folds=10, **made)


def cells_of(part, first):
    return dict(zip(part.head, next(row for row in part.rows if row[0] == first), strict=True))


def test_polymorphs_by_crystal_system():
    reported = {
        "t": {
            "rows": {
                "TiO2": {"tetragonal": {"value": 1.7, "n": 9}, "SD": {"value": 0.5}},
                "SD": {"tetragonal": {"value": 0.7}},
            }
        }
    }
    part = polymorphs.by_crystal_system([column(printed={"systems": "t"})], reported, {"formulas": ["TiO2", "ZrO2"]})[0]
    tetragonal = cells_of(part, "TiO2, tetragonal")
    assert tetragonal["materials"] == "2" and tetragonal["target"] == "1.50 ± 0.71"
    assert tetragonal["predicted materials"] == "2" and tetragonal["prediction"] == "2.00 ± 0.71"
    assert tetragonal["paper's mean"] == "1.7" and tetragonal["paper's materials"] == "9"
    cubic = cells_of(part, "TiO2, cubic")
    assert (cubic["materials"], cubic["target"], cubic["prediction"]) == ("1", "5.00", "4.00")
    spread = cells_of(part, "TiO2, SD of the means")
    assert (
        spread["target"] == f"{np.std([1.5, 5], ddof=1):.2f}"
        and spread["prediction"] == f"{np.std([2, 4], ddof=1):.2f}"
    )
    assert spread["paper's mean"] == "0.5"
    over_formulas = cells_of(part, "SD of the means, tetragonal")
    assert over_formulas["target"] == f"{np.std([1.5, 3], ddof=1):.2f}" and over_formulas["paper's mean"] == "0.7"
    assert cells_of(part, "ZrO2, monoclinic")["predicted materials"] == "0"
    assert "3 of 10 folds are done; they predict 4 of the 5 materials." in part.notes
    assert "0.200 from our targets' and 0.300 from our predictions'" in part.notes[1]


def test_without_predictions_the_targets_stand_alone():
    part = polymorphs.by_crystal_system([column(models={})], {}, {"formulas": ["TiO2"]})[0]
    cell = cells_of(part, "TiO2, tetragonal")
    assert cell["target"] == "1.50 ± 0.71" and cell["prediction"] == "" and "paper's mean" not in part.head
    assert part.notes == ["0 of 10 folds are done; they predict 0 of the 5 materials."]
    assert polymorphs.by_crystal_system([column(facts={})], {}, {"formulas": []})[0].notes == ["Open, not run yet."]


def test_two_formulas_in_the_same_space_groups():
    reported = {"s": {"rows": {f: {"sg136": {"value": -1}, "SD": {"value": 0.1}} for f in ("TiO2", "ZrO2")}}}
    reported["s"]["rows"]["SD_between_the_two"] = {"sg136": {"value": 0.9}}
    part = polymorphs.same_space_groups([column(printed={"groups": "s"})], reported, {})[0]
    row = next(row for row in part.rows if row[0] == "136")
    between = [f"{np.std([1.5, 3], ddof=1):.2f}", f"{np.std([2, 3], ddof=1):.2f}", "0.9"]
    assert row == ["136", "2", "1.50", "2.00", "-1", "1", "3.00", "3.00", "-1", *between]
    assert all(len(row) == len(part.head) for row in part.rows)


def test_errors_by_crystal_system():
    reported = {"crystal_families": {"rows": {"cubic": {"x": {"value": 0.18}}}}}
    part = polymorphs.by_family([column(printed={"excess": "x"})], reported, {})[0]
    assert dict(part.rows)["cubic"] == "1.000 (1)" and dict(part.rows)["tetragonal"] == "0.333 (3)"
    assert dict(part.rows)["all"] == "0.500 (4)" and "triclinic" not in dict(part.rows)
    assert "net +0.500; paper's, at 90:10: +0.18." in part.notes[1]


def test_composition_errors(tmp_path):
    from diffcomp.robustness import ERRORS

    net = column().models["net"].predictions
    under = np.array([net.target + (net.prediction - net.target) * (1 + abs(e) / 500) for e in ERRORS]).T
    extra = {composition_error.EXTRA: Predictions(net.ids, under, net.target, unit="eV")}
    filled = column(models={"net": ModelPredictions(net, 3, extra)}, printed={"composition_error": "Eg"})
    reported = {
        "composition_error": {
            "rows": {"Eg": {"relative_MAE_increase_below": {"value": 3}, "composition_error_window": {"value": 10}}}
        }
    }
    part = composition_error.table([filled], reported, {})[0]
    assert ["-20", "4.0"] in part.rows and ["+0", "0.0"] in part.rows
    assert part.notes == [
        "net: below 3 % up to an error of 10 %; 3 of 10 folds.",
        "The paper: below 3 % up to an error of 10 %.",
    ]
    assert [path.name for path in composition_error.draw([filled], tmp_path, {})] == ["gaps-composition-error.png"]
    assert composition_error.table([column()], reported, {})[0].notes == ["Open, not run yet."]


@pytest.fixture
def declared(tiny):
    """The tiny paper with a table that is made of its other one."""
    tiny["tables"]["two"] = {
        "title": "Table 2",
        "derived_from": "one",
        "rows_used": ["dummy"],
        "derived": "experiments.analyses.polymorphs:by_family",
        "material_data": "diffcomp.symmetry:facts",
        "scales": {"real": {}},
    }
    tiny["tables"]["one"]["scales"]["real"]["columns"].pop("away")
    return tiny


@pytest.mark.slow
def test_a_derived_table_is_run_and_printed_through_the_command(declared, capsys, tmp_path):
    assert {c.key for c in plan.runs("tiny", "two", "real")} < {c.key for c in plan.runs("tiny", "one", "real")}
    assert "Open, not run yet" in tables.render("tiny", "two", "real")
    assert cli.main(["reproduce", "tiny", "two", "--scale", "real"]) == 0
    out, err = capsys.readouterr()
    assert "2 runs, 0 finished before, 2 to run" in err and "### Table 2" in out
    stored = [results.load_stored(cell)[0] for cell in plan.runs("tiny", "two", "real")]
    errors = np.concatenate([np.abs(p.prediction - p.target) for p in stored])
    assert f"{errors.mean():.3f} ({len(errors)})" in out and "| cubic " in out
    # From now on nothing but the stored files is needed, and what is stored is not made again.
    path = derived.facts_path("tiny", "real", "mini")
    before = path.stat().st_mtime_ns
    assert cli.main(["reproduce", "tiny", "two", "--scale", "real"]) == 0
    assert "2 finished before, 0 to run" in capsys.readouterr().err and path.stat().st_mtime_ns == before
    lines = list(csv.DictReader(io.StringIO(tables.render("tiny", "two", "real", "csv"))))
    assert next(line for line in lines if line["column 1"] == "all")["column 2"].startswith(f"{errors.mean():.3f}")
    assert "{tabular}" in tables.render("tiny", "two", "real", "latex")
    assert check.check_stored() == ([], 2)


@pytest.mark.slow
def test_several_test_parts_stand_together(declared):
    cells = plan.runs("tiny", "two", "real")
    for cell in cells:
        runner.execute(cell)
    found = derived.datasets("tiny", "two", "real")[0]
    dummy = found.models["dummy"]
    assert dummy.splits == 2 and len(dummy.predictions) == sum(len(results.load_stored(cell)[0]) for cell in cells)
    assert found.facts == {}
    derived.prepare("tiny", "two", "real")
    facts = derived.datasets("tiny", "two", "real")[0].facts
    assert set(facts) == {"id", "formula", "space_group", "band_gap"} and facts["band_gap"].dtype == float


def test_probes_are_stored_and_read_beside_the_predictions(tiny):
    tiny["rows"] = {"net": {"model": "diffcomp", "variant": "corrected", "config": {"cv_nodes": 10}}}
    tiny["tables"]["two"] = {
        "title": "Figure",
        "derived_from": "one",
        "rows_used": ["net"],
        "derived": "experiments.analyses.composition_error:table",
        "scales": {"mini": {}},
    }
    cell = plan.runs("tiny", "two", "mini")[0]
    runner.execute(cell)
    row = derived.datasets("tiny", "two", "mini")[0].models["net"]
    probe = row.extra[composition_error.EXTRA]
    assert probe.ids.tolist() == row.predictions.ids.tolist() and probe.unit == "eV"
    assert "| +20 " in tables.render("tiny", "two", "mini")


def test_ids_that_look_like_numbers_stay_text(tiny):
    path = derived.facts_path("tiny", "real", "mini")
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b"id,hull\n007,1.5\n100,-2\n"))
    facts = derived.stored_facts("tiny", "real", "mini")
    assert facts["id"].tolist() == ["007", "100"] and facts["hull"].tolist() == [1.5, -2.0]
