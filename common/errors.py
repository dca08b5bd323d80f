"""The exception for bad input, as opposed to a defect of the program."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """An error that the user can fix. The message names the file or id and says what to do.

    Commands print it as one line and leave with exit status 2.
    """

    def __init__(self, message: object = ""):
        """Control characters and line breaks, which ids and file names may hold, are escaped or become spaces."""
        super().__init__("".join(map(_printable, str(message))))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else repr(character)[1:-1]


def unknown(kind: str, name: object, known: Iterable[str], where: str = "") -> str:
    """A message for a name that does not exist, with the nearest one that does.

    >>> unknown("key", "sedes", ["source", "seeds"])
    "unknown key 'sedes'; did you mean 'seeds'?"
    """
    known = list(known)
    near = difflib.get_close_matches(str(name), known, 1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of: {', '.join(known)}"
    return f"unknown {kind} {name!r}{where}; {hint}"
