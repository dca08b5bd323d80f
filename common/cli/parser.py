"""What all commands share: help with examples, options, one line for every error, tables from the DATA argument.

Only argparse and its like are imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import warnings
from collections.abc import Sequence

from common import __version__
from common.errors import UserError
from common.io.messages import note


def model_names(folders: Sequence[str]) -> list[str]:
    """Names for several saved models, from their folders; two alike are an error."""
    names = [os.path.basename(os.path.realpath(folder)) for folder in folders]
    if len(set(names)) < len(names):
        raise UserError(f"two models are called {max(names, key=names.count)}; their folders need different names")
    return names


# --- the parser ----------------------------------------------------------------------------------


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28, width=110)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str):
        """One line, like every other error."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}; see {self.prog} --help\n")


def make_parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=name, description=description, epilog=_epilog(example), formatter_class=_Formatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"matrepro {__version__}")
    parser.set_defaults(command=None, json=False)
    return parser


def add_command(commands, name: str, function, summary: str, example: str, description: str = ""):
    """A subcommand whose `function(arguments)` does the work."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(description or f"{summary[0].upper()}{summary[1:]}.", 100),
        epilog=_epilog(example),
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=function)
    return parser


def _epilog(example: str) -> str:
    return "example:\n" + "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above zero")
    return value


def workers(text: str) -> int:
    return -1 if text == "-1" else positive(text)


def shares(text: str) -> tuple[float, ...]:
    """`6:2:2` as three numbers."""
    try:
        parts = tuple(float(part) for part in text.split(":"))
    except ValueError:
        parts = ()
    if len(parts) != 3 or min(parts) < 0 or parts[0] == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not train:validation:test, such as 6:2:2")
    return parts


def refuse(arguments, names: Sequence[str], why: str) -> None:
    """Options that have no use beside the others are an error, so that none is ignored; `why` goes on from the name."""
    for name in names:
        value = getattr(arguments, name)
        if value or (value == 0 and value is not False):  # a zero is given, False is a switch that is not
            raise UserError(f"--{name.replace('_', '-')} {why}")


def add_common(parser, *, output: bool = True) -> None:
    """Options of every command; `output` adds the formats of what is printed."""
    if output:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON")
        form.add_argument("--csv", action="store_true", help="print CSV")
    parser.add_argument("--strict", action="store_true", help="stop at the first material that cannot be used")
    parser.add_argument(
        "--jobs", type=workers, default=1, metavar="N", help="processes for reading and features, -1 = all"
    )


def add_engine(parser) -> None:
    parser.add_argument(
        "--engine",
        default="",
        metavar="WHERE",
        help="local, ray, or ray:HOST:PORT for an existing Ray cluster; default: MATREPRO_ENGINE or local",
    )


def add_model(parser) -> None:
    parser.add_argument("--model", required=True, metavar="DIR", help="folder of the trained model")


def add_target(parser, *, help: str) -> None:
    parser.add_argument("--target", default="", metavar="NAME", help=help)
    parser.add_argument("--unit", default="", help="unit of the target, if its column does not say so: gap (eV)")


def add_split(parser) -> None:
    parser.add_argument("--split", metavar="FILE", help="JSON with the ids of train, validation and test")
    parser.add_argument("--shares", type=shares, default=(6, 2, 2), metavar="A:B:C", help="random split, default 6:2:2")
    parser.add_argument("--group-by-formula", action="store_true", help="polymorphs of a formula go to the same part")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the split and the training, default 0")


# --- running -------------------------------------------------------------------------------------


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse and run; bad input ends with one line and status 2, an interruption with 130."""
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: note(f"warning: {message}")
            arguments.command(arguments)
        sys.stdout.flush()
        return 0
    except UserError as error:
        note(f"{parser.prog}: {error}")
    except BrokenPipeError:
        # The reader, `head` perhaps, has seen enough. Nothing more is written, not even by Python's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        note(f"{parser.prog}: {error.filename or 'files'}: {error.strerror or error}")
    except KeyboardInterrupt:
        note(f"{parser.prog}: interrupted")
        return 130
    return 2
