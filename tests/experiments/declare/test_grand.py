"""The table of all models takes what other tables have, runs the rest, and says why a cell cannot be."""

import copy
import math

import pytest

from experiments.analyses import results
from experiments.declare import plan
from experiments.declare.layout import taken_from
from experiments.declare.models import NETWORKS, make_model
from experiments.report import sections, tables
from experiments.run import runner


@pytest.fixture
def two_tables(tiny):
    """The tiny paper with a second table, whose dummy is the first one's and whose network is its own."""
    tiny["tables"]["grand"] = {
        "title": "All",
        "metrics": ["MAE", "MAD:MAE"],
        "costs": True,
        "rows": {
            "median": {"model": "dummy"},
            "net": {"model": "ofmcnn", "variant": "corrected", "parameters": 1041085, "recipe": {"epochs": 1}},
            "crystal net": {"model": "megnet", "variant": "corrected"},
        },
        "scales": {
            "real": {
                "split": {"kind": "formula", "shares": [6, 2, 2]},
                "columns": {
                    "all gaps": {
                        "source": "mini",
                        "target": "band_gap",
                        "seeds": [0],
                        "excluded": {"needs a structure": ["crystal net"]},
                        "taken_from": {"paper": "tiny", "table": "one", "column": "gap", "rows": {"median": "dummy"}},
                    }
                },
            }
        },
    }
    return tiny


def test_a_cell_of_another_table_is_not_run_again(two_tables):
    cells = plan.runs("tiny", "grand", "real")
    assert [cell.key for cell in cells] == [
        "real/tiny/one/gap/dummy/seed-0",
        "real/tiny/grand/all-gaps/net/seed-0",
    ]
    other = plan.runs_of("tiny", "one", "real", "gap", "dummy")
    assert cells[0] == other[0] and len(other) == 2


def test_costs_stand_beside_errors_and_reasons_below(two_tables, stored):
    text = tables.render("tiny", "grand", "real")
    assert "| wall time (min) | parameters " in text and "| median " in text and "not counted" in text
    assert "open: needs a structure" in _row(text, "crystal net") and "open: not run yet" in _row(text, "net")
    assert "reported" not in text  # there is none to compare with
    dataset = results.load_results("tiny", "grand", "real", "all gaps", {})
    model = next(one for one in dataset.models if one.row == "median")
    assert model.source_table == "tiny one" and model.seeds == [0]
    table = sections.section("tiny", "grand", "real").tables[0]
    assert all(all(row) and len(row) == len(table.head) for row in table.rows)
    median = next(row for row in table.rows if row[0] == "median")
    errors = results.load_stored(stored[0])[0].metrics()
    assert median[table.head.index("ours, MAE (eV)")] == f"{errors['MAE']:.3f}"


def _row(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"| {name} "))


def test_bands_belong_to_the_table_that_ran_the_cell(two_tables, stored, monkeypatch):
    from experiments.report import bands, check

    two_tables["tables"]["one"]["scales"]["real"]["columns"]["gap"]["bands"].clear()
    assert bands.renew("tiny") == ["one, gap, dummy"]
    assert check.check_stored() == ([], 2)


@pytest.mark.parametrize(("table", "scale"), [("models", "mini"), ("models", "real"), ("fast", "real")])
def test_rows_that_are_taken_are_the_same_models(table, scale):
    layout = plan.layout("grand", table, scale)
    for name, data in layout["columns"].items():
        for taken in taken_from(data):
            there = plan.layout(taken["paper"], taken["table"], scale)
            of = there["columns"][taken["column"]]
            assert (of["source"], of["target"]) == (data["source"], data["target"])
            assert {**there["split"], **of.get("split", {})} == {**layout["split"], **data.get("split", {})}
            for ours, theirs in taken["rows"].items():
                one, other = layout["rows"][ours], there["rows"][theirs]
                assert (one["model"], one.get("config")) == (other["model"], other.get("config")), ours
                assert plan.runs_of("grand", table, scale, name, ours), ours


def test_runs_may_be_taken_from_several_tables(two_tables):
    column = two_tables["tables"]["grand"]["scales"]["real"]["columns"]["all gaps"]
    one, two_tables["tables"]["third"] = column["taken_from"], copy.deepcopy(two_tables["tables"]["one"])
    column["taken_from"] = [one, {**one, "table": "third", "rows": {"net": "net"}}]
    assert [run.table for run in plan.runs("tiny", "grand", "real")] == ["one", "third"]


def test_every_place_has_a_cell_or_a_reason():
    layout = plan.layout("grand", "models", "real")
    for column, data in layout["columns"].items():
        for row, model in layout["rows"].items():
            made = plan.runs_of("grand", "models", "real", column, row)
            assert bool(made) != bool(plan.reason(data, row, model)), (column, row)
            assert {cell.seed for cell in made} <= set(data["seeds"])


@pytest.mark.slow
def test_stated_parameters_are_those_of_the_networks():
    counted = {}
    for scale in ("mini", "real"):
        for row, model in plan.layout("grand", "models", scale)["rows"].items():
            if model["model"] not in NETWORKS:
                continue
            kind = (model["model"], str(model.get("config")))
            if kind not in counted:
                network = make_model({**model, "seed": 0, "recipe": {}}).build()
                counted[kind] = sum(math.prod(weight.shape) for weight in network.trainable_weights)
            assert counted[kind] == model["parameters"], (row, scale)


@pytest.mark.slow
def test_a_new_network_counts_its_own_parameters(two_tables):
    cell = plan.runs_of("tiny", "grand", "real", "all gaps", "net")[0]
    runner.execute(cell)
    assert results.load_stored(cell)[1]["parameters"] == 1041085
    assert "1,041,085" in tables.render("tiny", "grand", "real")
