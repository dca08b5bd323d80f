"""Options that several commands have, and the types of their values."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from common.errors import UserError
from common.io.messages import note
from common.train.logs import LogPlace

#: Keras takes seeds of 32 bits; the seeds of an ensemble follow the one that is given.
LARGEST_SEED = 2**31 - 1

# --- types ---------------------------------------------------------------------------------------


def positive(text: str) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def seed(text: str) -> int:
    if not text.isdecimal() or len(text) > 18 or int(text) > LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {LARGEST_SEED}")
    return int(text)


def positive_number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")
    return value


def folds(text: str) -> int | str:
    if text == "given" or (text.isdecimal() and len(text) <= 18 and int(text) >= 2):
        return text if text == "given" else int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of folds, 2 or more, or given")


def log_place(text: str) -> LogPlace:
    try:
        return LogPlace.parse(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above zero")
    return value


def workers(text: str) -> int:
    if text == "-1":
        return -1
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes; give 1, 2, ... or -1 for all cores")
    return int(text)


def fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1, such as 0.9")
    return value


def split_ratio(text: str) -> tuple[float, ...]:
    """`6:2:2` as three numbers."""
    try:
        parts = tuple(float(part) for part in text.split(":"))
    except ValueError:
        parts = ()
    if len(parts) != 3 or not all(0 <= part < float("inf") for part in parts) or parts[0] == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not train:validation:test, such as 6:2:2")
    return parts


# --- options -------------------------------------------------------------------------------------


def add_common(parser: argparse.ArgumentParser, *, output: bool = True) -> None:
    """Options of nearly every command; `output` adds the formats of what is printed."""
    if output:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print JSON")
        form.add_argument("--csv", action="store_true", help="print CSV")
    add_strict(parser)
    parser.add_argument(
        "--jobs",
        type=workers,
        default=1,
        metavar="N",
        help="processes for reading and featurizing, -1 = all cores; default 1",
    )


def add_strict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="stop at the first material that cannot be used")


def add_seed(parser: argparse.ArgumentParser, purpose: str) -> None:
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help=f"random seed of {purpose}, default 0")


def add_executor(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument(
        "--executor",
        default="",
        metavar="WHERE",
        help="local, ray, or ray:HOST:PORT for an existing Ray cluster; default: MATREPRO_EXECUTOR or local",
    )
    add_old_name(parser, "--engine", option)


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", required=True, metavar="MODEL", help="folder of a trained model, or a preset, see matrepro models"
    )


def add_output(
    parser: argparse.ArgumentParser, endings: Sequence[str], help: str, *flags: str, required: bool = False
) -> None:
    """`--output FILE`; other endings than these are refused before anything is computed."""
    parser.add_argument("--output", *flags, required=required, metavar="FILE", help=help)
    parser.set_defaults(output_endings=tuple(endings))


def add_target(parser: argparse.ArgumentParser, *, help: str) -> None:
    parser.add_argument("--target", default="", metavar="NAME", help=help)
    parser.add_argument(
        "--unit", default="", metavar="UNIT", help='unit of the target, if its column does not name it as in "gap (eV)"'
    )


def add_split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--split", metavar="FILE", help="JSON file with the ids of train, validation and test")
    option = parser.add_argument(
        "--split-ratio",
        type=split_ratio,
        default=(6, 2, 2),
        metavar="A:B:C",
        help="train:validation:test of a random split, default 6:2:2",
    )
    add_old_name(parser, "--shares", option)
    parser.add_argument(
        "--group-by-formula", action="store_true", help="put all polymorphs of a formula into the same set"
    )
    add_seed(parser, "the split and the training")


# --- old names -----------------------------------------------------------------------------------


class _OldName(argparse.Action):
    """Stores what the option under its present name would, and says that it has a new one."""

    def __init__(self, *names, new: str = "", **options):
        super().__init__(*names, **options)
        self.new = new

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        note(f"{parser.prog}: {option_string} is deprecated; use {self.new}")
        setattr(namespace, self.dest, self.const if self.nargs == 0 else values)


def add_old_name(parser: argparse.ArgumentParser, old: str, option: argparse.Action) -> None:
    """Accept the former name of an option, hidden from `--help`."""
    parser.add_argument(
        old,
        action=_OldName,
        new=option.option_strings[0],
        dest=option.dest,
        nargs=option.nargs,
        const=option.const,
        type=option.type,
        choices=option.choices,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )
