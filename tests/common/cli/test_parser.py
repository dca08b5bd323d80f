"""What all commands share, on a command made up for the purpose."""

import argparse
import csv
import errno
import io
import json
import subprocess
import sys
import warnings
from pkgutil import resolve_name

import numpy as np
import pytest

from common.cli import output as printing
from common.cli import parser as cli
from common.cli.options import add_common
from common.cli.package_spec import PackageSpec
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.messages import LISTED, note, report_left_out

HEAVY = ("tensorflow", "keras", "pymatgen", "matminer", "pandas", "matplotlib", "sklearn", "joblib", "numpy", "h5py")


def command(function):
    """A program with one command, `do`, that runs `function`."""
    parser = cli.make_parser("tool", "Does nothing.", "tool do")
    commands = parser.add_subparsers()
    add_common(cli.add_command(commands, "do", function, "do it", "tool do --json"))
    return parser


def raising(error):
    def function(arguments):
        raise error

    return command(function)


# --- running -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UserError("x.cif: broken; fix it"), 2, "tool: x.cif: broken; fix it\n"),
        (UserError("two\nlines"), 2, "tool: two lines\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x.cif"), 2, "tool: x.cif: Permission denied\n"),
        (KeyboardInterrupt(), 130, "tool: interrupted\n"),
    ],
)
def test_every_error_is_one_line(capsys, error, status, text):
    assert cli.run(raising(error), ["do"]) == status
    assert capsys.readouterr() == ("", text)


def test_a_defect_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        cli.run(raising(ZeroDivisionError()), ["do"])


def test_warnings_are_one_plain_line(capsys):
    def function(arguments):
        warnings.warn("the cache\nis damaged", stacklevel=1)

    before = warnings.showwarning
    assert cli.run(command(function), ["do"]) == 0
    assert capsys.readouterr().err == "warning: the cache is damaged\n"
    assert warnings.showwarning is before


def test_without_a_command_the_help_is_shown(capsys):
    assert cli.run(command(print), []) == 2
    assert "usage: tool" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [["do", "--jobs", "0"], ["do", "--json", "--csv"], ["dont"], ["do", "--js"]])
def test_a_wrong_option_is_one_line(capsys, argv):
    with pytest.raises(SystemExit) as caught:
        cli.run(command(print), argv)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.count("\n") == 1 and error.endswith("--help\n")


def test_help_ends_with_the_example(capsys):
    with pytest.raises(SystemExit):
        cli.run(command(print), ["do", "--help"])
    assert capsys.readouterr().out.endswith("example:\n  tool do --json\n")


def test_a_closed_pipe_is_silent():
    program = (
        "import sys; from common.cli import parser as cli\n"
        "p = cli.make_parser('tool', '', 'tool do'); c = p.add_subparsers()\n"
        "cli.add_command(c, 'do', lambda a: [print('x' * 80) for _ in range(100_000)], 'do', 'tool do')\n"
        "sys.exit(cli.run(p, ['do']))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait() == 141


COMMANDS = ("experiments.cli.main", "profitnet.cli", "finder.cli", "diffcomp.cli", "esnet.cli")


def loaded_by(program: str) -> set[str]:
    """The heavy packages that a program loads in a fresh process."""
    program += f"\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    return set(
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    )


def test_parsers_load_nothing_heavy():
    assert loaded_by("\n".join(f"from {name} import build_parser; build_parser()" for name in COMMANDS)) == set()


def handlers() -> set[str]:
    """ "module:function" of all commands."""
    found, parsers = set(), [resolve_name(f"{name}:build_parser")() for name in COMMANDS]
    while parsers:
        parser = parsers.pop()
        found.add(parser.get_default("command"))
        inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
        parsers += [one for action in inner for one in action.choices.values()]
    return found - {None}


def test_handlers_exist_and_their_modules_load_no_backend():
    names = handlers()
    assert len(names) >= 25 and all(callable(resolve_name(name)) for name in names)
    program = "\n".join(f"import {name}" for name in sorted({name.partition(":")[0] for name in names}))
    assert loaded_by(program) <= {"numpy", "h5py"}


# --- left out ------------------------------------------------------------------------------------


def test_left_out_is_listed(capsys):
    report_left_out({"a": "a: broken", "b": "open"}, 3)
    assert capsys.readouterr().err == "left out: a: broken\nleft out: b: open\n"


def test_a_long_word_is_cut(capsys):
    note(f"/a/path is {'9' * 5000}, no number")
    assert capsys.readouterr().err == f"/a/path is {'9' * 100}... (5,001 characters) no number\n"


def test_a_long_list_is_cut(capsys):
    report_left_out({str(i): "broken" for i in range(LISTED + 5)}, 1)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LISTED + 1 and lines[-1] == "left out: 5 more; --json lists all"


@pytest.mark.parametrize(
    ("left_out", "good", "strict", "words"),
    [
        ({"a": "broken"}, 0, False, "^a: broken$"),
        ({"a": "broken", "b": "broken"}, 0, False, "none of the 2 materials"),
        ({"a": "broken"}, 5, True, "^a: broken$"),
        ({}, 0, False, "no materials"),
    ],
)
def test_nothing_left_is_an_error(left_out, good, strict, words):
    with pytest.raises(UserError, match=words):
        report_left_out(left_out, good, strict=strict)


# --- packages ------------------------------------------------------------------------------------


def test_a_model_of_another_paper(tmp_path):
    paper = PackageSpec("tool", "", {"net": "collections:OrderedDict"})
    assert paper.default == "net" and paper.regressor("net").__name__ == "OrderedDict"
    with pytest.raises(UserError, match="'finder' is not a network of tool"):
        paper.regressor("finder")
    with pytest.raises(UserError, match="holds no saved model"):
        paper.load(tmp_path)


# --- printing ------------------------------------------------------------------------------------

PREDICTED = Predictions(np.array(["a", "b"]), np.array([1.25, -12.0]), std=np.array([0.5, 0.25]), unit="eV")


def test_predictions_as_text():
    assert printing.predictions(PREDICTED, ["Si", "TiO2"], "gap", "text", {}).splitlines() == [
        "id  formula     gap     std  unit",
        "a   Si         1.25  0.5000  eV",
        "b   TiO2     -12.00  0.2500  eV",
    ]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.0, 0.0], ["0.0000", "0.0000"]),
        ([1e-5, 2e-6], ["0.00001000", "0.00000200"]),
        ([12345.678], ["12345.7"]),
        ([float("nan"), 1.0], ["nan", "1.000"]),
    ],
)
def test_values_of_any_size(values, text):
    predicted = Predictions(np.array(["a", "b"][: len(values)]), np.array(values), unit="eV")
    lines = printing.predictions(predicted, ["Si"] * len(values), "gap", "text", {}).splitlines()[1:]
    assert [line.split()[2] for line in lines] == text


def test_predictions_as_csv_and_json():
    rows = list(csv.DictReader(io.StringIO(printing.predictions(PREDICTED, ["Si", "TiO2"], "gap", "csv", {}))))
    assert rows[0] == {"id": "a", "formula": "Si", "value": "1.25", "std": "0.5", "unit": "eV"}
    found = json.loads(printing.predictions(PREDICTED, ["Si", "TiO2"], "gap", "json", {"x": "bad"}))
    assert found["predictions"][1] == {"id": "b", "formula": "TiO2", "value": -12.0, "std": 0.25, "unit": "eV"}
    assert (found["target"], found["unit"], found["left_out"]) == ("gap", "eV", {"x": "bad"})


ERRORS = {"test": {"n": 3, "MAE": 0.123456, "MSE": 2.0, "R2": float("nan")}}


def test_errors_carry_units():
    assert printing.errors(ERRORS, "E", "eV/atom", "text").splitlines() == [
        "E     n  MAE (eV/atom)  MSE ((eV/atom)^2)   R2",
        "test  3         0.1235                  2  nan",
    ]
    assert "MSE (eV^2)" in printing.errors(ERRORS, "E", "eV", "text")
    assert printing.errors(ERRORS, "eps", "", "text").splitlines()[0].split() == ["eps", "n", "MAE", "MSE", "R2"]
    assert printing.errors(ERRORS, "E", "eV", "csv").splitlines()[1] == "test,E,eV,3,0.123456,2,nan"


def test_json_has_no_nan():
    found = json.loads(printing.errors(ERRORS, "E", "eV", "json", {"seed": 1}), parse_constant=pytest.fail)
    assert found["errors"]["test"] == {"n": 3, "MAE": 0.123456, "MSE": 2.0, "R2": None} and found["seed"] == 1
