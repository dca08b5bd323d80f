"""Checkpoints of a training run, written atomically, and its history as CSV."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UserError
from common.io.compressed import DAMAGE
from common.io.files import replacing, write_text
from common.io.hdf5 import DAMAGE as ARRAYS


@dataclass
class State:
    """The state of a run but for the arrays of the model. `run` is a hash of its data and settings."""

    run: str = ""
    epoch: int = 0
    best: float = float("inf")
    best_epoch: int = -1
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)


def save_checkpoint(path: Path, variables: Sequence[Any], state: State, best_weights: list | None) -> None:
    arrays: dict[str, Any] = {f"v{i}": np.asarray(v) for i, v in enumerate(variables)}
    arrays |= {f"b{i}": w for i, w in enumerate(best_weights or [])}
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, state=np.array(json.dumps(asdict(state))), **arrays)


def restore_checkpoint(path: Path, variables: Sequence[Any], run: str) -> tuple[State, list | None]:
    try:
        with np.load(path, allow_pickle=False) as data:
            state = State(**json.loads(str(data["state"])))
            if state.run not in ("", run):
                raise KeyError("other data, seed or settings")
            if f"v{len(variables)}" in data or any(data[f"v{i}"].shape != v.shape for i, v in enumerate(variables)):
                raise KeyError("other shapes")
            for i, variable in enumerate(variables):
                variable.assign(data[f"v{i}"])
            n_best = sum(name.startswith("b") for name in data.files)
            return state, [data[f"b{i}"] for i in range(n_best)] or None
    except (*DAMAGE, *ARRAYS, SyntaxError, struct.error, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged or of another run ({error}); delete it to start over") from None


def write_history(path: Path, history: list[dict]) -> None:
    if history:
        lines = [",".join(history[0])] + [",".join(f"{v:.6g}" for v in row.values()) for row in history]
        write_text(path, "\n".join(lines) + "\n")
