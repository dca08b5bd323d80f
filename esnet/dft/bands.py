"""From eigenvalues and projections on a mesh of k-points to densities of states."""

from __future__ import annotations

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.elements import SYMBOLS
from esnet.dft.backends import Calculation, Settings
from esnet.dft.references import formation_energy
from esnet.dft.tetrahedra import states_in_bins, tetrahedra
from esnet.dos.projected import ProjectedDOS, collect
from esnet.dos.resampling import HIGH, LOW

#: Width of a bin (eV).
STEP = 0.02


def mesh_of(lattice: np.ndarray, k_length: float) -> list[int]:
    """Number of k-points along each axis."""
    return [max(1, int(np.ceil(k_length / np.linalg.norm(row) - 1e-9))) for row in lattice]


def calculation_of(
    crystal: Crystal,
    settings: Settings,
    facts: dict,
    *,
    eigenvalues: np.ndarray,
    weights: np.ndarray,
    irreducible: np.ndarray,
) -> Calculation:
    """Fill bins of 0.02 eV around the Fermi level that cover both the absolute and the Fermi-referenced energy axis.

    eigenvalues: (spins, k, bands) in eV. weights: (spins, k, bands, channels). irreducible: for each k-point of the
    mesh the index of its irreducible representative. facts: the scalar results of the child process.
    """
    fermi, mesh = facts["fermi"], mesh_of(crystal.lattice, settings.k_length)
    volume = crystal.volume
    if settings.relax:
        crystal = as_crystal((crystal.numbers, facts["cell"], facts["positions"]))
    corners, shares = tetrahedra(mesh, crystal.lattice, irreducible)
    steps = np.arange(np.floor(min(LOW, LOW - fermi) / STEP), np.ceil(max(HIGH, HIGH - fermi) / STEP) + 1)
    edges = fermi + STEP * (np.append(steps, steps[-1] + 1) - 0.5)
    with_total = np.concatenate([weights, np.ones((*weights.shape[:3], 1))], axis=3)
    counted = [
        states_in_bins(one, part, corners, shares, edges) / STEP
        for one, part in zip(eigenvalues, with_total, strict=True)
    ]
    # Without spin polarization both spins have the same bands.
    spins = np.array(counted if len(counted) == 2 else 2 * counted)
    channels = {(name, spin): spins[spin, row] for row, name in enumerate(facts["channels"]) for spin in (0, 1)}
    densities, _ = collect(channels, len(steps))
    low, high = band_edges(eigenvalues - fermi)
    dos = ProjectedDOS(
        energies=fermi + STEP * steps,
        densities=densities,
        fermi=fermi,
        valence_top=fermi + low,
        reference="absolute",
        polarized=len(counted) == 2,
        program=facts["program"].split()[0],
        sites=len(crystal.numbers),
        elements=tuple(sorted({SYMBOLS[z] for z in crystal.numbers})),
        f_left_out=facts["f_there"],
    )
    occupied = np.array([eigenvalues.min() - 1.0, fermi])
    electrons = sum(
        states_in_bins(one, part[..., -1:], corners, shares, occupied).sum()
        for one, part in zip(eigenvalues, with_total, strict=True)
    ) * (2 / len(counted))
    # Semicore states below the axis lie entirely inside the spheres, so they are excluded from the projected fraction.
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
        "n_ibz": eigenvalues.shape[1],
        "nbands": eigenvalues.shape[2],
        "engine": facts["program"],  # the name of the attribute in all files so far
        **{name: facts[name] for name in ("wall_s", "cpu_s", "scf_s")},
    }
    if settings.relax:
        attributes |= {"relaxation_steps": facts["steps"], "volume_change": crystal.volume / volume - 1}
    return Calculation(dos, spins[:, -1], attributes, crystal)


def band_edges(eigenvalues: np.ndarray) -> tuple[float, float]:
    """Valence band maximum and conduction band minimum, eV from the Fermi level; zeros for a metal.

    eigenvalues: (spins, k, bands) from the Fermi level. An insulator has the same number of filled bands at every k.
    """
    filled = (eigenvalues < 0).sum(axis=2)
    if (filled != filled[:, :1]).any():
        return 0.0, 0.0
    return float(eigenvalues[eigenvalues < 0].max()), float(eigenvalues[eigenvalues >= 0].min())
