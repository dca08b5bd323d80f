"""The options of `matrepro data`, `features` and `tune`."""

from __future__ import annotations

import argparse
from typing import Any

from common.cli.options import (
    add_executor,
    add_output,
    add_split,
    add_strict,
    add_target,
    positive,
    workers,
)
from common.cli.package_spec import FILES_HELP, TABLE_HELP
from common.cli.parser import add_command
from common.tuning.space import POINTS, TRIALS

ACTIONS = ("list", "get", "info", "verify")
METHODS = ("bayesian", "random", "grid")


def add_budget(parser: argparse.ArgumentParser) -> None:
    """At which scale a table is run, and with how many seeds and epochs."""
    parser.add_argument(
        "--scale",
        choices=("mini", "real", "paper"),
        default="mini",
        help="mini (default): embedded dataset; real: published data, reduced budget; paper: the paper's budget",
    )
    parser.add_argument("--seeds", type=positive, metavar="N", help="N seeds instead of the declared ones")
    parser.add_argument("--epochs", type=positive, metavar="N", help="N epochs instead of the declared ones")


# --- data ----------------------------------------------------------------------------------------


def add_data(commands: Any) -> None:
    one = add_command(
        commands,
        "data",
        "experiments.cli.data:data",
        "list, fetch, describe and verify data",
        """matrepro data list
        matrepro data get profit-lists matbench-phonons --mirror /mnt/copies
        MP_API_KEY=... matrepro data get mp-profit
        matrepro data info profit-pbe-gap
        matrepro data verify""",
        "list: every source, what can be fetched, and each paper's query to the Materials Project. get: fetch what is "
        "missing into the data directory (MATREPRO_DATA, by default ./data), and resume partial downloads; `all` is "
        "everything but queries that take hours. info: what a dataset contains, its origin, and the steps to a paper's "
        "number of rows. verify: check the fetched files.",
    )
    one.add_argument("action", nargs="?", default="list", metavar="ACTION", help=f"{', '.join(ACTIONS)}; default list")
    one.add_argument("names", nargs="*", metavar="NAME", help=f"names from the list; for info also {FILES_HELP}")
    one.add_argument(
        "--mirror", default="", metavar="PLACE", help="folder or URL to try first; default: MATREPRO_MIRROR"
    )
    one.add_argument("--renew", action="store_true", help="get: fetch again, and accept changed files")
    one.add_argument("--json", action="store_true", help="print JSON")


# --- features ------------------------------------------------------------------------------------


def add_features(commands: Any) -> None:
    parser = add_command(
        commands,
        "features",
        None,
        "pack features, train from them on another machine, import the results",
        """matrepro features pack finder matbench-formula --scale real --output matbench.h5
        matrepro features train matbench.h5 --output results/
        matrepro features unpack results/""",
        "Train where only keras, numpy, h5py and a backend are installed.",
    )
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_pack(inner)
    _add_train(inner)

    one = add_command(
        inner,
        "unpack",
        "experiments.cli.features:unpack",
        "import results whose settings are those declared",
        "matrepro features unpack results/",
    )
    one.add_argument("folder", metavar="DIR", help="folder that features train wrote")
    one.add_argument("--json", action="store_true", help="print JSON")

    one = add_command(
        inner,
        "info",
        "experiments.cli.features:info",
        "describe a file of features",
        "matrepro features info matbench.h5",
    )
    one.add_argument("file", metavar="FILE", help="file that features pack wrote")
    one.add_argument("--json", action="store_true", help="print JSON")


def _add_pack(inner: Any) -> None:
    one = add_command(
        inner,
        "pack",
        "experiments.cli.features:pack",
        "write the features, targets and splits of a table's networks to one file",
        """matrepro features pack finder matbench-formula --scale real --output matbench.h5
        matrepro features pack profitnet figure3 --scale real --only eps --output eps.h5""",
    )
    one.add_argument("paper", help="profitnet, finder, diffcomp or esnet")
    one.add_argument("table", nargs="?", help="one table, such as figure3; default: all of the paper")
    add_budget(one)
    add_output(one, (".h5",), "HDF5 file to write, .h5", required=True)
    one.add_argument(
        "--jobs", type=workers, default=1, metavar="N", help="processes for featurizing, -1 = all cores; default 1"
    )
    _add_choice(one)


def _add_train(inner: Any) -> None:
    one = add_command(
        inner,
        "train",
        "experiments.cli.features:train",
        "run the trainings of a file of features",
        """KERAS_BACKEND=jax matrepro features train matbench.h5 --output results/
        python -m experiments.cli.main features train matbench.h5 --output results/   # from a checkout""",
        "Run the trainings of a file of features. Finished ones are skipped, interrupted ones resumed. DIR receives a "
        "folder per training, as in experiments/results/: predictions, history, settings, versions, device, wall time.",
    )
    one.add_argument("file", metavar="FILE", help="file that features pack wrote")
    one.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    one.add_argument("--threads", type=positive, default=0, metavar="N", help="CPU threads, default: all")
    one.add_argument(
        "--devices", default="", metavar="N", help="number of accelerators to train on together, or all; default 1"
    )
    _add_choice(one)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", default="", metavar="TEXT", help="trainings whose name contains TEXT")
    parser.add_argument("--json", action="store_true", help="print JSON")


# --- tune ----------------------------------------------------------------------------------------


def add_tune(commands: Any) -> None:
    parser = add_command(
        commands,
        "tune",
        "experiments.cli.tune:tune",
        "search the hyperparameters of a network by its validation error",
        """matrepro tune esnet mini --target formation_energy --epochs 20 --output search
        matrepro tune finder my.csv --target "gap (eV)" --search batch=16:128 --search layers=2,3 --output search
        esnet train mini --target formation_energy --recipe search/best.json --model energy_model""",
        "Train a network repeatedly with different settings, and compare the trials by their error on the validation "
        "set; the test set is not used. The folder of --output receives trials.jsonl, a line per trial, trials.png, "
        "and best.json for train --recipe. The same command resumes an interrupted search.",
    )
    parser.add_argument(
        "network", metavar="NETWORK", help="esnet, finder, profitnet, diffcomp, ... or a baseline: roost, ..."
    )
    parser.add_argument("data", metavar="DATA", help=TABLE_HELP)
    add_target(parser, help="property to learn; needed if DATA has several")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--search",
        action="append",
        metavar="SETTING=RANGE",
        help="a setting of the recipe or the network: batch=16:65, learning_rate=0.0001:0.01:log, "
        "optimizer=adam,sgd, or a fixed plateau=15; may be repeated; default for esnet: the paper's batch size and "
        "learning rate",
    )
    parser.add_argument("--method", choices=METHODS, default="bayesian", help="default bayesian, which needs Ax")
    parser.add_argument("--trials", type=positive, metavar="N", help=f"default {TRIALS}; a grid has its own number")
    parser.add_argument(
        "--points", type=positive, metavar="N", help=f"points of each range in a grid, default {POINTS}"
    )
    parser.add_argument("--variant", default="corrected", metavar="NAME", help="default corrected")
    parser.add_argument("--epochs", type=positive, metavar="N", help="epochs of each trial, default: the paper's")
    parser.add_argument("--metric", choices=("MAE", "MSE"), default="MAE", help="error to minimize, default MAE")
    parser.add_argument("--retry", action="store_true", help="repeat trials that failed in an earlier run")
    add_split(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_strict(parser)
    parser.add_argument("--jobs", type=positive, default=1, metavar="N", help="parallel trials, default 1")
    add_executor(parser)
