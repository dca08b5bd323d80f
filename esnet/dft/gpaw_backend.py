"""GPAW as a child process: a crystal goes out as JSON, eigenvalues and projections come back as NPZ.

It runs with a Python that has GPAW: `MATREPRO_GPAW_PYTHON`, else this one, else the system's. So the package of a
distribution serves although this Python cannot import it, a time limit holds, and a crash ends one material only.
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

from common.chem.crystal import Crystal, as_crystal
from common.chem.elements import SYMBOLS
from common.errors import UserError
from esnet.dft.backends import DEFAULT, Calculation, EngineMissing, Settings
from esnet.dft.references import formation_energy
from esnet.dft.tetrahedra import states_in_bins, tetrahedra
from esnet.dos.projected import ProjectedDOS, collect
from esnet.dos.resampling import HIGH, LOW

SCRIPT = Path(__file__).with_name("gpaw_job.py")
SYSTEM_PYTHON = "/usr/bin/python3"
#: Bohr magnetons with which a ferromagnetic calculation starts; materials without these elements have no spin.
MOMENTS = {24: 3.0, 25: 4.0, 26: 3.0, 27: 2.0, 28: 1.0}
STEP = 0.02
INSTALL = (
    "install it (Debian: apt-get install gpaw gpaw-data; pip: the extra `dft`), "
    "or name a Python that has it in MATREPRO_GPAW_PYTHON"
)


def gpaw(crystal: Crystal, settings: Settings = DEFAULT, time_limit: float | None = None) -> Calculation:
    with tempfile.TemporaryDirectory(prefix="matrepro-gpaw-") as folder:
        job, result = Path(folder) / "job.json", Path(folder) / "result.npz"
        job.write_text(json.dumps(gpaw_job(crystal, settings)))
        _run([gpaw_python(), str(SCRIPT), str(job), str(result)], time_limit)
        with np.load(result, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files if name != "facts"}
            facts = json.loads(str(found["facts"]))
    return _assembled(crystal, settings, facts, **arrays)


def mesh_of(lattice: np.ndarray, k_length: float) -> list[int]:
    """k-points along each axis."""
    return [max(1, int(np.ceil(k_length / np.linalg.norm(row) - 1e-9))) for row in lattice]


def gpaw_job(crystal: Crystal, settings: Settings) -> dict:
    """What `gpaw_run.py` reads."""
    moments = [MOMENTS.get(int(z), 0.0) for z in crystal.numbers]
    return {
        **asdict(settings),
        "numbers": crystal.numbers.tolist(),
        "cell": crystal.lattice.tolist(),
        "positions": crystal.frac.tolist(),
        "mesh": mesh_of(crystal.lattice, settings.k_length),
        "moments": moments if any(moments) else None,
        # Free electrons fill a third of a band in each cubic angstrom up to 27 eV, d bands some more.
        "empty_bands": 3 + int(np.ceil(crystal.volume / 3)),
    }


def gpaw_python() -> str:
    """A Python with GPAW, from which this process need not be able to import it."""
    chosen = os.environ.get("MATREPRO_GPAW_PYTHON")
    if chosen:
        if not _has_gpaw(chosen):
            raise EngineMissing(f"MATREPRO_GPAW_PYTHON={chosen} cannot import gpaw; {INSTALL}")
        return chosen
    if importlib.util.find_spec("gpaw"):
        return sys.executable
    if _has_gpaw(SYSTEM_PYTHON):
        return SYSTEM_PYTHON
    raise EngineMissing(f"GPAW is not installed; {INSTALL}")


@lru_cache
def _has_gpaw(python: str) -> bool:
    try:
        return not subprocess.run(
            [python, "-c", "import gpaw"], env=_environment(python), capture_output=True
        ).returncode
    except OSError:
        return False


def _environment(python: str) -> dict[str, str]:
    """One thread each, and nothing of this Python's own packages in another one."""
    kept = {
        name: value for name, value in os.environ.items() if python == sys.executable or not name.startswith("PYTHON")
    }
    return kept | {"OMP_NUM_THREADS": "1"}


def _run(command: list[str], time_limit: float | None) -> None:
    """Run to the end. The child goes when its standard input closes, which happens however this process ends."""
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
            raise UserError(lines[-1] if lines else f"GPAW ended with status {status} and said nothing")


# --- from eigenvalues to densities ---------------------------------------------------------------


def _assembled(
    crystal: Crystal,
    settings: Settings,
    facts: dict,
    *,
    eigenvalues: np.ndarray,
    weights: np.ndarray,
    irreducible: np.ndarray,
) -> Calculation:
    """Bins of 0.02 eV about the Fermi level, wide enough for the axis about it and for that of absolute energies."""
    fermi, mesh = facts["fermi"], mesh_of(crystal.lattice, settings.k_length)
    volume = crystal.volume
    if settings.relax:
        crystal = as_crystal((crystal.numbers, facts["cell"], facts["positions"]))
    corners, shares = tetrahedra(mesh, crystal.lattice, irreducible)
    steps = np.arange(np.floor(min(LOW, LOW - fermi) / STEP), np.ceil(max(HIGH, HIGH - fermi) / STEP) + 1)
    edges = fermi + STEP * (np.append(steps, steps[-1] + 1) - 0.5)
    every = np.concatenate([weights, np.ones((*weights.shape[:3], 1))], axis=3)
    counted = [
        states_in_bins(one, part, corners, shares, edges) / STEP for one, part in zip(eigenvalues, every, strict=True)
    ]
    # Without spin the bands are those of either spin.
    spins = np.array(counted if len(counted) == 2 else 2 * counted)
    named = {(name, spin): spins[spin, row] for row, name in enumerate(facts["channels"]) for spin in (0, 1)}
    densities, _ = collect(named, len(steps))
    low, high = band_edges(eigenvalues - fermi)
    dos = ProjectedDOS(
        fermi + STEP * steps,
        densities,
        fermi,
        fermi + low,
        "absolute",
        len(counted) == 2,
        facts["engine"].split()[0],
        len(crystal.numbers),
        tuple(sorted({SYMBOLS[z] for z in crystal.numbers})),
        facts["f_there"],
    )
    occupied = np.array([eigenvalues.min() - 1.0, fermi])
    electrons = sum(
        states_in_bins(one, part[..., -1:], corners, shares, occupied).sum()
        for one, part in zip(eigenvalues, every, strict=True)
    ) * (2 / len(counted))
    # Deep states beyond the axis are all in the spheres; they are left out of the share.
    shown = (steps > LOW / STEP - 0.5) & (steps < 0.5)
    attributes = {
        "total_energy_eV": facts["energy"],
        "formation_energy_eV_per_atom": formation_energy(crystal, facts["energy"], settings),
        "band_edges_rel_eV": np.array([low, high]),
        "band_gap_eV": high - low,
        "magnetic_moment": facts["moment"],
        "valence_electrons": round(facts["valence_electrons"]),
        "electrons_from_dos": float(electrons),
        "projected_fraction_occupied": float(spins[:, :-1, shown].sum() / spins[:, -1, shown].sum()),
        "bands_complete_to_eV": float(eigenvalues[..., -1].min() - fermi),
        "kmesh": np.array(mesh),
        **(
            {"relaxation_steps": facts["steps"], "volume_change": crystal.volume / volume - 1} if settings.relax else {}
        ),
        "n_ibz": eigenvalues.shape[1],
        "nbands": eigenvalues.shape[2],
        "engine": facts["engine"],
        **{name: facts[name] for name in ("wall_s", "cpu_s", "scf_s")},
    }
    return Calculation(dos, spins[:, -1], attributes, crystal)


def band_edges(eigenvalues: np.ndarray) -> tuple[float, float]:
    """Top of the valence and bottom of the conduction bands, eV from the Fermi level; zeros for a metal.

    eigenvalues: (spins, k, bands) from the Fermi level. In an insulator every k-point has as many bands below it.
    """
    filled = (eigenvalues < 0).sum(axis=2)
    if (filled != filled[:, :1]).any():
        return 0.0, 0.0
    return float(eigenvalues[eigenvalues < 0].max()), float(eigenvalues[eigenvalues >= 0].min())
