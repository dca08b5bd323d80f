"""`python -m tests.common.train.resuming NETWORK FOLDER RESULT [EPOCH]`: three epochs of a network on 24 materials.

In a process of its own, which is killed when it begins EPOCH; without one the predictions and the history are saved.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import numpy as np

MATERIALS, EPOCHS, BATCH = 24, 3, 4  # 14 training materials: the last batch of an epoch is smaller


def train(network: str, folder: Path, result: Path, killed_at: int = 0) -> None:
    import keras

    from common.data.splits import by_fractions
    from common.sources import load_source
    from experiments.declare.models import NETWORKS

    class Killed(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if killed_at and epoch == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)

    table = load_source("mini")
    table = table.take(np.linspace(0, len(table) - 1, MATERIALS).astype(int))
    split = by_fractions(table)
    changes = {"epochs": EPOCHS, "batch": BATCH, "checkpoint_seconds": 0}
    model = NETWORKS[network].load()(seed=3, deterministic=True, **changes)
    state = model.fit(table, "formation_energy", split, folder=folder, callbacks=[Killed()]).state
    history = [[value for name, value in row.items() if name != "seconds"] for row in state.history]
    np.savez(result, history=history, predictions=model.predict(table, bar=False).prediction)


if __name__ == "__main__":
    train(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]) if sys.argv[4:] else 0)
