"""Densities of states reach the network's axis without losing states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from esnet.dos.projected import ProjectedDOS
from esnet.dos.resampling import HIGH, LOW, POINTS, resampled
from tests.esnet.densities import made

AXIS = np.linspace(LOW, HIGH, POINTS)


def test_both_stored_forms_agree(embedded):
    """Absolute energies referred to the Fermi level are those stored so, up to half precision and bins."""
    absolute = embedded("TiN-B1")
    one, other = resampled(absolute), resampled(embedded("TiN-B1", aligned=True))
    # The absolute form was cut at -20 and 10 eV before it was moved.
    shifted = AXIS + absolute.fermi
    both = (shifted > LOW + 0.1) & (shifted < HIGH - 0.1)
    assert one[..., both].sum() == pytest.approx(other[..., both].sum(), rel=5e-3)
    assert np.corrcoef(one[..., both].ravel(), other[..., both].ravel())[0, 1] > 0.98


def test_the_released_form():
    dos = made()
    values = resampled(dos, "released")
    assert values.shape == (2, 9, 1500) and values.dtype == np.float32
    inside = (AXIS > -15) & (AXIS < 10)
    expected = np.interp(AXIS[inside], dos.energies, dos.densities[1, 3]) / 2
    assert np.allclose(values[1, 3, inside], -expected, atol=1e-6)
    # A straight ramp from zero at -20 eV up to the first value at -15 eV, where the article has zero.
    ramp = AXIS < -15
    assert np.allclose(values[0, 0, ramp], (AXIS[ramp] + 20) / 5 * dos.densities[0, 0, 0] / 2, atol=1e-6)


def test_the_corrected_form():
    dos = made()
    values = resampled(dos)
    assert (values >= 0).all() and not values[..., (AXIS < -17) | (AXIS > 10.1)].any()
    inside = (AXIS > -16.9) & (AXIS < 9.9)
    assert np.allclose(values[0, 2, inside], np.interp(AXIS[inside] + 2.0, dos.energies, dos.densities[0, 2]) / 4)
    inside &= AXIS > -16.4
    valence = resampled(dos, reference="valence band")
    assert np.allclose(valence[0, 2, inside], np.interp(AXIS[inside] + 1.5, dos.energies, dos.densities[0, 2]) / 4)


@given(st.floats(-5, 5), st.integers(0, 5))
def test_the_zero_of_energy_does_not_matter_once_aligned(shift, seed):
    dos = made(seed=seed)
    moved = ProjectedDOS(
        dos.energies + shift, dos.densities, dos.fermi + shift, dos.valence_top + shift, "absolute", True, "", 4, ("O",)
    )
    assert np.allclose(resampled(moved), resampled(dos), atol=1e-5)


def test_absolute_energies_cannot_be_had_from_others():
    with pytest.raises(UserError, match="the model takes absolute energies"):
        resampled(made().referred_to("fermi"), "released")
