"""Write densities of states in the HDF5 layout that `common.data.densities` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.chem.crystal import Crystal
from common.data.materials import formula_of
from common.errors import UserError
from common.io.hdf5 import reading_hdf5
from esnet.dos.projected import ORBITALS, ProjectedDOS

if TYPE_CHECKING:
    import h5py

#: Rows of the stored arrays, in order.
CHANNELS = tuple(
    f"{orbital} {spin}"
    for orbital in ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "dx2-y2")
    for spin in ("up", "down")
)
STEP = 0.02
ENERGIES = np.round(np.arange(1501) * STEP - 20, 2)
#: Largest value of half precision.
LARGEST = 65504.0


def start_file(file: h5py.File, program: str, level_of_theory: Mapping[str, object] | None = None) -> None:
    """Write the attributes that all materials of a file share."""
    file.attrs["channels"] = json.dumps(CHANNELS)
    file.attrs["energies_eV"] = ENERGIES
    file.attrs["engine"] = program
    file.attrs.update(level_of_theory or {})
    file.require_group("materials")
    file.require_group("failed")


def program_of(path: str | Path) -> str:
    """The program that computed a file, with versions."""
    with reading_hdf5(path) as file:
        return str(file.attrs["engine"])


def group_names(ids: Sequence[str]) -> dict[str, str]:
    """HDF5 group name -> id, in order. Ids may be paths, whose slashes are replaced."""
    names: dict[str, str] = {}
    for one in ids:
        other = names.setdefault(one.strip("/").replace("/", "-"), one)
        if other != one:
            raise UserError(f"{one} and {other} would have the same name in an HDF5 file; rename one of them")
    return names


def check_name(name: str) -> None:
    """Raise for an id that cannot be the name of an HDF5 group."""
    if not isinstance(name, str) or not name or "/" in name or "\0" in name or name in (".", ".."):
        raise UserError(f"{name!r} cannot name a material in an HDF5 file; choose an id without /")


def write_material(
    file: h5py.File,
    name: str,
    dos: ProjectedDOS,
    crystal: Crystal,
    attributes: Mapping[str, object],
    *,
    total: np.ndarray | None = None,
) -> None:
    """Write `/materials/<name>`, replacing an earlier one.

    total: (2, n) total density of states at the energies of `dos`. attributes: further attributes of the material.
    Stored values are means over steps of 0.02 eV, which conserves the number of states on any energy grid.
    """
    check_name(name)
    if dos.reference != "absolute":
        raise UserError(f"{name}: energies are relative to the {dos.reference}; a file needs absolute energies")
    aligned = dos.energies - dos.fermi
    rows = np.stack([dos.densities[_place(channel)] for channel in CHANNELS])
    arrays = {"dos_rel": _in_steps(aligned, rows), "dos_abs": _in_steps(dos.energies, rows)}
    if total is not None:
        arrays["dos_total_rel"] = _in_steps(aligned, total)
    highest = max(values.max() for values in arrays.values())
    if highest > LARGEST:
        raise UserError(f"{name}: densities up to {highest:.0f} states/eV exceed half precision; check the input")
    materials = file.require_group("materials")
    if name in materials:
        del materials[name]
    group = materials.create_group(name)
    for key, values in arrays.items():
        group.create_dataset(key, data=values.astype(np.float16), chunks=values.shape, compression="gzip", shuffle=True)
    group["cell"], group["scaled_positions"] = crystal.lattice, crystal.frac
    group["numbers"] = crystal.numbers
    valence_top = dos.valence_top - dos.fermi
    group.attrs.update(
        {
            "formula": formula_of(crystal),
            "natoms": len(crystal.numbers),
            "efermi_eV": dos.fermi,
            # Outside this range the stored zeros mean unknown.
            "covered_eV": np.array([dos.energies[0], dos.energies[-1]]),
            # The conduction band minimum is not part of a ProjectedDOS.
            "band_edges_rel_eV": np.array([valence_top, np.nan if valence_top < 0 else 0.0]),
            "spin_polarized": dos.polarized,
            "normalisation": dos.per,
            "engine": dos.program,
            "f_left_out": dos.f_left_out,
            **attributes,
        }
    )


def write_failure(file: h5py.File, name: str, reason: str) -> None:
    """Record a failed material with its reason in `/failed`."""
    file.require_group("failed").require_group(name).attrs["reason"] = reason


def _place(channel: str) -> tuple[int, int]:
    orbital, spin = channel.split()
    return ("up", "down").index(spin), ORBITALS.index(orbital)


def _in_steps(energies: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows, 1501): means over the bins of `ENERGIES` of a piecewise constant function, zero outside."""
    middles = (energies[1:] + energies[:-1]) / 2
    edges = np.concatenate(
        [[1.5 * energies[0] - 0.5 * energies[1]], middles, [1.5 * energies[-1] - 0.5 * energies[-2]]]
    )
    states = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows * np.diff(edges), axis=1)], axis=1)
    wanted = np.append(ENERGIES, ENERGIES[-1] + STEP) - STEP / 2
    return np.diff([np.interp(wanted, edges, row) for row in states], axis=1) / STEP
