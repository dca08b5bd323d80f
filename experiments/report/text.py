"""The report as plain text, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from common.io.text import aligned
from experiments.report.facts import Paper, Section, Sheet
from experiments.report.runs import hardware, versions
from experiments.report.summary import MEANING, overview

WIDTH = 120


def render(papers: list[Paper]) -> str:
    return "\n".join(_lines(papers))


def _lines(papers: list[Paper]) -> Iterator[str]:
    yield from (*_heading("matrepro: the papers' numbers and ours", "="), _sheet(overview(papers)), *_wrapped(MEANING))
    for paper in papers:
        yield from ("", *_heading(f"{paper.name}: {paper.title}" if paper.title else paper.name, "="))
        yield from [f"doi:{paper.doi}"] if paper.doi else []
        for section in paper.sections:
            yield from _section(section)
        yield from ("", _sheet(paper.contents)) if paper.contents.rows else ()
        if paper.only_mini:
            yield f"\nDeclared at scale mini alone, so with nothing to compare: {', '.join(paper.only_mini)}."
        runs = hardware(paper)
        yield from ("", _sheet(runs)) if runs.rows else ()
    yield from ("", _sheet(versions(papers)))


def _section(section: Section) -> Iterator[str]:
    yield from ("", *_heading(f"{section.title} ({section.paper}, scale {section.scale})", "-"))
    yield from (*_wrapped(section.note), "") if section.note else ()
    for sheet in section.sheets:
        yield _sheet(sheet)
    if section.open:
        yield _sheet(section.open)
    if section.unfinished:
        yield f"To run or continue what is open: {section.command}\n"


def _sheet(sheet: Sheet) -> str:
    notes = "".join(f"{line}\n" for note in sheet.notes for line in _wrapped(note, "* "))
    table = aligned(*_flush_left(sheet)) if sheet.rows else ""
    return "\n".join(part for part in (f"{sheet.title}\n", table, notes) if part)


def _flush_left(sheet: Sheet) -> tuple[list[str], list[list[str]]]:
    """Head and rows in which columns of words are filled up, so that they are not set flush right as numbers are."""
    lines = [sheet.head, *sheet.rows]
    widths = {k: max(len(line[k]) for line in lines) for k in sheet.words}
    head, *rows = ([cell.ljust(widths.get(k, 0)) for k, cell in enumerate(line)] for line in lines)
    return head, rows


def _heading(text: str, line: str) -> list[str]:
    return [*textwrap.wrap(text, WIDTH), line * min(len(text), WIDTH), ""]


def _wrapped(text: str, start: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
