"""What all commands share: help with examples, options, one line for every error, tables from the DATA argument.

Only argparse and its like are imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import warnings
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from common import __version__
from common.errors import UserError
from common.printing import note

TABLE_HELP = "a folder with id_prop.csv, a CSV with a formula or cif column, an .h5 table, or a source such as mini"
FILES_HELP = (
    "structure files (CIF, POSCAR, ...) and folders of them, or one table: a CSV, an .h5 file, a source such as mini"
)


@dataclass(frozen=True)
class Paper:
    """What the shared commands must know of a paper.

    networks: name on the command line -> "module:Class" of a `Regressor`, imported when used; the first is the default.
    formulas: whether chemical formulas may stand in place of files. tables, folder: what DATA may be, and a folder of
    one's own as an example, with what is in it. settings: names of options of `train` that are choices of the network.
    """

    name: str
    description: str
    networks: dict[str, str]
    variants: Sequence[str] = field(default=("released", "paper", "corrected"))
    formulas: bool = False
    tables: str = TABLE_HELP
    folder: tuple[str, str] = ("my_crystals/", "CIFs and id_prop.csv")
    settings: Sequence[str] = ()

    @property
    def default(self) -> str:
        return next(iter(self.networks))

    def regressor(self, name: str):
        from importlib import import_module

        if name not in self.networks:
            raise UserError(
                f"a {name} model is none of {self.name}'s ({', '.join(self.networks)}); use its own command"
            )
        module, _, member = self.networks[name].partition(":")
        return getattr(import_module(module), member)

    def read(self, data: str | Sequence[str], **options):
        """The table behind DATA for `train` and `evaluate`, and for `predict` with `formulas`."""
        return load_data(data, **options)

    def load(self, folder: str):
        """A saved model of any of the paper's networks, or an ensemble of them."""
        from common.ensemble import Ensemble, member_folders
        from common.regressor import read_card

        if member_folders(folder):
            return Ensemble.load(folder, self.load)
        return self.regressor(read_card(folder).get("model", "?")).load(folder)


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


def load_data(
    data: str | Sequence[str],
    *,
    target: str = "",
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    formulas: bool = False,
):
    """The table behind DATA (a source by name, or files) and id -> reason for what is not in it.

    With `formulas`, what is no file but could be a chemical formula is taken as one.
    """
    from common.sources import SOURCES, load_source
    from common.sources.files import Loaded, load, with_unit

    data = [data] if isinstance(data, str) else list(data)
    sources = [name for name in data if name in SOURCES]
    if sources and len(data) > 1:
        raise UserError(f"{sources[0]} is a whole table; give it alone")
    if sources:
        table = load_source(data[0])
        return Loaded(with_unit(table, target, unit) if target else table, {})
    texts = [name for name in data if _like_formula(name)] if formulas else []
    if texts:
        files = [name for name in data if name not in texts]
        return load(files, target=target, unit=unit, strict=strict, jobs=jobs, formulas=texts)
    if len(data) == 1 and not os.path.exists(data[0]) and not os.path.splitext(data[0])[1]:
        raise UserError(f"there is no file, folder or source called {data[0]!r}; sources: {', '.join(SOURCES)}")
    return load(data, target=target, unit=unit, strict=strict, jobs=jobs)


def _like_formula(text: str) -> bool:
    """No file, no folder, no file name, and beginning as formulas do."""
    ending = os.path.splitext(text)[1]
    return text[:1] in "([{ABCDEFGHIJKLMNOPQRSTUVWXYZ" and not (
        "/" in text or os.path.exists(text) or (ending[1:2].islower())
    )


def make_split(arguments, table, left_out: Container[str] = ()):
    """The split of `--split`, less what was left out of the table, or a random one by shares and seed."""
    from common import splits

    if arguments.split:
        parts = splits.Split.load(arguments.split).parts()
        unknown = [n for part in parts.values() for n in part if n not in table and n not in left_out]
        if unknown:
            raise UserError(f"{arguments.split} names {unknown[0]}, which the data does not have; mend the split")
        split = splits.Split(**{name: tuple(n for n in part if n in table) for name, part in parts.items()})
    else:
        maker = splits.by_formula if arguments.group_by_formula else splits.by_fractions
        split = maker(table, arguments.shares, arguments.seed)
    split.check()
    return split
