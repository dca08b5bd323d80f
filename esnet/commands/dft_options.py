"""What every command that calls an engine can be told: which one, how long a calculation may take, once more."""

from __future__ import annotations

from common.cli import parser as cli

#: The names of these options.
OPTIONS = ("engine", "time_limit", "retry")


def add_engine_options(parser, *, engine: str = "what computes, default gpaw") -> None:
    parser.add_argument("--engine", metavar="NAME", help=engine)
    parser.add_argument(
        "--time-limit", type=cli.seconds, metavar="S", help="seconds for each density of states, default none"
    )
    parser.add_argument("--retry", action="store_true", help="try again what failed in an earlier run")


def batch_options(arguments) -> dict:
    """The keywords of `run_batch` that the options give."""
    return {
        "backend": arguments.engine or "gpaw",
        "time_limit": arguments.time_limit,
        "processes": arguments.jobs,
        "retry": arguments.retry,
        "strict": arguments.strict,
    }


def add_accept_others(parser) -> None:
    parser.add_argument(
        "--accept-other-inputs",
        action="store_true",
        help="take densities of states of another program or zero of energy for those that the model has learned",
    )
