"""The parser of every command: help with examples, one line for every error, handlers imported when they run.

Only argparse and its like are imported here, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pkgutil import resolve_name
from types import FrameType
from typing import Any

from common import __version__
from common.cli.checks import check_paths
from common.errors import UserError
from common.io.messages import note
from common.train.devices import check_backend, start_fast


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=28, width=110)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        """One line, like every other error."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}; see {self.prog} --help\n")


def make_parser(name: str, description: str, example: str, spec: Any = None) -> argparse.ArgumentParser:
    """The parser of a command; its handlers find the `PackageSpec` as `arguments.spec`."""
    parser = _Parser(
        prog=name, description=description, epilog=_epilog(example), formatter_class=_Formatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"matrepro {__version__}")
    parser.set_defaults(command=None, json=False, spec=spec)
    return parser


def add_command(
    commands: Any,
    name: str,
    handler: str | Callable[[argparse.Namespace], object] | None,
    summary: str,
    example: str,
    description: str = "",
) -> argparse.ArgumentParser:
    """A subcommand. `handler` is "module:function" and imported when the command runs, or the function itself."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=textwrap.fill(description or f"{summary[0].upper()}{summary[1:]}.", 100),
        epilog=_epilog(example),
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=handler, prog=parser.prog)
    return parser


def _epilog(example: str) -> str:
    return "example:\n" + "\n".join(f"  {line.strip()}" for line in example.strip().splitlines())


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse and run; bad input ends with one line and status 2, an interruption with 130."""
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        prog = getattr(arguments, "prog", parser.prog)
        hint = "" if unknown[0].startswith("-") else ", or its place is before the options"
        parser.exit(2, f"{prog}: {unknown[0]!r} is not an argument{hint}; see {prog} --help\n")
    if arguments.command is None:
        parser.print_help()
        return 2
    if hasattr(sys.stdout, "reconfigure"):  # names of files may hold bytes that are no text
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with _second_interruption_exits(parser.prog), warnings.catch_warnings():
            warnings.showwarning = _show_once()
            check_paths(arguments)
            check_backend()
            start_fast()
            handler = arguments.command
            (resolve_name(handler) if isinstance(handler, str) else handler)(arguments)
        sys.stdout.flush()
        return 0
    except UserError as error:
        note(f"{parser.prog}: {error}")
    except BrokenPipeError:
        # The reader, `head` perhaps, has closed the pipe. Nothing more is written, not even by Python's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        note(f"{parser.prog}: {error.filename or 'files'}: {error.strerror or error}")
    except KeyboardInterrupt:
        note(f"{parser.prog}: interrupted")
        return 130
    return 2


def _show_once() -> Callable[..., None]:
    """Features may be computed more than once, for several models of one command."""
    said: set[str] = set()

    def show(message: Warning | str, *_: Any) -> None:
        if str(message) not in said:
            said.add(str(message))
            note(f"warning: {message}")

    return show


@contextmanager
def _second_interruption_exits(name: str) -> Iterator[None]:
    """The first Ctrl-C raises KeyboardInterrupt, on which processes are stopped and files closed; the next one exits.

    After an interruption the second handler stays, so that a further Ctrl-C cannot end in a traceback at exit.
    """

    def exit_now(number: int, frame: FrameType | None) -> None:
        os.write(2, f"{name}: interrupted again; stopped at once\n".encode())
        os._exit(130)

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, exit_now)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or set by a caller
        yield
        return
    try:
        signal.signal(signal.SIGINT, interrupt)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
