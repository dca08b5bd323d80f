"""Tables say what the stored predictions give, and leave nothing blank that is merely missing."""

import csv
import io

from experiments import tables


def test_a_table_shows_mean_spread_ratio_and_reasons(stored):
    errors = [tables.stored_cell(c)[0].metrics()["MAE"] for c in stored]
    text = tables.render("tiny", "one", "real")
    mean, spread = sum(errors) / 2, abs(errors[0] - errors[1]) / 2**0.5
    assert f"{mean:.3f} ± {spread:.3f}" in text
    assert "open: not run yet" in text
    assert "open: comes later" in text
    assert "open, no source. The paper reports: net 0.25." in text
    assert "* A note." in text
    assert "eV; 336 materials" in text


def test_csv_parses_and_latex_has_a_line_a_row(stored):
    rows = list(csv.reader(io.StringIO(tables.render("tiny", "one", "real", "csv").replace("\n\n", "\n"))))
    assert {len(row) for row in rows} == {10}
    assert tables.render("tiny", "one", "real", "latex").count(r"\\") == 2 * 5


def test_a_ratio_is_ours_over_the_papers(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    block = tables.load_block("tiny", "one", "real", "gap", {})
    line = next(line for line in block.lines if line.row == "dummy")
    head, rows = tables.rows_of(block, ["MAE"], mini=False)
    assert rows[1][head.index("ours / paper's")] == f"{line.mean('MAE') / 0.5:.2f}"
    assert rows[1][head.index("splits below the paper's net")] == "0 of 2"


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
