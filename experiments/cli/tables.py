"""`matrepro reproduce`, `tables`, `report`, `figures`, `check` and `bands`."""

from __future__ import annotations

import csv
import json
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common.cli.checks import check_writable
from common.compute import executor
from common.errors import UserError
from common.io.messages import note
from common.io.text import as_json
from common.sources.datadir import data_root
from experiments.analyses import derived
from experiments.declare import plan
from experiments.report import check as checks
from experiments.report import page, summary, text
from experiments.report.bands import path_of, renew
from experiments.report.plots import figures as drawing
from experiments.report.sections import gather
from experiments.report.tables import render, write_all
from experiments.run import runner, store


def reproduce(arguments: Namespace) -> None:
    executor.use(arguments.executor)
    pairs = _chosen(arguments)
    names = next(csv.reader([arguments.only or ""], skipinitialspace=True), [])
    only = [name.strip() for name in names if name.strip()]
    # A derived table names runs of another one, which may be asked for too.
    named = (one for pair in pairs for one in plan.runs(*pair, arguments.scale, only=only, **_budget(arguments)))
    runs = list({one.key: one for one in named}.values())
    todo = [one for one in runs if not store.finished(one)]
    note(f"{len(runs)} runs, {len(runs) - len(todo)} finished before, {len(todo)} to run")
    if todo:
        check_writable(store.folder_of(todo[0]))
    wrong = runner.run_all(todo, jobs=arguments.jobs)
    for pair in pairs:
        derived.prepare(*pair, arguments.scale)
        print(render(*pair, arguments.scale, **_budget(arguments)))
    if not arguments.table:
        _name_other_tables(dict.fromkeys(paper for paper, _ in pairs), arguments.scale)
    if arguments.scale == "mini":
        print("Committed results at scale real, beside the paper's numbers:\n")
        for pair in pairs:
            if pair[1] in plan.tables(pair[0], "real"):
                print(render(*pair, "real"))
    if wrong:
        raise UserError(f"{len(wrong)} of {len(todo)} runs failed; the first: {wrong[0]}")


def tables(arguments: Namespace) -> None:
    if arguments.paper is None:
        papers = gather()
        for path in write_all(papers):
            note(f"wrote {path}")
        print(text.render(papers), end="")
        return
    for pair in _chosen(arguments):
        print(render(*pair, arguments.scale, arguments.style, **_budget(arguments)))


def report(arguments: Namespace) -> None:
    papers = gather()
    page.write(papers, arguments.output)
    note(f"wrote {arguments.output}")
    facts = summary.as_dict(papers)
    print(as_json(facts) if arguments.json else summary.sentence(papers), end="")


def figures(arguments: Namespace) -> None:
    folder = Path(arguments.output)
    drawn = [path for pair in _chosen(arguments) for path in drawing.draw(*pair, arguments.scale, folder)]
    if not drawn:
        raise UserError(f"no results of that are stored at scale {arguments.scale}; run matrepro reproduce first")
    print("\n".join(str(path) for path in drawn))


def check(arguments: Namespace) -> None:
    stored, count = checks.check_stored()
    wrong, checked = [*stored, *checks.check_tables()], {"stored results": count}
    if (data_root() / "mp").is_dir():
        wrong += checks.check_data()
        checked["splits and data compared"] = "yes"
    if not arguments.stored_only:
        trained, checked["runs retrained"] = checks.check_training(arguments.jobs)
        wrong += trained
    if arguments.json:
        print(json.dumps({"looked_at": checked, "wrong": wrong}, indent=1))
    else:
        print("; ".join(f"{name}: {value}" for name, value in checked.items()))
        print("\n".join(wrong) or "all within their bands")
    if wrong:
        raise UserError(f"{len(wrong)} checks failed")


def bands(arguments: Namespace) -> None:
    for paper in plan.papers():
        changed = renew(paper)
        if changed:
            note(f"wrote {path_of(paper)}: {'; '.join(changed)}")


def _chosen(arguments: Namespace) -> list[tuple[str, str]]:
    """The (paper, table) pairs that a command names, at a scale at which they are declared."""
    papers = plan.papers() if arguments.paper == "all" else [arguments.paper]
    pairs = []
    for paper in papers:
        named = [arguments.table] if arguments.table else plan.tables(paper, arguments.scale)
        if arguments.paper == "all":
            named = [table for table in named if table in plan.tables(paper)]
        pairs += [(paper, table) for table in named]
    if not pairs:
        raise UserError(f"no paper has a table {arguments.table!r} yet; matrepro tables all lists those that exist")
    return pairs


def _budget(arguments: Namespace) -> dict[str, Any]:
    return {"seeds": arguments.seeds, "epochs": arguments.epochs}


def _name_other_tables(papers: Iterable[str], scale: str) -> None:
    """Name the tables that this scale does not have, so that those printed are not taken for all."""
    for paper in papers:
        other = [f"{table} ({', '.join(scales)})" for table, scales in plan.elsewhere(paper, scale).items()]
        if other:
            print(f"Tables of {paper} that are declared at other scales only: {', '.join(other)}.\n")
