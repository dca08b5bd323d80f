"""Checks before a command starts: outputs, seeds, backends, interruptions, old names of options."""

import argparse
import os
import signal
import subprocess
import sys
import time

import pytest

from common.cli import options
from common.cli import parser as cli
from common.cli.checks import check_writable
from common.errors import UserError


def run(*argv: str, command=lambda arguments: None) -> int:
    parser = cli.make_parser("tool", "Does nothing.", "tool do")
    do = cli.add_command(parser.add_subparsers(), "do", command, "do it", "tool do x.csv")
    do.add_argument("data", nargs="*")
    do.add_argument("--model")
    options.add_output(do, (".csv", ".csv.gz"), "file to write")
    options.add_split(do)
    options.add_executor(do)
    options.add_common(do)
    return cli.run(parser, ["do", *map(str, argv)])


@pytest.fixture
def files(tmp_path):
    (tmp_path / "x.csv").write_text("formula,gap\nSi,1.1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "x.csv")
    (tmp_path / "crystals").mkdir()
    (tmp_path / "crystals" / "id_prop.csv").write_text("a,1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("data", "output", "words"),
    [
        ("x.csv", "x.csv", "x.csv is an input of this command; choose another file"),
        ("x.csv", "link.csv", "link.csv is an input of this command"),
        ("x.csv", "crystals/../x.csv", "is an input of this command"),
        ("crystals", "crystals/id_prop.csv", "is an input of this command"),
        ("x.csv", "y.xlsx", "y.xlsx: the name must end in .csv or .csv.gz"),
        ("x.csv", "y", "y: the name must end in .csv or .csv.gz"),
        ("x.csv", "crystals", "crystals is a folder; name a file"),
        ("x.csv", "x.csv/y.csv", "x.csv is not a folder; choose another place"),
    ],
)
def test_outputs_are_checked_before_the_command_runs(files, monkeypatch, capsys, data, output, words):
    monkeypatch.chdir(files)
    before = (files / "x.csv").read_bytes()
    assert run(data, "--output", output, command=lambda arguments: pytest.fail("it ran")) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1
    assert (files / "x.csv").read_bytes() == before


@pytest.mark.parametrize("option", ["--output", "--model"])
def test_an_empty_name_is_refused(files, monkeypatch, capsys, option):
    monkeypatch.chdir(files)
    assert run("x.csv", option, "", command=lambda arguments: pytest.fail("it ran")) == 2
    assert f"{option} is empty; name a file or folder" in capsys.readouterr().err


def test_other_outputs_are_accepted(files, monkeypatch):
    monkeypatch.chdir(files)
    for output in ("y.csv", "new/y.csv.gz", "crystals/y.csv", "/dev/null"):
        assert run("x.csv", "crystals", "--output", output) == 0
    assert not (files / "new").exists()


def test_the_split_is_an_input_too(files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert run("crystals", "--split", "x.csv", "--output", "x.csv") == 2
    assert "is an input of this command" in capsys.readouterr().err


def test_a_folder_without_permission(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "model")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write in any folder
    with pytest.raises(UserError, match="no permission to write in"):
        check_writable(tmp_path / "new" / "model")


@pytest.mark.parametrize("seed", ["-5", "1e3", "2147483648", "9" * 5000, "", "x"])
def test_seeds_out_of_range(capsys, seed):
    with pytest.raises(SystemExit):
        run("--seed", seed)
    err = capsys.readouterr().err
    assert "is not a whole number from 0 to 2147483647" in err and err.count("\n") == 1


@pytest.mark.parametrize("jobs", ["-7", "0", "two", "9" * 5000])
def test_numbers_of_processes(capsys, jobs):
    with pytest.raises(SystemExit):
        run("--jobs", jobs)
    assert "is not a number of processes; give 1, 2, ... or -1 for all cores" in capsys.readouterr().err


@pytest.mark.parametrize("ratio", ["1:2", "0:1:1", "nan:1:1", "inf:1:1", "1:-1:1", "a:b:c"])
def test_ratios_of_a_split(capsys, ratio):
    with pytest.raises(SystemExit):
        run("--split-ratio", ratio)
    assert "is not train:validation:test" in capsys.readouterr().err


def test_old_names_of_options(capsys):
    seen = []
    assert run("--shares", "8:1:1", "--engine", "ray", command=seen.append) == 0
    assert seen[0].split_ratio == (8, 1, 1) and seen[0].executor == "ray" and not hasattr(seen[0], "shares")
    assert capsys.readouterr().err.splitlines() == [
        "tool do: --shares is deprecated; use --split-ratio",
        "tool do: --engine is deprecated; use --executor",
    ]
    with pytest.raises(SystemExit):
        run("--help")
    assert "--shares" not in capsys.readouterr().out


def test_an_old_name_of_a_switch(capsys):
    parser = argparse.ArgumentParser()
    options.add_old_name(parser, "--factorised", parser.add_argument("--factorized", action="store_true"))
    assert parser.parse_args(["--factorised"]).factorized and not parser.parse_args([]).factorized


@pytest.mark.parametrize(
    ("backend", "words"),
    [("theano", "KERAS_BACKEND is 'theano'; choose one of tensorflow, jax, torch"), ("torch", "is not installed")],
)
def test_a_backend_that_is_not_installed(monkeypatch, capsys, backend, words):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setattr("common.train.devices.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert run() == 2
    assert words in capsys.readouterr().err


def test_a_second_interruption_exits_at_once():
    program = (
        "import sys, time\nfrom common.cli import parser as cli\n"
        "def wait(arguments):\n"
        "    try:\n        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n        print('cleaning', flush=True); time.sleep(60)\n"
        "p = cli.make_parser('tool', '', 'tool do'); c = p.add_subparsers()\n"
        "cli.add_command(c, 'do', wait, 'do', 'tool do')\n"
        "sys.exit(cli.run(p, ['do']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # It is ignored where the tests run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    started = time.monotonic()
    for line in (b"ready\n", b"cleaning\n"):
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and err == b"tool: interrupted again; stopped at once\n"
    assert time.monotonic() - started < 50
