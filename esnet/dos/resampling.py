"""Resample densities of states to the energy axis of the network, 1,500 points from -20 to 10 eV."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from common.errors import UserError
from esnet.dos.projected import ORBITALS, ProjectedDOS

POINTS, LOW, HIGH = 1500, -20.0, 10.0
AXIS = np.linspace(LOW, HIGH, POINTS)
#: Shortest accepted overlap of data and axis (eV).
LEAST_COVERED = 10.0
ZEROS = {"fermi": "Fermi level", "valence band": "top of the valence band"}


@dataclass(frozen=True)
class Form:
    """The representation of densities on the axis.

    reference: zero of energy. outside: values beyond the data, "zero" or a linear "ramp" to zero at the end of the
    axis. per: normalization, per "cell", "site" or distinct "element". down: sign of the second spin.
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


def resampled(
    dos: ProjectedDOS, form: str | Form = "corrected", *, reference: str = "", any_zero: bool = False
) -> np.ndarray:
    """Densities (2, 9, 1500) as float32 between -20 and 10 eV, in a `Form` or one of `FORMS` by name.

    reference: replaces that of the form. any_zero: where absolute energies are needed and not available, take the
    energies as they are instead of refusing them.
    """
    form = form_of(form, reference)
    dos = _in_form(dos, form, any_zero)
    energies, densities = _with_ramps(dos) if form.outside == "ramp" else (dos.energies, dos.densities)
    counts = dos.counts()
    values = _interpolated(energies, densities)
    values *= np.float32(counts[dos.per] / counts[form.per])
    if form.down != 1:
        values[1] *= form.down
    return values


def form_of(form: str | Form, reference: str = "") -> Form:
    """A form by name, with another energy reference if given."""
    if isinstance(form, str):
        if form not in FORMS:
            raise UserError(f"variant {form!r} is unknown; choose one of {', '.join(FORMS)}")
        form = FORMS[form]
    return replace(form, reference=reference) if reference else form


def covered(dos: ProjectedDOS, form: str | Form = "corrected", *, any_zero: bool = False) -> tuple[float, float]:
    """The range of the axis (eV, from and to) that the data cover; raises if it is too short or has no states."""
    dos = _in_form(dos, form_of(form), any_zero)
    low, high = max(LOW, float(dos.energies[0])), min(HIGH, float(dos.energies[-1]))
    if high - low < LEAST_COVERED:
        zero = "" if dos.reference == "absolute" else f" from the {ZEROS[dos.reference]}"
        raise UserError(
            f"the density of states covers {dos.energies[0]:.1f} to {dos.energies[-1]:.1f} eV{zero}, less than "
            f"{LEAST_COVERED:g} eV of the axis from {LOW:g} to {HIGH:g} eV; compute a wider range (EMIN, EMAX)"
        )
    if not dos.densities[..., (dos.energies >= low) & (dos.energies <= high)].any():
        raise UserError(f"the density of states has no states between {low:.1f} and {high:.1f} eV; compute it again")
    return low, high


def _in_form(dos: ProjectedDOS, form: Form, any_zero: bool) -> ProjectedDOS:
    if form.reference == "absolute" and dos.reference != "absolute":
        if not any_zero:
            raise UserError(
                f"the model takes absolute energies and these are relative to the {dos.reference}; "
                "use a model with energies from the Fermi level"
            )
        return replace(dos, reference="absolute")
    return dos.referred_to(form.reference)


def _interpolated(energies: np.ndarray, densities: np.ndarray) -> np.ndarray:
    """Linear interpolation of all channels, zero outside the data."""
    index = np.clip(np.searchsorted(energies, AXIS, side="right") - 1, 0, len(energies) - 2)
    share = (AXIS - energies[index]) / (energies[index + 1] - energies[index])
    # Tolerate rounding at both ends.
    inside = (share > -1e-9) & (share < 1 + 1e-9)
    rows = densities.reshape(-1, len(energies))
    # In place; mode "clip" skips the bounds check.
    values, right = np.take(rows, index, axis=1, mode="clip"), np.take(rows, index + 1, axis=1, mode="clip")
    values *= ((1 - share) * inside).astype(rows.dtype)
    right *= (share * inside).astype(rows.dtype)
    values += right
    return values.reshape(2, len(ORBITALS), -1).astype(np.float32, copy=False)


def _with_ramps(dos: ProjectedDOS) -> tuple[np.ndarray, np.ndarray]:
    """Add a zero at each end of the axis that the data do not cover."""
    energies, densities = dos.energies, dos.densities
    zero = np.zeros((*densities.shape[:2], 1), densities.dtype)
    if energies[0] > LOW:
        energies, densities = np.append(LOW, energies), np.concatenate([zero, densities], axis=2)
    if energies[-1] < HIGH:
        energies, densities = np.append(energies, HIGH), np.concatenate([densities, zero], axis=2)
    return energies, densities
