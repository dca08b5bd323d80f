"""Messages on stderr: notes, and the list of materials that are left out."""

from __future__ import annotations

import sys

from common.errors import UserError

#: Of many bad materials so many are listed one by one.
LISTED = 20
#: Longer words, such as a cell of a damaged file, are cut; paths are shorter.
LONGEST = 300


def note(text: str) -> None:
    """One line on stderr, where it does not mix with results."""
    print(" ".join(map(_shortened, text.split())), file=sys.stderr, flush=True)


def _shortened(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[: LONGEST // 3]}... ({len(word):,} characters)"


def about(name: str, reason: str) -> str:
    """What is wrong with a material, with its name once: a table and a formula name themselves in the reason too."""
    return f"{name}: {reason.removeprefix(f'{name}: ')}"


def report_left_out(left_out: dict[str, str], n_good: int, *, strict: bool = False) -> None:
    """List what cannot be used; it is an error if that is everything, or with `strict`."""
    lines = [about(name, reason) for name, reason in left_out.items()]
    if strict and lines:
        raise UserError(lines[0])
    if len(lines) == 1 and not n_good:
        raise UserError(lines[0])
    for line in lines[:LISTED]:
        note(f"left out: {line}")
    if len(lines) > LISTED:
        note(f"left out: {len(lines) - LISTED} more; --json lists all")
    if not n_good:
        raise UserError(f"none of the {len(lines)} materials can be used" if lines else "there are no materials")
