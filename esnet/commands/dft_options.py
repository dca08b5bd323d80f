"""Options of all commands that compute densities of states: program, time limit, whether to recompute."""

from __future__ import annotations

import argparse
from typing import Any

from common.cli.options import add_old_name, seconds

#: The names of these options.
OPTIONS = ("dft", "time_limit", "retry")


def add_dft_options(parser: argparse.ArgumentParser, *, dft: str = "DFT program, default gpaw") -> None:
    option = parser.add_argument("--dft", metavar="NAME", help=dft)
    add_old_name(parser, "--engine", option)
    parser.add_argument(
        "--time-limit", type=seconds, metavar="S", help="seconds for each density of states, default: no limit"
    )
    parser.add_argument("--retry", action="store_true", help="repeat calculations that failed in an earlier run")


def batch_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `run_batch` that follow from the options."""
    return {
        "backend": arguments.dft or "gpaw",
        "time_limit": arguments.time_limit,
        "processes": arguments.jobs,
        "retry": arguments.retry,
        "strict": arguments.strict,
    }


def add_accept_others(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--accept-other-inputs",
        action="store_true",
        help="accept densities of states whose program or zero of energy differs from the training data's",
    )
