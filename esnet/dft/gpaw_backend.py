"""GPAW in a child process: the crystal is passed as JSON, eigenvalues and projections are returned as NPZ.

The child runs the first Python that can import GPAW: `MATREPRO_GPAW_PYTHON`, this interpreter, or the system's. GPAW
may therefore come from the package manager of the distribution; time limits hold, and a crash ends only one material.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError
from esnet.dft.backends import DEFAULT, BackendMissing, Calculation, Settings
from esnet.dft.bands import calculation_of, mesh_of

SCRIPT = Path(__file__).with_name("gpaw_job.py")
SYSTEM_PYTHON = "/usr/bin/python3"
#: Initial magnetic moments (Bohr magnetons) of a ferromagnetic start; without these elements no spin polarization.
MOMENTS = {24: 3.0, 25: 4.0, 26: 3.0, 27: 2.0, 28: 1.0}
INSTALL = (
    "install it (Debian: apt-get install gpaw gpaw-data; pip: the extra `dft`), "
    "or set MATREPRO_GPAW_PYTHON to a Python that has it"
)


def gpaw(crystal: Crystal, settings: Settings = DEFAULT, time_limit: float | None = None) -> Calculation:
    """Compute one crystal with GPAW."""
    with tempfile.TemporaryDirectory(prefix="matrepro-gpaw-") as folder:
        job, result = Path(folder) / "job.json", Path(folder) / "result.npz"
        job.write_text(json.dumps(gpaw_job(crystal, settings)))
        _run([gpaw_python(), str(SCRIPT), str(job), str(result)], time_limit)
        with np.load(result, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files if name != "facts"}
            facts = json.loads(str(found["facts"]))
    return calculation_of(crystal, settings, facts, **arrays)


def gpaw_job(crystal: Crystal, settings: Settings) -> dict:
    """The input of `gpaw_job.py`."""
    moments = [MOMENTS.get(int(z), 0.0) for z in crystal.numbers]
    return {
        **asdict(settings),
        "numbers": crystal.numbers.tolist(),
        "cell": crystal.lattice.tolist(),
        "positions": crystal.frac.tolist(),
        "mesh": mesh_of(crystal.lattice, settings.k_length),
        "moments": moments if any(moments) else None,
        # Free electrons fill a third of a band per cubic angstrom up to 27 eV; d bands need a few more.
        "empty_bands": 3 + int(np.ceil(crystal.volume / 3)),
    }


def gpaw_python() -> str:
    """Path of a Python that can import GPAW, which need not be this one."""
    chosen = os.environ.get("MATREPRO_GPAW_PYTHON")
    if chosen:
        if not _has_gpaw(chosen):
            raise BackendMissing(f"MATREPRO_GPAW_PYTHON={chosen} cannot import gpaw; {INSTALL}")
        return chosen
    if importlib.util.find_spec("gpaw"):
        return sys.executable
    if _has_gpaw(SYSTEM_PYTHON):
        return SYSTEM_PYTHON
    raise BackendMissing(f"GPAW is not installed; {INSTALL}")


@lru_cache
def _has_gpaw(python: str) -> bool:
    try:
        return not subprocess.run(
            [python, "-c", "import gpaw"], env=_environment(python), capture_output=True
        ).returncode
    except OSError:
        return False


def _environment(python: str) -> dict[str, str]:
    """One thread per process; another Python must not see the packages of this one."""
    passed = {
        name: value for name, value in os.environ.items() if python == sys.executable or not name.startswith("PYTHON")
    }
    return passed | {"OMP_NUM_THREADS": "1"}


def _run(command: list[str], time_limit: float | None) -> None:
    """Run to completion. The child exits when its standard input closes, hence also if this process is killed."""
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=errors, stderr=errors, env=_environment(command[0])
        )
        try:
            status = child.wait(time_limit)
        except subprocess.TimeoutExpired:
            raise UserError(f"not finished within the time limit of {time_limit:g} s") from None
        finally:
            child.kill()
            child.wait()
            child.stdin.close()
        if status:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            if status < 0:
                raise UserError(f"GPAW was stopped by signal {-status}; it may have run out of memory")
            raise UserError(lines[-1] if lines else f"GPAW exited with status {status} without a message")
