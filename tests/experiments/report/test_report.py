"""The report says what the stored results say, on the page and in the terminal alike."""

import csv
import gzip
import json
import re

import numpy as np
import pytest

from common.data.predictions import Predictions
from experiments.analyses.text_table import TextTable
from experiments.cli import main as cli
from experiments.declare import plan
from experiments.report import costs, document, page, sections, summary, tables, text
from experiments.run import runner, store
from tests.experiments.report.report_page import Page


@pytest.fixture
def filled(stored, tiny):
    """Besides the dummy's two cells one of a network, with predictions 10 % better than the paper's 0.5 eV."""
    cell = next(cell for cell in plan.runs("tiny", "one", "real") if cell.row == "net")
    record = json.loads((store.folder_of(stored[0]) / "cell.json").read_text())
    record |= {"wall_seconds": 4000.0, "best_epoch": 2, "best_validation": 0.4, "epochs_run": 3}
    record["resolved"]["recipe"] = {"monitor": "MAE"}
    record["device"] |= {"backend": "tensorflow", "accelerator": "NVIDIA X"}
    target = np.linspace(0, 6, 60)
    errors = np.where(np.arange(60) % 2, 0.5, -0.4)
    folder = store.folder_of(cell)
    Predictions(np.arange(60).astype(str), target + errors, target, unit="eV").save(folder / "predictions.csv.gz")
    (folder / "history.csv").write_text("epoch,loss,validation_MAE\n1,-1,2\n2,-2,0.4\n3,-3,0.5\n")
    (folder / "cell.json").write_text(json.dumps(record))
    return [*stored, cell]


def test_page_and_terminal_say_what_is_stored(filled):
    papers = sections.gather()
    found = Page(page.render(papers)).table("gap, eV; 336 materials, ")
    net, dummy, peer = found
    assert net["model"] == "net" and net["ours, MAE (eV)"] == "0.450" and net["reported MAE"] == "0.5"
    assert net["ours / reported"] == "0.90" and net["verdict"] == "within 10 %, better" and net["state"] == "1 split"
    errors = [_mae(cell) for cell in filled[:2]]
    assert dummy["ours, MAE (eV)"] == f"{np.mean(errors):.3f} ± {np.std(errors, ddof=1):.3f}"
    assert dummy["band of ours (eV)"] == "0.1 to 5, inside" and dummy["verdict"] == "none reported"
    assert dummy["from, to"] == f"{min(errors):.3f} to {max(errors):.3f}" and dummy["state"] == "2 splits"
    assert peer["ours, MAE (eV)"] == "open" and peer["state"] == "open: comes later"
    lines = text.render(papers).splitlines()
    for row in found:
        assert sum(re.split("  +", line.strip()) == list(row.values()) for line in lines) == 1


def test_every_table_of_the_page_stands_in_the_terminal(filled):
    papers = sections.gather()
    printed = [re.split("  +", line.strip()) for line in text.render(papers).splitlines()]
    found = [table for table in Page(page.render(papers)).tables if not table["caption"].startswith("Our error over")]
    assert [table["caption"] for table in found] == [
        "Runs and results, paper by paper",
        next(table["caption"] for table in found if table["caption"].startswith("gap, eV")),
        "Datasets without results; scale real",
        "Finished runs: time, epochs, parameters, machine",
        "Packages of the finished runs",
    ]
    for table in found:
        for row in table["rows"]:
            assert row in printed, row
            assert all(row), f"a blank cell: {row}"


def test_the_summary_counts(filled):
    found = summary.as_dict(sections.gather())["summary"]
    seconds = sum(json.loads((store.folder_of(cell) / "cell.json").read_text())["wall_seconds"] for cell in filled)
    assert found.pop("seconds") == pytest.approx(seconds)
    assert found == {
        "runs": 3,
        "runs_finished": 3,
        "results": 6,
        "results_finished": 2,
        "compared": 1,
        "within": 1,
        "better": 1,
        "open": 4,
    }
    text_of_page = Page(page.render(sections.gather())).text
    assert "Runs finished 3 of 3" in text_of_page and "Open 4 of 6" in text_of_page
    assert "Within 10 % 1 of 1" in text_of_page and "Better than reported 1 of 1" in text_of_page


def test_what_is_open_says_why_and_how_it_goes_on(filled):
    store.folder_of(filled[1]).joinpath("cell.json").unlink()
    found = Page(page.render(sections.gather()))
    away = found.table("Datasets without results")
    assert [row["open, because"] for row in away] == ["no source"] * 3 and away[0]["reported MAE"] == "0.25 eV"
    assert found.table("gap, eV")[1]["state"] == "1 of 2 splits"
    command = "matrepro reproduce tiny one --scale real"
    assert command in found.text and command in text.render(sections.gather())
    assert "Open: 3 results, no source" in found.text


def test_a_finished_table_has_no_command(filled):
    assert "matrepro reproduce" not in text.render(sections.gather())


@pytest.mark.parametrize(
    ("reported", "words", "kind"),
    [
        (0.5, "within 10 %, better", "near"),
        (0.45, "within 10 %", "near"),
        (0.41, "within 10 %", "near"),
        (0.36, "25 % above", "above"),
        (0.9, "better by 50 %", "better"),
    ],
)
def test_verdicts(filled, tiny, reported, words, kind):
    plan.reported("tiny")["gap"]["rows"]["Net"]["MAE"]["value"] = reported
    result = next(r for r in document.all_results(sections.gather()) if r.row == "net" and r.finished)
    assert result.verdict == words and document.kind(result) == kind


def test_columns_stand_in_the_order_in_which_they_are_read(filled, tiny):
    """How many times better than the mean beside the error, and no column that says nothing."""
    table = tiny["tables"]["one"]
    table["metrics"] = ["MAE", "MSE", "MAD:MAE"]
    head = list(Page(page.render(sections.gather())).table("gap, eV")[0])
    compared = ["ours, MAE (eV)", "reported MAE", "ours / reported", "verdict"]
    others = ["ours, MAD:MAE", "ours, MSE (eV^2)", "state", "from, to", "splits below reported net"]
    assert head == ["model", *compared, *others, "band of ours (eV)"]
    table["scales"]["real"]["columns"]["gap"]["bands"].clear()
    assert list(Page(page.render(sections.gather())).table("gap, eV")[0]) == head[:-1]


def test_values_that_are_not_to_be_compared_are_not(filled, tiny):
    tiny["tables"]["one"]["scales"]["real"]["columns"]["gap"]["not_comparable"] = "other data"
    papers = sections.gather()
    found = Page(page.render(papers))
    net = found.table("gap, eV")[0]
    assert (net["reported MAE"], net["ours / reported"], net["verdict"]) == ("0.5", "–", "not compared")
    assert "Not compared with the paper: other data." in found.text
    assert summary.tally(document.all_results(papers)).compared == 0
    assert not any(table["caption"].startswith("Our error over") for table in found.tables)


def test_results_on_the_embedded_set_are_left_out(filled, tiny):
    before = page.render(sections.gather())
    for cell in (c for c in plan.runs("tiny", "one", "mini") if c.row == "dummy"):
        runner.execute(cell)
    assert "gap (mini)" in tables.render("tiny", "one", "mini")
    assert page.render(sections.gather()) == before and "gap (mini)" not in before
    tiny["tables"]["small"] = {"title": "Small", "scales": {"mini": tiny["tables"]["one"]["scales"]["mini"]}}
    assert "with nothing to compare: small." in text.render(sections.gather())


def test_derived_tables_and_notes_with_code(filled, tiny):
    tiny["tables"]["two"] = {
        "title": "Table 2",
        "derived_from": "one",
        "rows_used": ["dummy"],
        "derived": "tests.experiments.report.test_report:made",
        "note": "See `a/README.md` & more.",
        "scales": {"real": {}},
    }
    found = page.render(sections.gather())
    assert "<code>a/README.md</code> &amp; more." in found
    assert Page(found).table("A part")[0] == {"formula": "<NaCl>", "value": "–", "list": "one, two, " * 5 + "three"}
    assert '<td class="words long">one, two' in found and "| <NaCl>  | –  " in tables.render("tiny", "two", "real")
    assert "<NaCl> & -- & one" in tables.render("tiny", "two", "real", "latex")


def made(columns, printed, declared):
    return [
        TextTable("A part", ["formula", "value", "list"], [["<NaCl>", "", "one, two, " * 5 + "three"]], ["A note."])
    ]


def test_time_and_hardware(filled):
    found = Page(page.render(sections.gather())).table("Finished runs")
    assert found[0]["in all"] == "1 h 07 min" and found[0]["epochs run"] == "3" and found[0]["chosen epoch"] == "2"
    assert found[0]["parameters"] == "not recorded" and found[1]["parameters"] == "–"
    assert found[0]["computed on"].endswith("tensorflow, NVIDIA X") and found[1]["epochs run"] == "–"
    versions = Page(page.render(sections.gather())).table("Packages of")
    assert {row["runs"] for row in versions} == {"3"}
    expected = {0.04: "0.0 s", 59.9: "59.9 s", 3599: "59 min 59 s", 3600: "1 h 00 min", 4e5: "111 h"}
    assert {seconds: costs.duration(seconds) for seconds in expected} == expected


def test_the_command_writes_and_prints(filled, tmp_path, capsys, monkeypatch):
    path = tmp_path / "deep" / "page.html"
    assert cli.main(["report", "--output", str(path)]) == 0
    out, err = capsys.readouterr()
    assert (
        "3 of 3 runs finished; of 1 results beside a reported value 1 within 10 %, 1 better; 4 of 6 results open" in out
    )
    assert f"wrote {path}" in err and path.read_text() == page.render(sections.gather())
    assert cli.main(["report", "--output", str(path), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert next(r for r in results if r["model"] == "net")["ours"] == pytest.approx(0.45)
    monkeypatch.setattr("experiments.cli.tables.write_all", lambda papers: [])
    assert cli.main(["tables"]) == 0
    assert capsys.readouterr().out == text.render(sections.gather())


def test_bad_input_is_one_line(filled, tmp_path, capsys):
    assert cli.main(["report", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    path = store.folder_of(filled[0]) / "cell.json"
    for damaged in ("{", "{}", "[]"):
        path.write_text(damaged)
        assert cli.main(["report", "--output", str(tmp_path / "x.html")]) == 2
        err = capsys.readouterr().err
        assert str(path) in err and "run it again" in err and err.count("\n") == 1
    assert not (tmp_path / "x.html").exists()


def test_committed_results_are_on_the_page(monkeypatch):
    monkeypatch.delenv("MATREPRO_RESULTS", raising=False)
    papers = sections.gather()
    assert all(paper.title for paper in papers)
    assert {paper.name for paper in papers} >= {"profitnet", "finder", "diffcomp", "esnet"}
    stored = [result for result in document.all_results(papers) if result.finished]
    cells = {cell.key for result in stored for cell, record in result.records() if record}
    files = {str(p.parent.relative_to(store.results_root())) for p in store.results_root().rglob("cell.json")}
    assert cells and cells <= files
    for result in (r for r in stored if r.row == "PROFiT-Net"):
        done = [cell for cell, record in result.records() if record]
        assert result.model.mean("MAE") == pytest.approx(np.mean([_mae(cell) for cell in done]))


def _mae(cell):
    """From the file itself, by no function of the project."""
    with gzip.open(store.folder_of(cell) / "predictions.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return sum(abs(float(row["target"]) - float(row["prediction"])) for row in rows) / len(rows)
