"""Projected densities of states from every source in one form, and on the one axis that the network knows.

Orbitals are read by name, never by position: programs list them in different orders. f orbitals are left out, and it is
said that they were there. A run without spin holds both spins in one channel; each gets half.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

from common.errors import UserError

ORBITALS = ("s", "px", "py", "pz", "dxy", "dyz", "dxz", "dx2-y2", "dz2")
#: Other ways to write them.
ALIASES = {
    "dx2": "dx2-y2",
    "dx2_y2": "dx2-y2",
    "dx2y2": "dx2-y2",
    "x2-y2": "dx2-y2",
    "dx^2-y^2": "dx2-y2",
    "dz^2": "dz2",
}
REFERENCES = ("absolute", "fermi", "valence band")
POINTS, LOW, HIGH = 1500, -20.0, 10.0


@dataclass(frozen=True)
class ProjectedDOS:
    """Densities (2 spins, 9 orbitals, n), both spins positive, in states/eV a cell, at rising energies (n,) in eV.

    fermi, valence_top: eV on the energies' own zero; reference: what that zero is.
    polarised: whether the two spins were computed apart. f_left_out: whether there were f orbitals.
    """

    energies: np.ndarray
    densities: np.ndarray
    fermi: float
    valence_top: float
    reference: str
    polarised: bool
    engine: str
    sites: int
    elements: tuple[str, ...]
    f_left_out: bool = False

    def __post_init__(self):
        if self.reference not in REFERENCES:
            raise UserError(f"energy reference {self.reference!r} is unknown; there are: {', '.join(REFERENCES)}")
        if self.densities.shape != (2, len(ORBITALS), len(self.energies)):
            raise UserError(f"densities of shape {self.densities.shape} do not fit {len(self.energies)} energies")
        if len(self.energies) < 2 or (np.diff(self.energies) <= 0).any():
            raise UserError("the energies of the density of states must rise")
        if not (np.isfinite(self.densities).all() and np.isfinite(self.energies).all()):
            raise UserError("the density of states holds values that are no numbers")

    def referred_to(self, reference: str) -> ProjectedDOS:
        """The same with another zero of energy. Back to absolute energies there is no way."""
        if reference == self.reference:
            return self
        zeros = {"fermi": self.fermi, "valence band": self.valence_top}
        if reference not in zeros:
            raise UserError(f"energies relative to the {self.reference} cannot be made {reference}")
        shift = zeros[reference]
        return replace(
            self,
            energies=self.energies - shift,
            fermi=self.fermi - shift,
            valence_top=self.valence_top - shift,
            reference=reference,
        )


def resampled(dos: ProjectedDOS, variant: str = "corrected", *, reference: str = "fermi") -> np.ndarray:
    """(2, 9, 1500) float32 between -20 and 10 eV.

    "released": absolute energies; a ramp from the last value of the data to zero at the end of the axis; divided by the
    number of distinct elements; spin down negative. "corrected": aligned with the Fermi level (or the valence band's
    top), zero outside of the data, divided by the number of sites, both spins positive.
    """
    axis = np.linspace(LOW, HIGH, POINTS)
    if variant == "released":
        if dos.reference != "absolute":
            raise UserError(f"the released form has absolute energies; these are relative to the {dos.reference}")
        energies, densities = _with_ramps(dos)
        values = _interpolated(axis, energies, densities) / len(dos.elements)
        values[1] *= -1
    elif variant == "corrected":
        dos = dos.referred_to(reference)
        values = _interpolated(axis, dos.energies, dos.densities) / dos.sites
    else:
        raise UserError(f"variant {variant!r} is unknown; choose released or corrected")
    return values.astype(np.float32)


def _interpolated(axis: np.ndarray, energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    rows = densities.reshape(-1, len(energies))
    return np.array([np.interp(axis, energies, row, left=0, right=0) for row in rows]).reshape(2, len(ORBITALS), -1)


def _with_ramps(dos: ProjectedDOS) -> tuple[np.ndarray, np.ndarray]:
    """A zero at each end of the axis that the data do not reach."""
    energies, densities = dos.energies, dos.densities
    zero = np.zeros((*densities.shape[:2], 1))
    if energies[0] > LOW:
        energies, densities = np.append(LOW, energies), np.concatenate([zero, densities], axis=2)
    if energies[-1] < HIGH:
        energies, densities = np.append(energies, HIGH), np.concatenate([densities, zero], axis=2)
    return energies, densities


# --- sources -------------------------------------------------------------------------------------


def collect(channels: dict[tuple[str, int], np.ndarray], n: int) -> tuple[np.ndarray, bool]:
    """Densities (2, 9, n) from (orbital name, spin 0 or 1) -> values, and whether f orbitals were among them."""
    densities = np.zeros((2, len(ORBITALS), n))
    f_there = False
    for (name, spin), values in channels.items():
        name = ALIASES.get(name, name)
        if name.startswith("f"):
            f_there = True
        elif name in ORBITALS:
            densities[spin, ORBITALS.index(name)] += values
        else:
            raise UserError(
                f"orbital {name!r} is none of {', '.join(ORBITALS)}; the calculation must resolve them (LORBIT = 11)"
            )
    return densities, f_there


def from_complete_dos(found, *, engine: str = "VASP") -> ProjectedDOS:
    """From a pymatgen `CompleteDos`, which the Materials Project gives, or the dictionary of its JSON file."""
    from pymatgen.electronic_structure.core import Spin
    from pymatgen.electronic_structure.dos import CompleteDos

    if isinstance(found, dict):
        try:
            found = CompleteDos.from_dict(found)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"this is no CompleteDos of pymatgen ({type(error).__name__}: {error})") from None
    if not getattr(found, "pdos", None):
        raise UserError("the density of states is not projected on atoms; ask for the projected one")
    channels: dict[tuple[str, int], np.ndarray] = defaultdict(lambda: np.zeros(len(found.energies)))
    polarised = False
    for orbitals in found.pdos.values():
        for orbital, spins in orbitals.items():
            name = getattr(orbital, "name", str(orbital))
            polarised = polarised or Spin.down in spins
            for spin, values in spins.items():
                channels[name, 0 if spin == Spin.up else 1] += np.asarray(values, dtype=float)
    densities, f_there = collect(channels, len(found.energies))
    if not polarised:
        densities = np.stack([densities[0] / 2, densities[0] / 2])
    structure = found.structure
    return ProjectedDOS(
        np.asarray(found.energies, dtype=float),
        densities,
        float(found.efermi),
        _valence_top(found),
        "absolute",
        polarised,
        engine,
        len(structure),
        tuple(sorted({site.specie.symbol for site in structure})),
        f_there,
    )


def _valence_top(found) -> float:
    """Top of the valence band, the Fermi level in a metal."""
    conduction, valence = found.get_cbm_vbm()
    return float(valence) if conduction > valence else float(found.efermi)


def from_vasprun(path) -> ProjectedDOS:
    """From a `vasprun.xml`, compressed or not."""
    import warnings

    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = Vasprun(str(path), parse_potcar_file=False, parse_eigen=False)
            found = run.complete_dos
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the name") from None
    except Exception as error:  # the parser fails in as many ways as there are ways to cut a file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as a vasprun.xml with a density of states ({reason})") from None
    try:
        return from_complete_dos(found)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def from_group(group, energies: np.ndarray, channels: list[str], *, aligned: bool = False) -> ProjectedDOS:
    """From a material of the embedded data set; `aligned` takes the densities stored relative to the Fermi level."""
    from common.elements import SYMBOLS

    stored = group["dos_rel" if aligned else "dos_abs"][:].astype(float)
    named = {
        (name.split()[0], 0 if name.endswith("up") else 1): row for name, row in zip(channels, stored, strict=True)
    }
    densities, f_there = collect(named, len(energies))
    fermi = 0.0 if aligned else float(group.attrs["efermi_eV"])
    numbers = group["numbers"][:]
    return ProjectedDOS(
        np.asarray(energies, dtype=float),
        densities,
        fermi,
        fermi + float(group.attrs["band_edges_rel_eV"][0]),
        "fermi" if aligned else "absolute",
        bool(group.attrs["spin_polarized"]),
        "GPAW",
        len(numbers),
        tuple(sorted({SYMBOLS[z] for z in numbers})),
        f_there,
    )
