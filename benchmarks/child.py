"""Run a benchmark function in a fresh process, so that peak memory and imports are its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

from common.errors import UserError

ROOT = Path(__file__).parent.parent


def fresh(function: str, *arguments) -> dict:
    """Result of `function` ('module:name') for JSON arguments, with its peak memory in bytes as `peak`."""
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{function}{arguments} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(**changes: str) -> dict[str, str]:
    """Environment of a child process, in which this project can be imported."""
    return os.environ | {"PYTHONPATH": str(ROOT), **changes}


def peak_memory() -> int:
    """Peak memory of this process in bytes; the value of Python's `resource` would include that of its parent."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak_memory() -> None:
    """Forget the peak of this process so far, where the system can do that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _main() -> None:
    import importlib

    module, name = sys.argv[1].split(":")
    result = getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2]))
    print(json.dumps({**(result or {}), "peak": peak_memory()}))


if __name__ == "__main__":
    _main()
