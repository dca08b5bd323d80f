"""`matrepro features`: pack cells for another machine, train them there, bring the results home."""

from __future__ import annotations

import json
import os

from common.cli import parser as cli
from common.errors import UserError
from common.io.messages import note


def add_features(commands) -> None:
    parser = commands.add_parser(
        "features",
        help="pack features for a machine that trains, train from them, bring results home",
        description="Train where nothing but keras, numpy, h5py and a backend is installed.",
    )
    parser.set_defaults(command=None)
    inner = parser.add_subparsers(title="commands", metavar="COMMAND")

    one = cli.add_command(
        inner,
        "pack",
        pack,
        "write features, targets and splits of a table's networks to one file",
        """matrepro features pack finder matbench-formula --scale real --output matbench.h5
        matrepro features pack profitnet figure3 --scale real --only eps --output eps.h5""",
    )
    one.add_argument("paper", help="profitnet, finder, diffcomp or esnet")
    one.add_argument("table", nargs="?", help="one table, such as figure3; default: all of the paper")
    one.add_argument("--scale", choices=("mini", "real", "paper"), default="mini", help="default %(default)s")
    one.add_argument("--epochs", type=cli.positive, metavar="N", help="N epochs instead of the declared ones")
    one.add_argument("--seeds", type=cli.positive, metavar="N", help="N seeds instead of the declared ones")
    one.add_argument("--output", required=True, metavar="FILE", help="file to write, .h5")
    one.add_argument("--jobs", type=cli.workers, default=1, metavar="N", help="processes for features, -1 = all")
    _add_choice(one)

    one = cli.add_command(
        inner,
        "train",
        train,
        "train the cells of such a file",
        """KERAS_BACKEND=jax matrepro features train matbench.h5 --output results/
        python -m experiments.cli.main features train matbench.h5 --output results/   # where only the source lies""",
        "Train the cells of a file of features. Finished ones are skipped, interrupted ones go on. DIR gets a folder a "
        "cell, as in experiments/results/: predictions, history, settings, versions, device, wall time.",
    )
    one.add_argument("file", metavar="FILE")
    one.add_argument("--output", required=True, metavar="DIR", help="folder to write")
    one.add_argument("--threads", type=int, default=0, metavar="N", help="processor threads, default: all")
    one.add_argument("--devices", default="", metavar="N", help="accelerators that train together, or all; default 1")
    _add_choice(one)

    one = cli.add_command(
        inner,
        "unpack",
        unpack,
        "take results into the suite, where their settings are those declared",
        "matrepro features unpack results/",
    )
    one.add_argument("folder", metavar="DIR", help="what train wrote with --output")
    one.add_argument("--json", action="store_true", help="print JSON")

    one = cli.add_command(inner, "info", info, "say what such a file holds", "matrepro features info matbench.h5")
    one.add_argument("file", metavar="FILE")
    one.add_argument("--json", action="store_true", help="print JSON")


def _add_choice(parser) -> None:
    parser.add_argument("--only", default="", metavar="TEXT", help="cells whose name contains TEXT")
    parser.add_argument("--json", action="store_true", help="print JSON")


def pack(arguments) -> None:
    from experiments.declare import plan
    from experiments.run import packing

    tables = [arguments.table] if arguments.table else plan.tables(arguments.paper, arguments.scale)
    budget = {"seeds": arguments.seeds, "epochs": arguments.epochs}
    every = (cell for table in tables for cell in plan.runs(arguments.paper, table, arguments.scale, **budget))
    cells = [cell for cell in {cell.key: cell for cell in every}.values() if arguments.only in cell.key]
    if not cells:
        raise UserError(f"no cell of these tables has a name that contains {arguments.only!r}")
    facts = packing.pack(cells, arguments.output, jobs=arguments.jobs)
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    rows = ", ".join(f"{name} {n:,} materials" for name, n in facts["sources"].items())
    print(f"{arguments.output}: {facts['megabytes']:g} MB, {facts['cells']} cells; {rows}")
    for reason in dict.fromkeys(facts["left_out"].values()):
        names = [name for name, why in facts["left_out"].items() if why == reason]
        note(f"left out {len(names)} cells: {reason}; the first: {names[0]}")


def train(arguments) -> None:
    from common.features.pack import Pack
    from common.train.strategy.select import wanted
    from experiments.run.packing import train

    if arguments.devices:
        os.environ["MATREPRO_DEVICES"] = str(wanted(arguments.devices))
    done = train(Pack(arguments.file), arguments.output, only=arguments.only, threads=arguments.threads)
    if arguments.json:
        print(json.dumps(done, indent=1))
    else:
        before = len(done["finished before"])
        print(f"{arguments.output}: trained {len(done['trained'])} cells, finished before {before}")
    if done["failed"]:
        name, reason = next(iter(done["failed"].items()))
        raise UserError(f"{len(done['failed'])} cells failed; the first: {name}: {reason}")


def unpack(arguments) -> None:
    from experiments.run.packing import unpack

    found = unpack(arguments.folder)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        before = len(found["stored before"])
        print(f"took {len(found['taken'])} results of {arguments.folder}, stored before {before}")
    for name, reason in found["refused"].items():
        note(f"left out {name}: {reason}")
    if found["refused"] and not (found["taken"] or found["stored before"]):
        raise UserError(f"none of the results in {arguments.folder} can be taken")


def info(arguments) -> None:
    from common.features.pack import Pack
    from experiments.run.packing import cells_of

    file = Pack(arguments.file)
    facts = {
        "cells": [cell.key for cell in cells_of(file)],
        "sources": {name: len(file.source(name)) for name in file.sources},
    }
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    print("\n".join([*(f"{name}: {n:,} materials" for name, n in facts["sources"].items()), *facts["cells"]]))
