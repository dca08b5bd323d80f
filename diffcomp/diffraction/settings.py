"""How a diffraction pattern is simulated. The article leaves this out; the defaults are recovered from its pictures."""

from __future__ import annotations

from dataclasses import dataclass

#: Who computes a pattern, how a picture is made of it, how a measured one is scaled.
SIMULATORS = ("sum", "condor")
PICTURES = ("released", "corrected")
SCALES = ("linear", "sqrt", "log")
#: Classical electron radius, m.
ELECTRON_RADIUS = 2.8179403262e-15


@dataclass(frozen=True)
class Diffraction:
    """Beam, crystal and detector of a simulated pattern, and how it becomes a picture.

    wavelength, focus: m; pulse_energy: J; distance: m, crystal to detector.
    width: m, side of the square detector, whatever its number of pixels; the beam meets its centre.
    cells: the crystal is a block of so many cells along each lattice vector.
    angle: degrees by which the crystal is turned right-handed about x, y and z for the three patterns.

    box: side in pixels of the box that every peak is smeared with before a picture is made, at 256 pixels.
    """

    wavelength: float = 3.5e-12
    pulse_energy: float = 1e-6
    focus: float = 1e-6
    distance: float = 0.1
    width: float = 256 * 4e-5
    cells: int = 10
    angle: float = 45.0
    box: int = 9

    @property
    def photons(self) -> float:
        """Photons per square metre on the crystal: the pulse spread over the disc of the focus."""
        from math import pi

        energy = 6.62607015e-34 * 299792458 / self.wavelength
        return self.pulse_energy / energy / (pi * self.focus**2 / 4)


def rotations(angle: float) -> list:
    """Right-handed rotations (3, 3) about x, y and z by an angle in degrees."""
    import numpy as np  # which --help does without

    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    about_x = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    order = ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    return [about_x[np.ix_(axes, axes)] for axes in order]
