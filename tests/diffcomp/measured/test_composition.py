"""Atomic per cent with errors, and what errors do to a prediction."""

import numpy as np
import pytest

from common.errors import UserError
from diffcomp.composition.element_table import element_space
from diffcomp.composition.embedding import composition_vector
from diffcomp.measured.composition import Composition, measured, read_composition, spread


def test_measured_compositions():
    space = element_space()
    amounts = measured([33.4, 66.5], ["Ti", "O"])
    assert np.abs(composition_vector(amounts, space) - composition_vector("TiO2", space)).max() < 2e-3
    for shares, symbols, reason in (
        ([30, 60], ["Ti", "O"], "sum to 90, not to 100"),
        ([100, 0], ["Ti", "O"], "O 0 %"),
        ([50, 50], ["Ti", "Xx"], "Xx 50 %"),
        ([100], ["Ti", "O"], "1 percentages for 2 elements"),
        ([float("nan"), 50], ["Sn", "O"], "a percentage is no number"),
        ([33, 33, 34], ["Sn", "Sn", "O"], "Sn occurs twice"),
    ):
        with pytest.raises(UserError, match=reason):
            measured(shares, symbols)


@pytest.mark.parametrize("sign", ["+-", "+/-", "\u00b1"])
def test_errors_are_read(sign):
    found = read_composition(f"Sn=33.1{sign}0.5; O = 66.9 {sign} 1.5")
    assert found == Composition({50: 33.1, 8: 66.9}, {50: 0.5, 8: 1.5})


def test_compositions_without_errors():
    assert read_composition("SnO2") == Composition({50: 1, 8: 2}, {})
    assert read_composition("Sn=33.3,O=66.7+-0").errors == {}
    assert read_composition("Sn=33.3,O=66.7+-1").errors == {8: 1.0}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Sn=33+-x,O=67", "is no composition; write SnO2"),
        ("Sn=33,O", "is no composition; write SnO2"),
        ("Sn=33+-,O=67", "is no composition; write SnO2"),
        ("Sn=33+--1,O=67", "Sn has an error of -1 atomic per cent"),
        ("Sn=33+-nan,O=67", "Sn has an error of nan atomic per cent"),
        ("Sn=33+-100,O=67", "Sn has an error of 100 atomic per cent"),
        ("Sn=33+-1,O=60", "the percentages sum to 93"),
    ],
)
def test_what_is_no_composition(text, reason):
    with pytest.raises(UserError, match=reason):
        read_composition(text)


def fraction(moved) -> np.ndarray:
    """A property that is the tin fraction."""
    return np.array([one[50] / sum(one.values()) for one in moved])


def test_the_spread_is_that_of_error_propagation():
    """f = a / (a + b): the deviation is sqrt((b da)^2 + (a db)^2) / (a + b)^2, and that of many draws."""
    amounts, errors = {50: 33.0, 8: 67.0}, {50: 0.5, 8: 0.8}
    expected = np.hypot(67 * 0.5, 33 * 0.8) / 100**2
    assert spread(Composition(amounts, errors), fraction) == pytest.approx(expected, rel=1e-3)
    random = np.random.default_rng(0)
    draws = [{z: random.normal(amounts[z], errors[z]) for z in amounts} for _ in range(20_000)]
    assert spread(Composition(amounts, errors), fraction) == pytest.approx(fraction(draws).std(), rel=0.03)
    assert spread(Composition(amounts, {}), fraction) == 0


def test_an_error_larger_than_the_share_keeps_the_element():
    seen = []
    spread(Composition({50: 1.0, 8: 99.0}, {50: 5.0}), lambda moved: seen.extend(moved) or np.zeros(len(moved)))
    assert [one[50] for one in seen] == [6.0, 1e-3]
