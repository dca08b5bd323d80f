"""Run one function of the benchmarks in a fresh process, so that peak memory and imports are its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from common.errors import UserError

ROOT = Path(__file__).parent.parent


def fresh(function: str, *arguments) -> dict:
    """What `function` ('module:name') returns for these plain arguments, and `peak`, its memory in bytes."""
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{function}{arguments} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(**changes: str) -> dict[str, str]:
    """The environment of a child: this project importable wherever it lies."""
    return os.environ | {"PYTHONPATH": str(ROOT), **changes}


def _main() -> None:
    import importlib
    import resource

    module, name = sys.argv[1].split(":")
    result = getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**(result or {}), "peak": peak}))


if __name__ == "__main__":
    _main()
