"""The `matrepro` command: reproduce tables, print them, check them; look at data, splits and devices."""

from __future__ import annotations

import json

from common.cli import parser as cli
from common.cli.package_spec import FILES_HELP
from common.data.loading import load_data, make_split
from common.errors import UserError
from common.io.messages import note
from experiments.cli.data import add_data
from experiments.cli.features import add_features
from experiments.cli.tune import add_tune

EXAMPLE = """matrepro reproduce profitnet figure3 --scale mini
matrepro tables profitnet figure3 --scale real"""


def build_parser():
    parser = cli.make_parser("matrepro", "Reproduce the tables of four papers on materials properties.", EXAMPLE)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    one = cli.add_command(
        commands,
        "reproduce",
        reproduce,
        "run the cells of a paper's tables, then print the tables",
        "matrepro reproduce profitnet figure3 --scale real --jobs 2",
        "Run the cells of a paper's tables, then print the tables. Finished cells are skipped, interrupted ones go on.",
    )
    _add_place(one)
    one.add_argument("--jobs", type=cli.positive, default=1, metavar="N", help="cells at a time, default 1")
    cli.add_engine(one)

    add_tune(commands)

    one = cli.add_command(
        commands,
        "tables",
        tables,
        "print a table from stored predictions, or all of them, and write the table files again",
        "matrepro tables\nmatrepro tables profitnet figure3 --scale real --style latex",
        "With a paper: print its tables. Without: write docs/results and the README's summary again, and print the "
        "report as text.",
    )
    _add_place(one, optional=True)
    one.add_argument("--style", choices=("markdown", "csv", "latex"), default="markdown")

    one = cli.add_command(
        commands,
        "report",
        report,
        "write one HTML page with all tables, parity plots and learning curves",
        "matrepro report\nmatrepro report --output results.html",
        "Write one HTML page, which needs no network, from the stored results: a summary, then per paper the tables "
        "beside the reported values, parity plots, learning curves, time and hardware.",
    )
    one.add_argument("--output", metavar="FILE", default="report.html", help="default report.html")
    one.add_argument("--json", action="store_true", help="print the summary and a line a result as JSON too")

    one = cli.add_command(
        commands,
        "figures",
        figures,
        "draw a table's results: parity plots and bars",
        "matrepro figures profitnet figure3 --scale real --output pictures",
    )
    _add_place(one)
    one.add_argument("--output", required=True, metavar="DIR", help="folder for the pictures")

    one = cli.add_command(
        commands,
        "check",
        check,
        "recompute the committed results and retrain one small cell a model",
        "matrepro check --stored-only",
        "Recompute every committed result from its predictions and hold it to its band; compare the table files; "
        "retrain one small cell a model on the embedded set.",
    )
    one.add_argument("--stored-only", action="store_true", help="do not train")
    one.add_argument("--jobs", type=cli.positive, default=1, metavar="N", help="cells at a time, default 1")
    one.add_argument("--json", action="store_true", help="print JSON")

    cli.add_command(
        commands,
        "bands",
        bands,
        "state bands for stored results that have none yet",
        "matrepro bands",
        "State between which errors matrepro check must find each stored result, where that is not stated for all of "
        "its splits.",
    )

    add_data(commands)

    one = cli.add_command(
        commands,
        "split",
        split,
        "write a split as lists of ids, and audit it",
        "matrepro split mini --target formation_energy --shares 8:1:1 --output split.json",
    )
    one.add_argument("data", nargs="+", metavar="DATA", help=FILES_HELP)
    one.add_argument("--output", metavar="FILE", help="JSON file to write")
    one.add_argument("--json", action="store_true", help="print JSON")
    cli.add_target(one, help="leave out materials without this target")
    cli.add_split(one)

    add_features(commands)

    one = cli.add_command(commands, "devices", devices, "say what computes here", "matrepro devices")
    one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_place(parser, *, optional: bool = False) -> None:
    papers = "profitnet, finder, diffcomp, esnet, grand, or all"
    parser.add_argument("paper", nargs="?" if optional else None, help=papers)
    parser.add_argument("table", nargs="?", help="one table, such as figure3; default: all of the paper")
    parser.add_argument(
        "--scale", choices=("mini", "real", "paper"), default="mini", help="default mini, embedded data"
    )
    parser.add_argument("--seeds", type=cli.positive, metavar="N", help="N seeds instead of the declared ones")
    parser.add_argument("--epochs", type=cli.positive, metavar="N", help="N epochs instead of the declared ones")


def _chosen(arguments) -> list[tuple[str, str]]:
    """The (paper, table) pairs that a command names, at a scale at which they are declared."""
    from experiments.declare import plan

    papers = plan.papers() if arguments.paper == "all" else [arguments.paper]
    pairs = []
    for paper in papers:
        named = [arguments.table] if arguments.table else plan.tables(paper, arguments.scale)
        if arguments.paper == "all":
            named = [table for table in named if table in plan.tables(paper)]
        pairs += [(paper, table) for table in named]
    if not pairs:
        raise UserError(f"no paper has a table {arguments.table!r} yet; run matrepro tables all to see what there is")
    return pairs


def _budget(arguments) -> dict:
    return {"seeds": arguments.seeds, "epochs": arguments.epochs}


def reproduce(arguments) -> None:
    from common.compute import executor as engines
    from experiments.analyses import derived
    from experiments.declare import plan
    from experiments.report.tables import render
    from experiments.run import runner, store

    engines.use(arguments.engine)
    pairs = _chosen(arguments)
    # A derived table names cells of another one, which may be asked for too.
    named = (c for pair in pairs for c in plan.runs(*pair, arguments.scale, **_budget(arguments)))
    cells = list({cell.key: cell for cell in named}.values())
    todo = [cell for cell in cells if not store.finished(cell)]
    note(f"{len(cells)} cells, {len(cells) - len(todo)} finished before, {len(todo)} to run")
    wrong = runner.run_all(todo, jobs=arguments.jobs)
    for pair in pairs:
        derived.prepare(*pair, arguments.scale)
        print(render(*pair, arguments.scale, **_budget(arguments)))
    if not arguments.table:
        _say_what_is_elsewhere(dict.fromkeys(paper for paper, _ in pairs), arguments.scale)
    if arguments.scale == "mini":
        print("Committed results at scale real, beside the paper's numbers:\n")
        for pair in pairs:
            if pair[1] in plan.tables(pair[0], "real"):
                print(render(*pair, "real"))
    if wrong:
        raise UserError(f"{len(wrong)} of {len(todo)} cells failed; the first: {wrong[0]}")


def _say_what_is_elsewhere(papers, scale: str) -> None:
    """A table that a scale has not is named, so that nobody takes those above for all there are."""
    from experiments.declare import plan

    for paper in papers:
        away = [f"{table} ({', '.join(scales)})" for table, scales in plan.elsewhere(paper, scale).items()]
        if away:
            print(f"Tables of {paper} that are declared at other scales alone: {', '.join(away)}.\n")


def tables(arguments) -> None:
    from experiments.report import text
    from experiments.report.sections import gather
    from experiments.report.tables import render, write_all

    if arguments.paper is None:
        papers = gather()
        for path in write_all(papers):
            note(f"wrote {path}")
        print(text.render(papers), end="")
        return
    for pair in _chosen(arguments):
        print(render(*pair, arguments.scale, arguments.style, **_budget(arguments)))


def report(arguments) -> None:
    from common.io.text import as_json
    from experiments.report import page, summary
    from experiments.report.sections import gather

    papers = gather()
    page.write(papers, arguments.output)
    note(f"wrote {arguments.output}")
    found = summary.as_dict(papers)
    print(as_json(found) if arguments.json else summary.sentence(papers), end="")


def figures(arguments) -> None:
    from pathlib import Path

    from experiments.report.figures import draw

    drawn = [path for pair in _chosen(arguments) for path in draw(*pair, arguments.scale, Path(arguments.output))]
    if not drawn:
        raise UserError(f"nothing is stored of that at scale {arguments.scale}; run matrepro reproduce first")
    print("\n".join(str(path) for path in drawn))


def check(arguments) -> None:
    from common.sources.datadir import data_root
    from experiments.report import check as checks

    stored, count = checks.check_stored()
    wrong, looked = [*stored, *checks.check_tables()], {"stored results": count}
    if (data_root() / "mp").is_dir():
        wrong += checks.check_data()
        looked["splits and data compared"] = "yes"
    if not arguments.stored_only:
        trained, looked["cells retrained"] = checks.check_training(arguments.jobs)
        wrong += trained
    if arguments.json:
        print(json.dumps({"looked_at": looked, "wrong": wrong}, indent=1))
    else:
        print("; ".join(f"{name}: {value}" for name, value in looked.items()))
        print("\n".join(wrong) or "all within their bands")
    if wrong:
        raise UserError(f"{len(wrong)} checks failed")


def bands(arguments) -> None:
    from experiments.declare import plan
    from experiments.report.bands import path_of, renew

    for paper in plan.papers():
        changed = renew(paper)
        if changed:
            note(f"wrote {path_of(paper)}: {'; '.join(changed)}")


def split(arguments) -> None:
    from common.data.splits import audit

    table = load_data(arguments.data, target=arguments.target, unit=arguments.unit).table
    if arguments.target:
        table = table.known(arguments.target)
    made = make_split(
        table,
        split_file=arguments.split,
        ratio=arguments.shares,
        grouped=arguments.group_by_formula,
        seed=arguments.seed,
    )
    if arguments.output:
        made.save(arguments.output)
    facts = audit(made, table)
    print(json.dumps(facts, indent=1) if arguments.json else "\n".join(f"{k:48} {v:.6g}" for k, v in facts.items()))


def devices(arguments) -> None:
    from common.train.devices import describe

    facts = describe()
    print(json.dumps(facts, indent=1) if arguments.json else "\n".join(f"{k:12} {v}" for k, v in facts.items()))


def main(argv: list[str] | None = None) -> int:
    return cli.run(build_parser(), argv)


if __name__ == "__main__":
    raise SystemExit(main())
