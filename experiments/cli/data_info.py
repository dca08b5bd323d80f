"""What `matrepro data info` says: where data come from, the steps to a paper's number of rows, what a table holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.data.loading import load_data
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.sources.registry import row_counts, sources
from common.sources.remote import download_record, materials_project, registry
from common.sources.remote.recipes import recipe, recipes

#: A source that downloads its pages itself.
PAGES = "jarvis-dielectric"


def facts_of(names: Sequence[str]) -> dict:
    """Under "published" entries of the registry, "query" a recipe, "rows" steps, "table" what can be loaded."""
    entries = registry.load().entries
    name = names[0] if len(names) == 1 else ""
    facts: dict = {}
    published = [entry for entry in entries.values() if name and name in (entry.name, *entry.sources)]
    if published:
        facts["published"] = [_published(entry) for entry in published]
    if name in recipes():
        facts["query"] = _query(name)
    if name in row_counts():
        facts["rows"] = _rows(name)
    try:
        # Entries, queries and sets of the papers have names that need not be those of tables. Nothing is fetched here.
        facts["table"] = _table(names) if (name in sources() and name != PAGES) or not facts else None
    except UserError as error:
        if not facts:
            raise
        facts["table"] = None
        note(str(error))
    return facts


def flat(facts: dict) -> dict:
    """A table's facts stand at the top, as they did before there were others."""
    table = facts.pop("table") or {}
    return {**table, **facts}


def _table(names: Sequence[str]) -> dict:
    table, left_out = load_data(list(names))
    report_left_out(left_out, len(table))
    return {
        "materials": len(table),
        "formulas": len(set(table.formulas.tolist())),
        "structures": table.has_structures,
        "targets": {
            name: {"unit": t.unit, "known": int(t.known.sum()), "median": float(np.nanmedian(t.values))}
            for name, t in table.targets.items()
            if np.isfinite(t.values).any()
        },
    }


def _published(entry) -> dict:
    files, licence = download_record.known_files(entry), download_record.licence(entry)
    recorded = download_record.record(entry)
    return {
        "name": entry.name,
        "title": entry.title,
        "doi": entry.doi,
        "licence": licence,
        "cite": entry.citation,
        "note": entry.note,
        "rows": entry.rows,
        "state": download_record.state_of(entry),
        "files": [
            {
                "name": file.name,
                "address": file.address,
                "checksum": file.checksum,
                "bytes": file.size or recorded.get(file.name, {}).get("bytes", 0),
                "fetched": recorded.get(file.name, {}).get("date", ""),
            }
            for file in files
        ],
    }


def _query(name: str) -> dict:
    one = recipe(name)
    return {
        "title": one.title,
        "asks": one.queries() or list(one.lists),
        "fields": list(one.fields),
        "paper": one.paper,
        "last": materials_project.report(name),
    }


def _rows(name: str) -> dict:
    known = row_counts()[name]
    facts = {"paper": known.paper, "set": known.dataset, "paper_rows": known.rows, "why": known.why}
    try:
        traced = known.follow()
    except UserError as error:
        return {**facts, "steps": [], "missing": str(error)}
    begin = {"step": traced.begin, "before": traced.rows, "after": traced.rows}
    steps = [{"step": step.name, "before": step.before, "after": step.after} for step in traced.steps]
    return {**facts, "steps": [begin, *steps], "here": traced.left}


def text(facts: dict) -> str:
    lines: list[str] = []
    for one in facts.get("published", ()):
        lines += [f"{one['name']}: {one['title']} ({one['state']})", f"  licence: {one['licence']}"]
        lines += [f"  cite: {one['cite']}"] + ([f"  doi: {one['doi']}"] if one["doi"] else [])
        lines += [f"  note: {one['note']}"] if one["note"] else []
        lines += [f"  rows: {', '.join(f'{what} {n:,}' for what, n in one['rows'].items())}"] if one["rows"] else []
        for file in one["files"]:
            size = f"{file['bytes']:,} bytes" if file["bytes"] else "size not published"
            check = file["checksum"] or "no checksum published"
            lines.append(f"  {file['name']}: {size}, {check}, {file['fetched'] or 'not fetched'}, {file['address']}")
        lines.append("")
    if "query" in facts:
        one, last = facts["query"], facts["query"]["last"]
        lines += [f"query: {one['title']}", f"  asks for: {one['asks']}"]
        if last:
            lines.append(f"  {last['found']:,} of {last['asked']:,}, database {last['database']}, {last['date']}")
            lines.append(f"  no longer in the database: {len(last['vanished']):,}; left out: {len(last['left_out']):,}")
        lines.append("")
    if "rows" in facts:
        lines += _steps(facts["rows"])
    table = facts["table"]
    if table:
        kind = "with structures" if table["structures"] else "formulas only"
        lines.append(f"{table['materials']:,} materials, {table['formulas']:,} formulas, {kind}")
        for name, t in table["targets"].items():
            lines.append(f"{name:32} {t['known']:>8,} known   median {t['median']:.4g} {t['unit']}")
    return "\n".join(lines).rstrip("\n") + "\n"


def _steps(rows: dict) -> list[str]:
    lines = [f"{rows['paper']}'s {rows['set']}: {rows['paper_rows']:,} rows in the paper"]
    if not rows["steps"]:
        return [*lines, f"  not counted: {rows['missing']}", ""]
    begin, *steps = rows["steps"]
    width = max(len(step["step"]) for step in rows["steps"])
    lines.append(f"  {begin['step']:{width}}  {begin['after']:>9,}")
    for step in steps:
        lines.append(f"  {step['step']:{width}}  {step['after']:>9,}   ({step['after'] - step['before']:+,})")
    share = rows["here"] / rows["paper_rows"]
    lines.append(f"  here {rows['here']:,}, {share:.1%} of the paper's" + (f"; {rows['why']}" if rows["why"] else ""))
    return [*lines, ""]
