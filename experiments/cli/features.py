"""`matrepro features`: pack runs for another machine, train them there, import the results."""

from __future__ import annotations

import json
import os
from argparse import Namespace

from common.errors import UserError
from common.features.pack import Pack
from common.io.messages import note
from common.train.strategy.select import wanted
from experiments.declare import plan
from experiments.run import packing


def pack(arguments: Namespace) -> None:
    tables = [arguments.table] if arguments.table else plan.tables(arguments.paper, arguments.scale)
    budget = {"seeds": arguments.seeds, "epochs": arguments.epochs}
    every = (run for table in tables for run in plan.runs(arguments.paper, table, arguments.scale, **budget))
    runs = [run for run in {run.key: run for run in every}.values() if arguments.only in run.key]
    if not runs:
        raise UserError(f"no run of these tables has a name that contains {arguments.only!r}")
    facts = packing.pack(runs, arguments.output, jobs=arguments.jobs)
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    rows = ", ".join(f"{name} {n:,} materials" for name, n in facts["sources"].items())
    print(f"{arguments.output}: {facts['megabytes']:g} MB, runs: {facts['runs']}; {rows}")
    for reason in dict.fromkeys(facts["left_out"].values()):
        names = [name for name, why in facts["left_out"].items() if why == reason]
        note(f"left out {len(names)} runs: {reason}; the first: {names[0]}")


def train(arguments: Namespace) -> None:
    if arguments.devices:
        os.environ["MATREPRO_DEVICES"] = str(wanted(arguments.devices))
    done = packing.train(Pack(arguments.file), arguments.output, only=arguments.only, threads=arguments.threads)
    if arguments.json:
        print(json.dumps(done, indent=1))
    else:
        before = len(done["finished before"])
        print(f"{arguments.output}: trained {len(done['trained'])} runs, finished before {before}")
    if done["failed"]:
        name, reason = next(iter(done["failed"].items()))
        raise UserError(f"{len(done['failed'])} runs failed; the first: {name}: {reason}")


def unpack(arguments: Namespace) -> None:
    found = packing.unpack(arguments.folder)
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        before = len(found["stored before"])
        print(f"took {len(found['taken'])} results of {arguments.folder}, stored before {before}")
    for name, reason in found["refused"].items():
        note(f"left out {name}: {reason}")
    if found["refused"] and not (found["taken"] or found["stored before"]):
        raise UserError(f"none of the results in {arguments.folder} can be taken")


def info(arguments: Namespace) -> None:
    file = Pack(arguments.file)
    facts = {
        "runs": [run.key for run in packing.runs_of(file)],
        "sources": {name: len(file.source(name)) for name in file.sources},
    }
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    print("\n".join([*(f"{name}: {n:,} materials" for name, n in facts["sources"].items()), *facts["runs"]]))
