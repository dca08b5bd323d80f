"""`python -m benchmarks [topic ...]`: measure, print Markdown, keep it in `results.md`.

Exit status 1 where a target is missed, 2 where something could not be measured.
"""

from __future__ import annotations

import os
import sys

from benchmarks import (
    commands,
    diffcomp,
    esnet,
    esnet_dft,
    esnet_hull,
    features,
    finder,
    peers,
    ray_engine,
    report,
    streaming,
    training,
)
from common.errors import UserError

TOPICS = {
    "featurisation": features.featurisation,
    "features-on-disk": features.on_disk,
    "jobs": features.jobs,
    "streaming": streaming.streaming,
    "training-time": training.epoch_time,
    "training-memory": training.memory,
    "commands": commands.commands,
    "finder-graphs": finder.graphs,
    "finder-epochs": finder.epochs,
    "finder-predictions": finder.predictions,
    "diffcomp-patterns": diffcomp.patterns,
    "diffcomp-pictures": diffcomp.pictures,
    "diffcomp-epochs": diffcomp.epochs,
    "diffcomp-embedding": diffcomp.composition.embedding,
    "peers-epochs": peers.epochs,
    "peers-roost": peers.roost,
    "esnet-preparation": esnet.preparation,
    "esnet-epochs": esnet.epochs,
    "esnet-memory": esnet.memory,
    "esnet-hull": esnet_hull.hull,
    "esnet-dft": esnet_dft.dft,
    "ray-engine": ray_engine.ray_engine,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in TOPICS]
    if unknown:
        print(f"no topic is called {unknown[0]!r}; there are: {', '.join(TOPICS)}", file=sys.stderr)
        return 2
    status = 0
    for name in names or TOPICS:
        load = os.getloadavg()[0]
        try:
            lines, notes = TOPICS[name]()
        except UserError as error:
            print(f"## {name}\n\nnot measured: {error}\n")
            status = max(status, 2)
            continue
        text = report.section(name, lines, notes, load)
        print(text, flush=True)
        report.keep(name, text)
        if not all(line.met for line in lines):
            status = max(status, 1)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
