"""What a worker of a Ray cluster runs: a pickled call in the environment of its caller."""

from __future__ import annotations

import os
from typing import Any


def _packed(value) -> bytes:
    import cloudpickle  # takes functions of a main module too

    return cloudpickle.dumps(value)


def _unpacked(status: str, value) -> tuple[str, Any]:
    import pickle

    if status == "died":
        return status, value
    good, found = pickle.loads(value)  # what another process of this program has just sent
    return ("ok" if good else "error"), found


def call(packed: bytes, environment: dict[str, str | None]) -> bytes:
    """What a worker of the cluster does, in the environment of the caller and then in its own again."""
    import pickle

    own = {name: os.environ.get(name) for name in environment}
    _set(environment)
    try:
        function, item = pickle.loads(packed)
        try:
            return _packed((True, function(*item)))
        except Exception as error:
            return _packed((False, error))
    finally:
        _set(own)


def _set(environment: dict[str, str | None]) -> None:
    for name, value in environment.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
