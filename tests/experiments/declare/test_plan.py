"""Declarations become cells with every setting resolved."""

import dataclasses

import pytest

from common.errors import UserError
from experiments.declare import plan


def test_a_table_gives_one_cell_a_row_column_and_seed(tiny):
    cells = plan.runs("tiny", "one", "mini")
    assert [(c.row, c.seed) for c in cells] == [("net", 0), ("net", 1), ("dummy", 0), ("dummy", 1)]
    assert len({c.key for c in cells}) == 4


def test_a_row_may_have_seeds_of_its_own_and_open_ones_have_no_cell(tiny):
    cells = plan.runs("tiny", "one", "real")
    assert [(c.row, c.seed) for c in cells] == [("net", 0), ("dummy", 0), ("dummy", 1)]


def test_seeds_and_epochs_can_be_overridden_and_other_epochs_are_kept_apart(tiny):
    cells = plan.runs("tiny", "one", "mini", seeds=1, epochs=7)
    assert [c.seed for c in cells] == [0, 0]
    assert cells[0].settings["recipe"]["epochs"] == 7
    assert cells[0].key.startswith("mini-7-epochs/")


@pytest.mark.parametrize("change", [{"seed": 5}, {"target": "total_energy"}, {"split": {"kind": "x"}}])
def test_the_digest_follows_every_setting(tiny, change):
    cell = plan.runs("tiny", "one", "mini")[0]
    assert dataclasses.replace(cell, settings={**cell.settings, **change}).digest() != cell.digest()


def test_the_digest_follows_the_defaults_of_the_model(tiny, monkeypatch):
    from profitnet.regressor import OFMCNN

    cell = plan.runs("tiny", "one", "mini")[0]
    before = cell.digest()
    monkeypatch.setattr(OFMCNN, "recipe", dataclasses.replace(OFMCNN.recipe, batch=64))
    assert cell.digest() != before


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (("nobody", "one", "mini"), "no tables are declared for 'nobody'"),
        (("tiny", "two", "mini"), "tiny has no table 'two'"),
        (("tiny", "one", "paper"), "not declared at scale 'paper'"),
    ],
)
def test_a_wrong_place_is_named(tiny, place, words):
    with pytest.raises(UserError, match=words):
        plan.runs(*place)


def test_every_declared_cell_of_every_paper_resolves():
    for paper in plan.papers():
        for table in plan.declaration(paper)["tables"]:
            for scale in plan.declaration(paper)["tables"][table]["scales"]:
                cells = plan.runs(paper, table, scale)
                # What is made of a report has no cells.
                assert cells or "derived" in plan.layout(paper, table, scale), (paper, table, scale)
                assert len({c.key for c in cells}) == len(cells)
                assert all(len(c.digest()) == 16 for c in cells)


def test_reported_rows_that_are_named_are_there():
    for paper in plan.papers():
        for table in plan.tables(paper):
            for scale in plan.declaration(paper)["tables"][table]["scales"]:
                layout = plan.layout(paper, table, scale)
                for data in layout["columns"].values():
                    rows = plan.printed(paper, data["reported"])["rows"] if "reported" in data else {}
                    for row in layout["rows"].values():
                        assert not rows or "reported" not in row or row["reported"] in rows
