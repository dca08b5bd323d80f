"""The `matrepro` command: reproduce tables, print them, check them; show data, splits and devices."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from common.cli.options import (
    add_executor,
    add_output,
    add_seed,
    add_split,
    add_strict,
    add_target,
    positive,
    workers,
)
from common.cli.package_spec import FILES_HELP, TABLE_HELP
from common.cli.parser import add_command, make_parser, run
from experiments.cli.model_parsers import add_models, add_predict
from experiments.cli.parsers import add_budget, add_data, add_features, add_tune
from experiments.cli.submit_parsers import add_submit

EXAMPLE = """matrepro reproduce profitnet figure3 --scale mini
matrepro tables profitnet figure3 --scale real"""


def build_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "matrepro", "Predict properties of materials, and reproduce the tables of four papers on them.", EXAMPLE
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_first(commands)
    add_predict(commands)
    _add_reproduce(commands)
    add_tune(commands)
    _add_results(commands)
    _add_check(commands)
    add_data(commands)
    _add_split(commands)
    _add_compare(commands)
    add_features(commands)
    add_models(commands)
    add_submit(commands)
    one = add_command(
        commands, "devices", "experiments.cli.inspect:devices", "show backend and available devices", "matrepro devices"
    )
    one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    return run(build_parser(), argv)


def _add_first(commands: Any) -> None:
    one = add_command(
        commands,
        "first",
        "experiments.cli.first:first",
        "train and plot a few models in minutes, then show the results of all papers",
        "matrepro first",
        "Train PROFiT-Net, XGBoost and a constant on the embedded dataset, draw their predictions, and print the "
        "errors of the papers' own models beside the reported ones.",
    )
    one.add_argument("--output", default="first", metavar="DIR", help="folder for the plots, default first")
    one.add_argument("--jobs", type=positive, default=1, metavar="N", help="parallel runs, default 1")


def _add_reproduce(commands: Any) -> None:
    one = add_command(
        commands,
        "reproduce",
        "experiments.cli.tables:reproduce",
        "run the trainings of a paper's tables, then print the tables",
        "matrepro reproduce profitnet figure3 --scale real --jobs 2",
        "Run the trainings of a paper's tables, then print the tables. Finished ones are skipped, interrupted ones "
        "resumed.",
    )
    _add_place(one)
    one.add_argument("--only", metavar="ROW,...", help="run these rows only; quote a name with a comma")
    one.add_argument("--jobs", type=positive, default=1, metavar="N", help="parallel runs, default 1")
    add_executor(one)


def _add_results(commands: Any) -> None:
    one = add_command(
        commands,
        "tables",
        "experiments.cli.tables:tables",
        "print tables from stored predictions, or write all table files",
        "matrepro tables\nmatrepro tables profitnet figure3 --scale real --style latex",
        "With a paper: print its tables. Without: write docs/results and the README's summary, and print the report as "
        "text.",
    )
    _add_place(one, optional=True)
    one.add_argument("--style", choices=("markdown", "csv", "latex"), default="markdown", help="default markdown")

    one = add_command(
        commands,
        "report",
        "experiments.cli.tables:report",
        "write one HTML page with all tables, parity plots and learning curves",
        "matrepro report\nmatrepro report --output results.html",
        "Write one HTML page, which needs no network, from the stored results: a summary, then per paper the tables "
        "beside the reported values, parity plots, learning curves, time and hardware.",
    )
    add_output(one, (".html",), "HTML file to write, default report.html")
    one.set_defaults(output="report.html")
    one.add_argument("--json", action="store_true", help="print the summary and one line per result as JSON")

    one = add_command(
        commands,
        "figures",
        "experiments.cli.tables:figures",
        "draw a table's results: parity plots and bars",
        "matrepro figures profitnet figure3 --scale real --output pictures",
    )
    _add_place(one)
    one.add_argument("--output", required=True, metavar="DIR", help="folder for the pictures")


def _add_check(commands: Any) -> None:
    one = add_command(
        commands,
        "check",
        "experiments.cli.tables:check",
        "recompute the committed results and retrain one small run per model",
        "matrepro check --stored-only",
        "Recompute every committed result from its predictions and compare it with its band; compare the table files; "
        "retrain one small run per model on the embedded dataset.",
    )
    one.add_argument("--stored-only", action="store_true", help="do not train")
    one.add_argument("--jobs", type=positive, default=1, metavar="N", help="parallel runs, default 1")
    one.add_argument("--json", action="store_true", help="print JSON")

    add_command(
        commands,
        "bands",
        "experiments.cli.tables:bands",
        "set bands for stored results that have none yet",
        "matrepro bands",
        "Set the limits within which matrepro check must find the error of each stored result, where they are not set "
        "for all of its splits.",
    )


def _add_split(commands: Any) -> None:
    one = add_command(
        commands,
        "split",
        "experiments.cli.inspect:split",
        "write a split as lists of ids, and audit it",
        "matrepro split mini --target formation_energy --split-ratio 8:1:1 --output split.json",
    )
    one.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    add_output(one, (".json",), "JSON file to write")
    one.add_argument("--json", action="store_true", help="print JSON")
    add_target(one, help="leave out materials without a value of this property")
    add_split(one)


def _add_compare(commands: Any) -> None:
    one = add_command(
        commands,
        "compare",
        "experiments.cli.compare:run",
        "compare the errors of two models on the same materials",
        """matrepro compare model_a model_b mini --split model_a/split.json
        matrepro compare model_a model_b my.csv --target "gap (eV)" --output parity.png""",
        "Compare the absolute errors of two models of the same property, material by material. The interval of the "
        "difference and its significance come from a bootstrap of the paired errors.",
    )
    one.add_argument("first", metavar="MODEL", help="folder of a trained model, or a preset")
    one.add_argument("second", metavar="MODEL", help="the model to compare it with")
    one.add_argument("data", metavar="DATA", help=TABLE_HELP)
    add_target(one, help="name of the property in DATA, if it differs from that of the models")
    one.add_argument("--split", metavar="FILE", help="compare on the test set of this split, instead of all of DATA")
    add_output(one, (".png", ".svg"), "write parity plots side by side, .png or .svg")
    one.add_argument("--resamples", type=positive, default=10_000, metavar="N", help="of the bootstrap, default 10000")
    add_seed(one, "the bootstrap")
    one.add_argument("--json", action="store_true", help="print JSON")
    add_strict(one)
    one.add_argument("--jobs", type=workers, default=1, metavar="N", help="processes for featurizing, default 1")


def _add_place(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    papers = "profitnet, finder, diffcomp, esnet, grand, or all"
    parser.add_argument("paper", nargs="?" if optional else None, help=papers)
    parser.add_argument("table", nargs="?", help="one table, such as figure3; default: all of the paper")
    add_budget(parser)


if __name__ == "__main__":
    raise SystemExit(main())
