"""`python -m benchmarks [topic ...]`: run benchmarks, print Markdown and store it in `results.md`.

Exit status 1 if a target is missed, 2 if something cannot be measured.
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
    prediction,
    ray_executor,
    report,
    streaming,
    time_to_accuracy,
    training,
)
from common.errors import UserError

TOPICS = {
    "featurization": features.featurization,
    "features-on-disk": features.on_disk,
    "jobs": features.jobs,
    "streaming": streaming.streaming,
    "training-time": training.epoch_time,
    "training-memory": training.memory,
    "training-optimizer": training.optimizer,
    "time-to-accuracy": time_to_accuracy.time_to_accuracy,
    "commands": commands.commands,
    "finder-graphs": finder.graphs,
    "finder-epochs": finder.epochs,
    "finder-predictions": finder.predictions,
    "diffcomp-patterns": diffcomp.patterns,
    "diffcomp-pictures": diffcomp.pictures,
    "diffcomp-epochs": diffcomp.epochs,
    "diffcomp-embedding": diffcomp.embedding,
    "peers-epochs": peers.epochs,
    "peers-roost": peers.roost,
    "prediction-crystals": prediction.from_cif,
    "esnet-preparation": esnet.preparation,
    "esnet-epochs": esnet.epochs,
    "esnet-memory": esnet.memory,
    "esnet-hull": esnet_hull.hull,
    "esnet-dft": esnet_dft.dft,
    "ray-executor": ray_executor.ray_executor,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in TOPICS]
    if unknown:
        print(f"unknown topic {unknown[0]!r}; choose from {', '.join(TOPICS)}", file=sys.stderr)
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
        report.store(name, text)
        if not all(line.met for line in lines):
            status = max(status, 1)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
