"""The `matrepro` command as a user types it."""

import json
from pathlib import Path
from pkgutil import resolve_name

import pytest

from experiments.cli import first
from experiments.cli import main as cli

ROOT = Path(__file__).resolve().parents[3]


def test_reproduce_runs_and_prints_both_scales(tiny, capsys):
    tiny["rows"].pop("net")
    assert cli.main(["reproduce", "tiny", "one", "--seeds", "1"]) == 0
    out, err = capsys.readouterr()
    assert "1 runs, 0 finished before, 1 to run" in err
    assert "scale mini" in out
    assert "scale real" in out
    assert cli.main(["reproduce", "tiny", "--seeds", "1"]) == 0
    assert "1 finished before, 0 to run" in capsys.readouterr().err


def test_tables_that_a_scale_has_not_are_named(tiny, capsys):
    tiny["rows"].pop("net")
    whole = tiny["tables"]["one"]["scales"]
    tiny["tables"]["large"] = {"title": "Large", "metrics": ["MAE"], "scales": {"real": whole["real"]}}
    said = "Tables of tiny that are declared at other scales only: large (real)."
    assert cli.main(["reproduce", "tiny", "--seeds", "1"]) == 0
    assert said in capsys.readouterr().out
    assert cli.main(["reproduce", "tiny", "one", "--seeds", "1"]) == 0
    assert said not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reproduce", "nobody"], "no tables are declared for 'nobody'"),
        (["reproduce", "tiny", "two"], "has no table 'two'"),
        (["reproduce", "all", "table9"], "no paper has a table 'table9'"),
        (["reproduce", "tiny", "one", "--scale", "paper"], "not declared at scale"),
        (["figures", "tiny", "one", "--output", "x"], "no results of that are stored"),
        (["data", "nothing-like-it"], "nothing-like-it"),
        (["split", "mini", "--target", "hardness"], "hardness"),
    ],
)
def test_bad_input_is_one_line_and_status_2(tiny, capsys, words, message):
    assert cli.main(words) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_data_and_split_print_json(tiny, tmp_path, capsys):
    assert cli.main(["data", "mini", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["materials"] == 336
    assert facts["targets"]["band_gap"]["unit"] == "eV"
    path = tmp_path / "split.json"
    assert cli.main(["split", "mini", "--split-ratio", "8:1:1", "--output", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_train"] == len(json.loads(path.read_text())["train"]) == 269


def test_the_first_look_ends_with_results_plots_and_what_to_try(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(first, "PAPER", "tiny")
    monkeypatch.setattr(first, "TABLE", "one")
    monkeypatch.setattr(first, "COLUMN", "gap (mini)")
    monkeypatch.setattr(first, "ROWS", ("dummy",))
    assert cli.main(["first", "--output", str(tmp_path / "plots"), "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "| dummy" in out and "| net" not in out
    assert out.index("scale mini") < out.index("Plots of") < out.index("Next:")
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["gap-mini-MAE.png"]


def test_the_first_look_shows_ours_beside_reported_errors(stored, tiny, tmp_path, monkeypatch, capsys):
    tiny["rows"]["dummy"]["reported"] = "Net"
    tiny["own_row"] = "dummy"
    for name, value in {"PAPER": "tiny", "TABLE": "one", "COLUMN": "gap (mini)", "ROWS": ("dummy",)}.items():
        monkeypatch.setattr(first, name, value)
    assert cli.main(["first", "--output", str(tmp_path / "plots")]) == 0
    assert "reported errors and ours" in capsys.readouterr().out


def test_the_commands_that_the_first_look_proposes_exist():
    lines = [line.split("  ")[0].split() for line in first.NEXT.splitlines()[1:] for line in [line.strip()]]
    targets = (ROOT / "Makefile").read_text()
    for program, *arguments in lines:
        if program == "make":
            assert f"\n{arguments[0]}:" in targets
        else:
            resolve_name(f"{program}.cli:build_parser")().parse_args(arguments)


@pytest.mark.slow
def test_figures_are_drawn(tiny, tmp_path, capsys):
    assert cli.main(["reproduce", "tiny", "one", "--seeds", "1"]) == 0
    capsys.readouterr()
    assert cli.main(["figures", "tiny", "one", "--output", str(tmp_path)]) == 0
    assert {line.rsplit("/")[-1] for line in capsys.readouterr().out.split()} == {
        "gap-mini-MAE.png",
        "gap-mini-net.png",
        "gap-mini-net-learning.png",
    }


def test_every_command_has_an_example(capsys):
    for command in ("first", "reproduce", "tables", "report", "figures", "check", "data", "split", "devices"):
        with pytest.raises(SystemExit) as stop:
            cli.main([command, "--help"])
        assert stop.value.code == 0
        assert f"matrepro {command}" in capsys.readouterr().out.split("example:")[1]
