"""Moments of shapes with known results, and densities of states distinguished by them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from esnet.dos.moments import NAMES, moments, weights
from esnet.dos.resampling import HIGH, LOW, POINTS
from esnet.dos.similarity import DESCRIPTORS, descriptors, similarity

AXIS = np.linspace(LOW, HIGH, POINTS)
#: Whose points fall on the edges of the boxes.
HUNDREDTHS = np.linspace(LOW, HIGH, 3001)


def box(low, high, axis=HUNDREDTHS):
    return ((axis > low - 1e-9) & (axis < high + 1e-9)).astype(float)


def gauss(centre, width, axis=AXIS):
    return np.exp(-0.5 * ((axis - centre) / width) ** 2)


@pytest.mark.parametrize("fermi", [-7.0, -5.0, -4.9637, -3.2, -1.0, 4.0])
@pytest.mark.parametrize("axis", [HUNDREDTHS, np.linspace(-5, -1, 401)])
def test_box(axis, fermi):
    found = dict(zip(NAMES, moments(axis, 3.7 * box(-5, -1, axis), fermi), strict=True))
    wanted = {"filling": np.clip((fermi + 5) / 4, 0, 1), "centre": -3, "width": 4 / 12**0.5, "skewness": 0}
    assert found == pytest.approx(wanted | {"kurtosis": 1.8}, abs=1e-6)


@pytest.mark.parametrize("fermi", [-6.0, -4.2, -4.0, -3.777, 8.0])
@pytest.mark.parametrize("width", [0.5, 0.7, 1.3])
def test_gaussian(width, fermi):
    filling = 0.5 * (1 + math.erf((fermi + 4.2) / width / 2**0.5))
    assert moments(AXIS, 0.2 * gauss(-4.2, width), fermi) == pytest.approx([filling, -4.2, width, 0, 3], abs=1e-6)


def test_delta():
    """One point: no width, so no shape; full as soon as the Fermi level reaches it."""
    density = np.zeros(POINTS)
    density[700] = 5.0
    for fermi, filling in ((AXIS[699], 0), (AXIS[700], 1), (AXIS[700] + 0.005, 1), (HIGH, 1)):
        assert moments(AXIS, density, fermi) == pytest.approx([filling, AXIS[700], 0, 0, 0], abs=1e-6)


def test_two_deltas():
    """Half of the states two below and half two above; the kurtosis of that is 1."""
    density = np.zeros(301)
    density[[100, 140]] = 1.0
    assert moments(np.linspace(-15, 15, 301), density, -4.0) == pytest.approx([0.5, -3, 2, 0, 1], abs=1e-6)


def test_a_narrow_gaussian():
    """Three steps wide, its shape is still exact; how full it is depends on the Fermi level between two points."""
    found = moments(AXIS, gauss(-4.2, 0.06), -4.17)
    assert found[1:] == pytest.approx([-4.2, 0.06, 0, 3], abs=1e-6)
    assert found[0] == pytest.approx(0.5 * (1 + math.erf(0.5 / 2**0.5)), abs=2e-3)


def test_a_skewed_shape():
    """A ramp that rises from 1 to 5 over four eV, with a jump at both ends."""
    ramp = (HUNDREDTHS + 5) * box(-4, 0)
    density = np.polynomial.Polynomial([5, 1])

    def integral(power, to=0.0, around=0.0):
        whole = (density * np.polynomial.Polynomial([-around, 1]) ** power).integ()
        return whole(to) - whole(-4)

    states = integral(0)
    centre = integral(1) / states
    width = (integral(2, around=centre) / states) ** 0.5
    shape = [integral(k, around=centre) / states / width**k for k in (3, 4)]
    wanted = [integral(0, to=-1.0) / states, centre, width, *shape]
    assert moments(HUNDREDTHS, ramp, -1.0) == pytest.approx(wanted, abs=1e-6)


def test_channels_without_states_and_of_the_other_sign():
    stack = np.stack([gauss(-4, 1), np.zeros(POINTS), -gauss(-4, 1)]).reshape(3, 1, POINTS)
    found = moments(AXIS, stack, -4.0)
    assert found.shape == (3, 1, 5) and (found[1] == 0).all()
    assert np.array_equal(found[0], found[2])


@given(st.lists(st.just(0.0) | st.floats(0.01, 5), min_size=8, max_size=40), st.floats(-3, 3), st.floats(0.1, 9))
def test_moments_move_and_scale(values, shift, factor):
    axis, density = np.linspace(-2, 2, len(values)), np.array(values)
    one, other = moments(axis, density, 0.5), moments(axis + shift, factor * density, 0.5 + shift)
    one[1] += shift * density.any()
    assert other == pytest.approx(one, abs=1e-6)


def test_weights_add_up_to_the_range():
    assert (weights(AXIS, np.ones(POINTS))).sum() == pytest.approx(HIGH - LOW)
    assert weights(AXIS, np.zeros(POINTS)).sum() == 0


def test_descriptors():
    """States count the height, all others the shape alone."""
    top = AXIS[800]  # a point, so that the highest value is the height
    one = dict(zip(DESCRIPTORS, descriptors(AXIS, 3 * gauss(top, 1)), strict=True))
    area = (2 * np.pi) ** 0.5
    wanted = {"states": 3 * area, "area (eV)": area, "centre (eV)": top, "width (eV)": 1, "skewness": 0, "kurtosis": 3}
    assert one == pytest.approx(wanted, abs=1e-6)
    assert descriptors(AXIS, -gauss(top, 1))[1:] == pytest.approx(list(wanted.values())[1:], abs=1e-6)
    flat = descriptors(HUNDREDTHS, np.full((2, 3001), 0.5))
    assert flat[0] == pytest.approx([15, 30, -5, 30 / 12**0.5, 0, 1.8], abs=1e-6)


def test_pairs_against_random_pairs():
    random = np.random.default_rng(0)
    materials = random.normal(size=(200, 18, 6)) * [1, 2, 3, 4, 5, 6]
    found = similarity(materials, materials + 0.1)
    assert [one["pairs"] for one in found.values()] == pytest.approx([0.1] * 6)
    # Two independent normal numbers of deviation s lie 2 s / sqrt(pi) apart.
    expected = 2 / math.pi**0.5 * np.arange(1, 7)
    assert [one["random"] for one in found.values()] == pytest.approx(list(expected), rel=0.05)
    assert similarity(materials, materials)["states"]["pairs"] == 0


def test_nothing_is_its_own_random_partner():
    """With two materials the random pairs are the two crossed ones."""
    two = np.array([[[0.0] * 6], [[1.0] * 6]])
    for seed in range(5):
        assert similarity(two, two, seed=seed)["states"] == {"pairs": 0, "random": 1, "ratio": 0}


def test_wrong_shapes():
    with pytest.raises(UserError, match="do not match"):
        similarity(np.zeros((2, 18, 6)), np.zeros((3, 18, 6)))
    with pytest.raises(UserError, match="two materials"):
        similarity(np.zeros((1, 18, 6)), np.zeros((1, 18, 6)))


def test_strained_crystals_stay_alike(mini):
    """Compounds of the embedded set beside their copies with 6 % more volume: far nearer than random pairs."""
    from esnet.dos.projected import from_densities
    from esnet.dos.resampling import resampled

    def described(names):
        return np.array([descriptors(AXIS, resampled(from_densities(mini.dos(row)))) for row in mini.rows_of(names)])

    strained = [name for name in mini.ids.tolist() if name.endswith("-v106") and name[:-5] in mini]
    one, other = (described(names).reshape(-1, 18, 6) for names in ([n[:-5] for n in strained], strained))
    found = similarity(one, other)
    assert len(strained) > 20 and all(values["ratio"] < 0.3 for values in found.values()), found
