"""Projected densities of states from every source in one form, and on the one axis that the network knows.

Orbitals are read by name, never by position: programs list them in different orders. f orbitals are left out, and it is
said that they were there. A run without spin holds both spins in one channel; each gets half.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from common.densities import Densities, read_group
from common.elements import SYMBOLS
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
AXIS = np.linspace(LOW, HIGH, POINTS)
#: Less of the axis than this, eV, and a density of states is refused.
LEAST_COVERED = 10.0


@dataclass(frozen=True)
class Form:
    """How densities are brought to the axis.

    reference: zero of energy. outside: "zero" beyond the data, or a "ramp" from their last value to zero at the end of
    the axis. per: "cell", "site" or distinct "element". down: the sign of the second spin.
    """

    reference: str = "fermi"
    outside: str = "zero"
    per: str = "site"
    down: int = 1


FORMS = {
    "released": Form("absolute", "ramp", "element", -1),
    "paper": Form("absolute", "zero", "cell", -1),
    "corrected": Form(),
}


@dataclass(frozen=True)
class ProjectedDOS:
    """Densities (2 spins, 9 orbitals, n), both spins positive, in states/eV, at rising energies (n,) in eV.

    fermi, valence_top: eV on the energies' own zero; reference: what that zero is.
    polarised: whether the two spins were computed apart. f_left_out: whether there were f orbitals.
    per: what the densities are those of, the "cell", a "site" or a distinct "element".
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
    per: str = "cell"

    def __post_init__(self):
        if self.reference not in REFERENCES:
            raise UserError(f"energy reference {self.reference!r} is unknown; there are: {', '.join(REFERENCES)}")
        if self.per not in self.counts():
            raise UserError(f"densities per {self.per!r} are unknown; there are: {', '.join(self.counts())}")
        if self.densities.shape != (2, len(ORBITALS), len(self.energies)):
            raise UserError(f"densities of shape {self.densities.shape} do not fit {len(self.energies)} energies")
        if len(self.energies) < 2 or (np.diff(self.energies) <= 0).any():
            raise UserError("the energies of the density of states must rise")
        if not (np.isfinite(self.densities).all() and np.isfinite(self.energies).all()):
            raise UserError("the density of states holds values that are no numbers")

    def counts(self) -> dict[str, int]:
        """How many there are of what densities may be given for."""
        return {"cell": 1, "site": self.sites, "element": len(self.elements)}

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


def resampled(
    dos: ProjectedDOS, form: str | Form = "corrected", *, reference: str = "", as_it_is: bool = False
) -> np.ndarray:
    """(2, 9, 1500) float32 between -20 and 10 eV, in a `Form` or one of `FORMS` by name.

    "corrected" may have another `reference`. as_it_is: take the energies' zero and what the densities are per for those
    of the form, whatever they say.
    """
    form = form_of(form, reference)
    dos = _in_form(dos, form, as_it_is)
    energies, densities = _with_ramps(dos) if form.outside == "ramp" else (dos.energies, dos.densities)
    counts = dos.counts()
    values = _interpolated(energies, densities)
    values *= np.float32(counts[dos.per] / counts[form.per])
    if form.down != 1:
        values[1] *= form.down
    return values


def form_of(form: str | Form, reference: str = "") -> Form:
    if isinstance(form, str):
        if form not in FORMS:
            raise UserError(f"variant {form!r} is unknown; choose one of {', '.join(FORMS)}")
        form = FORMS[form]
    return replace(form, reference=reference) if reference else form


def covered(dos: ProjectedDOS, form: str | Form = "corrected", *, as_it_is: bool = False) -> tuple[float, float]:
    """The part of the axis (eV, from and to) that the data reach; too little of it, or no states there, are refused."""
    dos = _in_form(dos, form_of(form), as_it_is)
    low, high = max(LOW, float(dos.energies[0])), min(HIGH, float(dos.energies[-1]))
    if high - low < LEAST_COVERED:
        raise UserError(
            f"the density of states reaches from {dos.energies[0]:.1f} to {dos.energies[-1]:.1f} eV, less than "
            f"{LEAST_COVERED:g} eV of the axis from {LOW:g} to {HIGH:g} eV; compute it on a wider one (EMIN, EMAX)"
        )
    if not dos.densities[..., (dos.energies >= low) & (dos.energies <= high)].any():
        raise UserError(f"the density of states has no states between {low:.1f} and {high:.1f} eV; compute it again")
    return low, high


def _in_form(dos: ProjectedDOS, form: Form, as_it_is: bool) -> ProjectedDOS:
    if as_it_is:
        return replace(dos, reference=form.reference, per=form.per)
    if form.reference == "absolute" and dos.reference != "absolute":
        raise UserError(f"this form has absolute energies; these are relative to the {dos.reference}")
    return dos.referred_to(form.reference)


def _interpolated(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """All channels at once: the places on the axis are the same for each. Zero outside."""
    place = np.clip(np.searchsorted(energies, AXIS, side="right") - 1, 0, len(energies) - 2)
    share = (AXIS - energies[place]) / (energies[place + 1] - energies[place])
    # A step of rounding outside is still inside.
    inside = (share > -1e-9) & (share < 1 + 1e-9)
    rows = densities.reshape(-1, len(energies))
    # In place, and "clip" spares a look at every index.
    values, right = np.take(rows, place, axis=1, mode="clip"), np.take(rows, place + 1, axis=1, mode="clip")
    values *= ((1 - share) * inside).astype(rows.dtype)
    right *= (share * inside).astype(rows.dtype)
    values += right
    return values.reshape(2, len(ORBITALS), -1).astype(np.float32, copy=False)


def _with_ramps(dos: ProjectedDOS) -> tuple[np.ndarray, np.ndarray]:
    """A zero at each end of the axis that the data do not reach."""
    energies, densities = dos.energies, dos.densities
    zero = np.zeros((*densities.shape[:2], 1), densities.dtype)
    if energies[0] > LOW:
        energies, densities = np.append(LOW, energies), np.concatenate([zero, densities], axis=2)
    if energies[-1] < HIGH:
        energies, densities = np.append(energies, HIGH), np.concatenate([densities, zero], axis=2)
    return energies, densities


# --- sources -------------------------------------------------------------------------------------


def collect(channels: dict[tuple[str, int], np.ndarray], n: int) -> tuple[np.ndarray, bool]:
    """Densities (2, 9, n) from (orbital name, spin 0 or 1) -> values, and whether f orbitals were among them."""
    places, f_there = _places(tuple(channels))
    densities = np.zeros((2, len(ORBITALS), n))
    for values, place in zip(channels.values(), places, strict=True):
        if place is not None:
            densities[place] += values
    return densities, f_there


@lru_cache
def _places(channels: Sequence[tuple[str, int]]) -> tuple[list[tuple[int, int] | None], bool]:
    """(spin, orbital) of each channel, None for f orbitals, and whether there are any."""
    places: list[tuple[int, int] | None] = []
    for name, spin in channels:
        name = ALIASES.get(name, name)
        if name in ORBITALS:
            places.append((spin, ORBITALS.index(name)))
        elif name.startswith("f"):
            places.append(None)
        else:
            raise UserError(
                f"orbital {name!r} is none of {', '.join(ORBITALS)}; the calculation must resolve them (LORBIT = 11)"
            )
    return places, None in places


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


def complete_dos(path, *, unconverged: bool = False):
    """The `CompleteDos` of a `vasprun.xml`, compressed or not; one that did not converge only if told to."""
    import warnings

    from pymatgen.io.vasp.outputs import Vasprun

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = Vasprun(str(path), parse_potcar_file=False, parse_eigen=False)
            found, converged = run.complete_dos, run.converged_electronic
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the name") from None
    except Exception as error:  # the parser fails in as many ways as there are ways to cut a file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read as a vasprun.xml with a density of states ({reason})") from None
    if not (converged or unconverged):
        raise UserError(f"{path}: the electronic steps used up NELM and did not converge; continue the calculation")
    return found


def from_vasprun(path, *, unconverged: bool = False) -> ProjectedDOS:
    """From a `vasprun.xml`, compressed or not; one that did not converge only if told to."""
    found = complete_dos(path, unconverged=unconverged)
    try:
        return from_complete_dos(found)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def from_group(group, energies: np.ndarray, channels: list[str], *, aligned: bool = False) -> ProjectedDOS:
    """From a material of the embedded data set; `aligned` takes the densities stored relative to the Fermi level."""
    return from_densities(read_group(group, energies, channels, aligned=aligned))


def from_densities(found: Densities) -> ProjectedDOS:
    """From the form in which densities travel with a table."""
    densities, f_there = _sorted_by_orbital(found.values, found.channels)
    fermi = 0.0 if found.aligned else found.fermi
    return ProjectedDOS(
        found.energies,
        densities,
        fermi,
        fermi + found.valence_top,
        "fermi" if found.aligned else "absolute",
        found.polarised,
        found.engine,
        len(found.numbers),
        tuple(sorted({SYMBOLS[z] for z in found.numbers})),
        f_there or found.more_orbitals,
        found.per,
    )


def as_densities(dos: ProjectedDOS, numbers: np.ndarray) -> Densities:
    """The form in which densities travel with a table. Those relative to the valence band's top have none."""
    if dos.reference == "valence band":
        raise UserError("energies relative to the valence band do not say where the Fermi level is")
    channels = tuple(f"{orbital} {spin}" for spin in ("up", "down") for orbital in ORBITALS)
    values = dos.densities.reshape(len(channels), -1).astype(np.float32)
    return Densities(
        values,
        dos.energies,
        channels,
        dos.reference == "fermi",
        dos.fermi,
        dos.valence_top - dos.fermi,
        dos.polarised,
        dos.engine,
        np.asarray(numbers),
        dos.per,
        dos.f_left_out,
    )


def _sorted_by_orbital(values: np.ndarray, channels: tuple[str, ...]) -> tuple[np.ndarray, bool]:
    """As `collect`, for the rows of one array."""
    places, f_there = _places(tuple((name.split()[0], 0 if name.endswith("up") else 1) for name in channels))
    kept = [row for row, place in enumerate(places) if place is not None]
    densities = np.zeros((2, len(ORBITALS), values.shape[1]), values.dtype)
    densities[tuple(zip(*(places[row] for row in kept), strict=True))] = values[kept]
    return densities, f_there
