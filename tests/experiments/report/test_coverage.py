"""Every table and figure of the papers has a place where it is made, or a reason why it is open."""

import importlib

import pytest

from experiments.analyses.text_table import pipe_table
from experiments.declare import plan
from experiments.report import coverage, tables

#: What the issue of the project lists, and must be found under these names.
WANTED = {
    "profitnet": ["Figure 3", "Figure 4", "Figure 6", "Table S8", "Table S10", "Table S11"],
    "esnet": ["Table 1", "Figure 1b", "Figure 3", "Figure 4", "Figure 5"],
    "diffcomp": ["Table 1", "Figure 4", "Figure S2", "Figure S3", "Figure S6"],
    "finder": [*(f"Table {n}" for n in (1, 2, 3, 4)), *(f"Figure {n}" for n in (3, 4, 5, 6))],
}


@pytest.mark.parametrize("paper", WANTED)
def test_what_is_listed_is_there_and_can_be_made(paper):
    found = plan.contents(paper)
    assert set(WANTED[paper]) <= set(found)
    for name, one in found.items():
        assert one["what"] and ("open" in one) != bool(one.get("tables") or one.get("command")), name
        assert set(one.get("tables", [])) <= set(plan.tables(paper)), name
        if "command" in one:
            program, command = one["command"].split()
            parser = importlib.import_module(f"{program}.cli").build_parser()
            with pytest.raises(SystemExit) as ended:
                parser.parse_args([command, "--help"])
            assert ended.value.code == 0, name


def test_the_list_as_text():
    for paper in WANTED:
        found = coverage.table(paper)
        text = "\n".join(pipe_table(found.head, found.rows))
        assert text in (tables.FOLDER / f"{paper}.md").read_text()
        assert set(WANTED[paper]) <= {row[0] for row in found.rows}
    rows = {name: made for name, _, made in coverage.table("profitnet").rows}
    assert rows["Table S8"] == "`table-s8` (mini, real)"
    assert any(made.startswith("open: ") for made in rows.values())
    assert coverage.table("grand").rows == []


def test_classical_rows_stand_in_every_table_of_materials():
    """Magpie features and the median; tables of parts of one paper's own network have them too."""
    for paper in plan.papers():
        for table in plan.tables(paper):
            declared = plan.declaration(paper)["tables"][table]
            if "derived_from" in declared or table.endswith("-rows"):
                continue
            for scale in declared["scales"]:
                layout = plan.layout(paper, table, scale)
                models = {row.get("model") for row in layout["rows"].values()}
                assert {"dummy", "rf-magpie", "xgb-magpie"} <= models, (paper, table, scale)
                assert {"MAE", "MAD:MAE"} <= set(layout["metrics"]), (paper, table)
