"""Epsilon-near-zero windows of oscillators whose crossover is known in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from finder.optics import crossovers, element_pairs, enz_materials, enz_windows

ENERGY = np.linspace(0, 30, 3001)


def lorentz(plasma: float, resonance: float = 0.0, width: float = 0.0, background: float = 1.0):
    """One oscillator: background + plasma^2 / (resonance^2 - E^2 - i E width)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return background + plasma**2 / (resonance**2 - ENERGY**2 - 1j * ENERGY * width)


@given(st.floats(1, 20), st.floats(1, 10), st.floats(1, 4))
def test_crossover_of_an_undamped_oscillator(plasma, resonance, background):
    """Real part zero at sqrt(resonance^2 + plasma^2 / background), and a pole, not a zero, at the resonance."""
    eps = lorentz(plasma, resonance, 1e-3, background)
    expected = (resonance**2 + plasma**2 / background) ** 0.5
    found = crossovers(ENERGY, eps.real)
    assert np.abs(found - expected).min() < 1e-3 if expected < 30 else True


def test_a_drude_metal():
    eps = lorentz(6.0, 0.0, 0.1)
    windows = enz_windows(ENERGY[1:], eps.real[1:], eps.imag[1:])
    assert len(windows) == 1
    window = windows[0]
    # 1 - 36 / (E^2 + 0.01) = 0, and = -1 at the lower end; above, eps_re stays under 1 to the end of the range.
    assert window.crossover == pytest.approx((36 - 0.01) ** 0.5, abs=1e-3)
    assert window.low == pytest.approx((18 - 0.01) ** 0.5, abs=0.011) and window.high == pytest.approx(12.4, abs=0.011)
    assert window.loss == pytest.approx(0.1 * 36 / (6 * 36), rel=0.01)


def test_too_lossy_too_low_too_high():
    assert not enz_windows(ENERGY[1:], lorentz(6, 0, 9).real[1:], lorentz(6, 0, 9).imag[1:] + 2)
    for plasma in (0.3, 14.0):
        eps = lorentz(plasma, 0, 0.01)
        assert len(crossovers(ENERGY[1:], eps.real[1:])) == 1
        assert not enz_windows(ENERGY[1:], eps.real[1:], eps.imag[1:])


def test_materials_far_from_the_hull_are_left_out():
    eps = np.array([lorentz(6, 0, 0.1)[1:]] * 3)
    found = enz_materials(ENERGY[1:], eps.real, eps.imag, ["a", "b", "c"], [0.0, 0.0249, 0.025])
    assert list(found) == ["a", "b"]


def test_pairs_of_elements():
    pairs = element_pairs(["SrTiO3", "BaTiO3", "TiN", "Ti"])
    assert pairs == {("O", "Ti"): 2, ("O", "Sr"): 1, ("Ti", "Sr"): 1, ("O", "Ba"): 1, ("Ti", "Ba"): 1, ("N", "Ti"): 1}


def test_energies_must_rise():
    with pytest.raises(UserError, match="must increase"):
        crossovers(ENERGY[::-1], ENERGY)
