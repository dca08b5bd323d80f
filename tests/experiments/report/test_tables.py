"""Tables say what the stored predictions give, and leave nothing blank that is merely missing."""

import csv
import io
from xml.etree import ElementTree

import pytest

from experiments.analyses import results
from experiments.declare import plan
from experiments.report import best, summary, tables
from experiments.report.sections import MINI_NOTE, gather, section


def test_a_table_shows_mean_spread_and_reasons(stored):
    errors = [results.load_stored(run)[0].metrics()["MAE"] for run in stored]
    text = tables.render("tiny", "one", "real")
    mean, spread = sum(errors) / 2, abs(errors[0] - errors[1]) / 2**0.5
    assert f"{mean:.3f} ± {spread:.3f}" in text
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    assert next(row[:5] for row in rows if row[0] == "net") == ["net", "open", "0.5", "–", "open"]
    assert "open: not run yet" in text and "open: comes later" in text
    assert ["away", "net", "0.25 eV", "no source"] in rows and ["away", "dummy", "–", "no source"] in rows
    assert "* A note." in text
    assert "eV; 336 materials" in text
    assert "ours, MSE (eV^2)" in text


def test_csv_has_numbers_in_columns_of_their_own(stored):
    rows = list(csv.DictReader(io.StringIO(tables.render("tiny", "one", "real", "csv"))))
    assert len(rows) == 2 * 3 * 2
    row = next(r for r in rows if (r["dataset"], r["model"], r["metric"]) == ("gap", "dummy", "MAE"))
    errors = [results.load_stored(run)[0].metrics()["MAE"] for run in stored]
    assert float(row["mean"]) == pytest.approx(sum(errors) / 2, rel=1e-5)
    assert float(row["lowest"]) == pytest.approx(min(errors), rel=1e-5)
    assert (row["splits"], row["unit"], row["open"]) == ("2", "eV", "")
    assert next(r for r in rows if r["model"] == "net")["paper"] == "0.5"


def test_latex_has_a_line_a_row_and_escapes(stored):
    text = tables.render("tiny", "one", "real", "latex")
    # A caption, a header and three rows for the dataset, and for the one without results.
    assert text.count(r"\\") == 2 * (2 + 3)
    assert (
        r"$\pm$" in text and "$^2$" in text and "%" not in text.partition("\n")[2].replace(r"\%", "").replace("\n%", "")
    )


def test_a_ratio_is_ours_over_the_papers(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    table = section("tiny", "one", "real").tables[0]
    model = next(result.model for result in table.results if result.row == "dummy")
    row = dict(zip(table.head, next(row for row in table.rows if row[0] == "dummy"), strict=True))
    assert row["ours / reported"] == f"{model.mean('MAE') / 0.5:.2f}"
    assert row["splits below reported net"] == "0 of 2"


def test_mini_is_never_put_beside_the_papers_numbers(tiny):
    text = tables.render("tiny", "one", "mini")
    assert "reported" not in text
    assert MINI_NOTE in text


def test_the_readme_gets_the_summary_between_its_marks(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    tiny["own_row"] = "dummy"
    papers = gather()
    readme = f"before\n{tables.START}\nold\n{tables.END}\nafter\n"
    new = tables.readme_with_summary(readme, papers)
    assert new.startswith("before\n")
    assert new.endswith("after\n")
    assert "old" not in new
    line = next(line for line in new.splitlines() if line.startswith("| tiny"))
    assert [cell.strip() for cell in line.strip("|").split("|")][:4] == ["tiny", "dummy, gap", "MAE (eV)", "0.5"]
    assert tables.readme_with_summary(new, papers) == new


def test_the_summary_is_short_and_compares_where_it_can(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    tiny["own_row"] = "dummy"
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["not_comparable"] = "other data"
    assert summary.short_table(gather()).rows[0][-1] == "not compared: other data"
    papers = gather()
    papers[0].sections *= 40
    assert len(summary.short_table(papers).rows) == summary.SHORT


def test_a_page_has_every_table_and_the_files_beside_it(stored):
    files = tables.committed_tables(gather())
    assert {path.name for path in files} == {"overview.svg", "tiny.md", "tiny-one.csv", "tiny-one.tex"}
    page = files[tables.FOLDER / "tiny.md"]
    assert "### Table 1 (tiny, scale real)" in page and page.count("\n# ") == 0 and page.startswith("# tiny")


def test_pictures_and_plots_are_svg_that_loads_nothing(stored, tiny):
    tiny["rows"]["dummy"]["reported"] = "Net"
    tiny["own_row"] = "dummy"
    files = tables.committed_tables(gather())
    pictures = {path.name: text for path, text in files.items() if path.suffix == ".svg"}
    assert set(pictures) == {"overview.svg", "tiny-one-gap-dummy.svg"}
    for text in pictures.values():
        root = ElementTree.fromstring(text)
        assert root.tag.endswith("svg") and root[0].tag.endswith("title") and root[0].text
        assert "href" not in text and "url(" not in text
    assert "dummy, gap" in pictures["overview.svg"]
    assert "(plots/tiny-one-gap-dummy.svg)" in files[tables.FOLDER / "tiny.md"]


def test_the_page_of_models_names_the_best_of_each_task(stored, tiny, monkeypatch):
    monkeypatch.setattr(best, "COMMON", "tiny")
    lowest = best.table(gather())
    assert [row[0] for row in lowest.rows] == ["gap (eV)"] and len(lowest.rows[0]) == len(lowest.head)
    assert "s" in lowest.rows[0][-1] and lowest.rows[0][-1][0].isdigit()


def test_committed_pages_name_every_table():
    for paper in plan.papers():
        page = (tables.FOLDER / f"{paper}.md").read_text()
        for table in plan.tables(paper, "real"):
            assert plan.layout(paper, table, "real")["title"] in page
    readme = (tables.ROOT / "README.md").read_text()
    summary_lines = readme.partition(tables.START)[2].partition(tables.END)[0].splitlines()
    assert 2 < sum(line.startswith("|") for line in summary_lines) <= summary.SHORT + 2


def test_what_is_to_be_said_of_a_row_stands_below_its_numbers(stored, tiny):
    tiny["rows"]["dummy"]["note"] = "always answers the median."
    tiny["rows"]["net"]["note"] = "has not run."
    text = tables.render("tiny", "one", "real")
    assert "* dummy always answers the median." in text and "has not run" not in text
