"""The options of `matrepro submit`."""

from __future__ import annotations

import argparse
from typing import Any

from common.cli.parser import add_command


def add_submit(commands: Any) -> None:
    parser = add_command(
        commands,
        "submit",
        None,
        "write the files of a submission to a leaderboard",
        """matrepro submit matbench finder --tasks matbench_dielectric --output submission
        matrepro submit jarvis finder --help""",
        "Write the files that the leaderboards of Matbench and JARVIS take. Nothing is sent.",
    )
    inner = parser.add_subparsers(title="leaderboards", metavar="LEADERBOARD", required=True)
    _add_matbench(inner)
    _add_jarvis(inner)


def _add_matbench(commands: Any) -> None:
    one = add_command(
        commands,
        "matbench",
        "experiments.cli.submit:to_matbench",
        "results.json.gz, info.json and run.py for Matbench",
        """matrepro submit matbench finder --tasks matbench_dielectric --output submission
        finder train matbench-dielectric --target n --folds given --model five_models
        matrepro submit matbench finder --run five_models --output submission --json""",
        "Write a Matbench record with the predictions of the official folds: those of stored results, or of a "
        "cross-validation that was trained with --folds given.",
    )
    _add_shared(one)
    one.add_argument("--tasks", metavar="TASK,...", help="such as matbench_log_kvrh; default: all with complete folds")
    one.add_argument(
        "--run", action="append", default=[], metavar="DIR", help="folder of train --folds given; may be repeated"
    )
    one.add_argument("--scale", default="real", help="of the stored results, default real")
    one.add_argument("--row", default="", metavar="ROW", help="row of the table, where several have this model")
    one.add_argument("--authors", default="The matrepro authors", metavar="NAMES", help="default %(default)s")
    one.add_argument("--notes", default="", metavar="TEXT", help="text for info.json")


def _add_jarvis(commands: Any) -> None:
    one = add_command(
        commands,
        "jarvis",
        "experiments.cli.submit:to_jarvis",
        "zipped predictions, metadata.json and run.sh for the JARVIS leaderboard",
        """finder evaluate --model my_model my.csv --split split.json --set test --output predicted.csv
        matrepro submit jarvis finder --predictions predicted.csv --output matrepro_finder \\
          --benchmark AI-SinglePropertyPrediction-formation_energy_peratom-dft_3d-test-mae""",
        "Write a contribution to the JARVIS leaderboard from predictions for the test set of one of its benchmarks.",
    )
    _add_shared(one)
    one.add_argument(
        "--predictions", required=True, metavar="FILE", help="CSV with id and prediction, such as evaluate --output"
    )
    one.add_argument("--benchmark", required=True, metavar="NAME", help="name of the benchmark, as in the example")
    one.add_argument(
        "--benchmark-file", metavar="FILE", help="its .json.zip from the leaderboard, to check the ids of the materials"
    )
    one.add_argument("--email", default="", metavar="ADDRESS", help="of the author, for metadata.json")
    one.add_argument("--team", default="matrepro", metavar="NAME", help="default %(default)s")
    one.add_argument("--url", default="", metavar="URL", help="of the project or article")
    one.add_argument("--command-line", default="", metavar="TEXT", help="command that repeats the predictions")


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="model, such as finder, rescnn or xgb-magpie")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--overwrite", action="store_true", help="replace the submission in DIR, also what was edited")
    parser.add_argument("--name", default="", metavar="TEXT", help="of the algorithm, default: from the model")
    parser.add_argument("--json", action="store_true", help="print JSON")
