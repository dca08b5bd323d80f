"""The report as plain text, for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from common.io.text import aligned
from experiments.report.costs import hardware, versions
from experiments.report.document import PaperReport, ResultTable, Section
from experiments.report.summary import MEANING, overview

WIDTH = 120


def render(papers: list[PaperReport]) -> str:
    return "\n".join(_lines(papers))


def _lines(papers: list[PaperReport]) -> Iterator[str]:
    yield from (*_heading("matrepro: the papers' numbers and ours", "="), _table(overview(papers)), *_wrapped(MEANING))
    for paper in papers:
        yield from ("", *_heading(f"{paper.name}: {paper.title}" if paper.title else paper.name, "="))
        yield from [f"doi:{paper.doi}"] if paper.doi else []
        yield from ("", _table(paper.claims)) if paper.claims.rows else ()
        for section in paper.sections:
            yield from _section(section)
        yield from ("", _table(paper.coverage)) if paper.coverage.rows else ()
        if paper.only_mini:
            yield f"\nDeclared at scale mini alone, so with nothing to compare: {', '.join(paper.only_mini)}."
        runs = hardware(paper)
        yield from ("", _table(runs)) if runs.rows else ()
    yield from ("", _table(versions(papers)))


def _section(section: Section) -> Iterator[str]:
    yield from ("", *_heading(f"{section.title} ({section.paper}, scale {section.scale})", "-"))
    yield from (*_wrapped(section.note), "") if section.note else ()
    yield from map(_table, section.all_tables)
    if section.unfinished:
        yield f"To run or continue what is open: {section.command}\n"


def _table(table: ResultTable) -> str:
    notes = "".join(f"{line}\n" for note in table.notes for line in _wrapped(note, "* "))
    rows = aligned(*_flush_left(table)) if table.rows else ""
    return "\n".join(part for part in (f"{table.title}\n", rows, notes) if part)


def _flush_left(table: ResultTable) -> tuple[list[str], list[list[str]]]:
    """Head and rows with columns of words padded, so that they are not set flush right as numbers are."""
    lines = [table.head, *table.rows]
    widths = {k: max(len(line[k]) for line in lines) for k in table.words}
    head, *rows = ([cell.ljust(widths.get(k, 0)) for k, cell in enumerate(line)] for line in lines)
    return head, rows


def _heading(text: str, line: str) -> list[str]:
    return [*textwrap.wrap(text, WIDTH), line * min(len(text), WIDTH), ""]


def _wrapped(text: str, start: str = "") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))
