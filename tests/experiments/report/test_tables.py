"""Tables say what the stored predictions give, and leave nothing blank that is merely missing."""

import csv
import io

import pytest

from experiments.analyses import results as blocks
from experiments.report import tables


def test_a_table_shows_mean_spread_and_reasons(stored):
    errors = [blocks.stored_cell(c)[0].metrics()["MAE"] for c in stored]
    text = tables.render("tiny", "one", "real")
    mean, spread = sum(errors) / 2, abs(errors[0] - errors[1]) / 2**0.5
    assert f"{mean:.3f} ± {spread:.3f}" in text
    assert "* Open, not run yet: net (paper's MAE 0.5)." in text
    assert "* Open, comes later: peer." in text
    assert "* Open, no source: net (paper's MAE 0.25), dummy, peer." in text
    assert "* A note." in text
    assert "eV; 336 materials" in text
    assert "| MSE (eV^2) " in text


def test_csv_has_numbers_in_columns_of_their_own(stored):
    rows = list(csv.DictReader(io.StringIO(tables.render("tiny", "one", "real", "csv"))))
    assert len(rows) == 2 * 3 * 2
    row = next(r for r in rows if (r["data set"], r["model"], r["metric"]) == ("gap", "dummy", "MAE"))
    errors = [blocks.stored_cell(c)[0].metrics()["MAE"] for c in stored]
    assert float(row["mean"]) == pytest.approx(sum(errors) / 2, rel=1e-5)
    assert float(row["lowest"]) == pytest.approx(min(errors), rel=1e-5)
    assert (row["splits"], row["unit"], row["open"]) == ("2", "eV", "")
    assert next(r for r in rows if r["model"] == "net")["paper"] == "0.5"


def test_latex_has_a_line_a_row_and_escapes(stored):
    text = tables.render("tiny", "one", "real", "latex")
    assert text.count(r"\\") == 2 * 2 + 1
    assert r"$\pm$" in text and "$^2$" in text


def test_a_ratio_is_ours_over_the_papers(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    block = blocks.load_block("tiny", "one", "real", "gap", {})
    line = next(line for line in block.lines if line.row == "dummy")
    head, rows = tables.rows_of(block, ["MAE"], mini=False)
    assert [row[0] for row in rows] == ["dummy"]
    assert rows[0][head.index("ours / paper's")] == f"{line.mean('MAE') / 0.5:.2f}"
    assert rows[0][head.index("splits better than the paper's net")] == "0 of 2"


def test_mini_is_never_put_beside_the_papers_numbers(tiny):
    text = tables.render("tiny", "one", "mini")
    assert "paper's MAE" not in text
    assert tables.MINI_NOTE in text


def test_the_readme_gets_the_tables_between_its_marks(stored):
    readme = f"before\n{tables.START}\nold\n{tables.END}\nafter\n"
    new = tables.readme_with_tables(readme)
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert "old" not in new
    assert "### Table 1" in new
    assert tables.readme_with_tables(new) == new


def test_what_is_to_be_said_of_a_row_stands_below_its_numbers(stored, tiny):
    tiny["rows"]["dummy"]["note"] = "always answers the median."
    tiny["rows"]["net"]["note"] = "has not run."
    text = tables.render("tiny", "one", "real")
    assert "* dummy always answers the median." in text and "has not run" not in text
