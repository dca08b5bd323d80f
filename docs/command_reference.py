"""The directive `command`: the help of a command and of all its subcommands, read from its parser."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator
from pkgutil import resolve_name

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

#: Width of the page in characters.
WIDTH = 92


def help_of(parser: argparse.ArgumentParser) -> str:
    """The text of --help, in the width of the page."""
    parser.description = textwrap.fill(" ".join((parser.description or "").split()), WIDTH)
    parser.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=28, width=WIDTH)
    return parser.format_help()


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its subcommands, each once."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from commands(child)


class Command(SphinxDirective):
    """`{command} package.module:build_parser`."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[nodes.Node]:
        found = []
        for parser in commands(resolve_name(self.arguments[0])()):
            section = nodes.section(ids=[nodes.make_id(parser.prog)])
            section += nodes.title(text=parser.prog)
            text = help_of(parser)
            section += nodes.literal_block(text, text, language="text")
            found.append(section)
        return found


def setup(app):
    app.add_directive("command", Command)
    return {"parallel_read_safe": True}
