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


def peak_memory() -> int:
    """The most memory of this process so far, in bytes. What Python's `resource` has begins with that of its parent."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _main() -> None:
    import importlib

    module, name = sys.argv[1].split(":")
    result = getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))
    print(json.dumps({**(result or {}), "peak": peak_memory()}))


if __name__ == "__main__":
    _main()
