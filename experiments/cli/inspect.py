"""`matrepro split` and `matrepro devices`."""

from __future__ import annotations

import json
from argparse import Namespace

from common.cli.datasets import split_data
from common.data.loading import load_data
from common.data.splits import audit
from common.train.devices import describe


def split(arguments: Namespace) -> None:
    table = load_data(arguments.data, target=arguments.target, unit=arguments.unit).table
    if arguments.target:
        table = table.known(arguments.target)
    made = split_data(arguments, table)
    if arguments.output:
        made.save(arguments.output)
    facts = audit(made, table)
    print(json.dumps(facts, indent=1) if arguments.json else "\n".join(f"{k:48} {v:.6g}" for k, v in facts.items()))


def devices(arguments: Namespace) -> None:
    facts = describe()
    print(json.dumps(facts, indent=1) if arguments.json else "\n".join(f"{k:12} {v}" for k, v in facts.items()))
