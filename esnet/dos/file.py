"""Writing densities of states in the layout of the embedded data set, which `common.data.densities` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.data.materials import formula_of
from common.errors import UserError
from common.io.hdf5 import open_hdf5
from esnet.dft.backends import Calculation, Settings
from esnet.dos.projected import ORBITALS, ProjectedDOS

#: Rows of the stored arrays.
CHANNELS = tuple(
    f"{orbital} {spin}"
    for orbital in ("s", "py", "pz", "px", "dxy", "dyz", "dz2", "dxz", "dx2-y2")
    for spin in ("up", "down")
)
STEP = 0.02
ENERGIES = np.round(np.arange(1501) * STEP - 20, 2)
#: The range of half precision.
LARGEST = 65504.0


def start_file(file, engine: str, settings: Settings | None = None) -> None:
    """The attributes that the materials of a file have in common. `settings`: the level of theory of a calculation."""
    file.attrs["channels"] = json.dumps(CHANNELS)
    file.attrs["energies_eV"] = ENERGIES
    file.attrs["engine"] = engine
    if settings:
        file.attrs["xc"] = settings.xc
        file.attrs["plane_wave_cutoff_eV"] = settings.cutoff
        file.attrs["k_density"] = f"a_i*k_i >= {settings.k_length:g}, Gamma-centred"
        file.attrs["smearing"] = f"Fermi-Dirac {settings.smearing:.2f} eV; energies extrapolated to zero width"
        if settings.relax:
            file.attrs["structures"] = f"relaxed until no force is above {settings.relax:g} eV/angstrom"
        file.attrs["dos_method"] = f"linear tetrahedron, averaged over bins of {STEP} eV"
        file.attrs["projection"] = "all-electron partial waves inside the PAW sphere, summed over atoms, symmetrised"
    file.require_group("materials")
    file.require_group("failed")


def program_of(path: str | Path) -> str:
    """The program that computed a file, with its version and data sets."""
    with open_hdf5(path) as file:
        return str(file.attrs["engine"])


def group_names(ids: Sequence[str]) -> dict[str, str]:
    """Name of a group -> id, in their order. Files of one name in several folders have their paths as ids."""
    names: dict[str, str] = {}
    for one in ids:
        other = names.setdefault(one.strip("/").replace("/", "-"), one)
        if other != one:
            raise UserError(f"{one} and {other} would have one name in an HDF5 file; rename one of them")
    return names


def check_name(name: str) -> None:
    if not name or "/" in name or name in (".", ".."):
        raise UserError(f"{name!r} cannot name a material in an HDF5 file; choose an id without /")


def write_calculation(file, name: str, found: Calculation) -> None:
    write_material(file, name, found.dos, found.crystal, found.attributes, total=found.total)


def write_material(
    file, name: str, dos: ProjectedDOS, crystal: Crystal, attributes: dict, *, total: np.ndarray | None = None
) -> None:
    """Add `/materials/<name>`; one of that name that is there already gives way.

    total: (2, n) all states, at the energies of `dos`. attributes: what else is known of the material.
    Values are means over steps of 0.02 eV, so states are counted exactly, whatever the energies of `dos` are.
    """
    check_name(name)
    if dos.reference != "absolute":
        raise UserError(f"{name}: a file needs absolute energies; these are relative to the {dos.reference}")
    aligned = dos.energies - dos.fermi
    rows = np.stack([dos.densities[_place(channel)] for channel in CHANNELS])
    arrays = {"dos_rel": _in_steps(aligned, rows), "dos_abs": _in_steps(dos.energies, rows)}
    if total is not None:
        arrays["dos_total_rel"] = _in_steps(aligned, total)
    highest = max(values.max() for values in arrays.values())
    if highest > LARGEST:
        raise UserError(f"{name}: densities of up to {highest:.0f} states/eV are no densities of a crystal")
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
            # Zeros beyond it are no states that are not there.
            "covered_eV": np.array([dos.energies[0], dos.energies[-1]]),
            # Densities alone do not say where the conduction band begins.
            "band_edges_rel_eV": np.array([valence_top, np.nan if valence_top < 0 else 0.0]),
            "spin_polarized": dos.polarized,
            "normalisation": dos.per,
            "engine": dos.engine,
            "f_left_out": dos.f_left_out,
            **attributes,
        }
    )


def write_failure(file, name: str, reason: str) -> None:
    """Name a material that did not finish, with the reason, in `/failed`."""
    file.require_group("failed").require_group(name).attrs["reason"] = reason


def _place(channel: str) -> tuple[int, int]:
    orbital, spin = channel.split()
    return ("up", "down").index(spin), ORBITALS.index(orbital)


def _in_steps(energies: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows, 1501): means over the steps of `ENERGIES` of values that hold half-way to their neighbours, else zero."""
    middles = (energies[1:] + energies[:-1]) / 2
    edges = np.concatenate(
        [[1.5 * energies[0] - 0.5 * energies[1]], middles, [1.5 * energies[-1] - 0.5 * energies[-2]]]
    )
    states = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(rows * np.diff(edges), axis=1)], axis=1)
    wanted = np.append(ENERGIES, ENERGIES[-1] + STEP) - STEP / 2
    return np.diff([np.interp(wanted, edges, row) for row in states], axis=1) / STEP
