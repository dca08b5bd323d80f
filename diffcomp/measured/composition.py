"""Compositions as an instrument gives them: atomic per cent, perhaps with errors, and what these do to predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from common.chem.elements import NUMBERS
from common.chem.formula import Amounts, parse_formula
from common.errors import UserError

#: Percentages may be off 100 by as much, for rounding and for what an instrument does not see.
TOLERANCE = 1.0
#: Least share of an element, per cent, where its error would take it to zero or below.
LEAST = 1e-3
FORM = "write SnO2, or atomic per cent such as Sn=33.1,O=66.9 or Sn=33.1+-0.5,O=66.9+-0.5"


class Composition(NamedTuple):
    """Amounts by atomic number; errors: standard deviations of those that have one, in the same measure."""

    amounts: Amounts
    errors: dict[int, float]


def read_composition(text: str) -> Composition:
    """`SnO2`, `Sn=33.1,O=66.9` in atomic per cent, or with standard deviations, `Sn=33.1+-0.5,O=66.9+-0.5`."""
    if "=" not in text:
        return Composition(parse_formula(text), {})
    symbols, shares, errors = [], [], []
    for part in text.replace(";", ",").split(","):
        symbol, _, value = part.partition("=")
        share, sign, error = re.sub(r"\+/-|\u00b1", "+-", value).partition("+-")
        try:
            shares.append(float(share))
            errors.append(float(error) if sign else 0.0)
        except ValueError:
            raise UserError(f"{text!r} is no composition; {FORM}") from None
        symbols.append(symbol.strip())
    amounts = measured(shares, symbols)
    for symbol, error in zip(symbols, errors, strict=True):
        if not 0 <= error < 100:
            raise UserError(f"{symbol} has an error of {error:g} atomic per cent; give one of 0 to 100")
    return Composition(amounts, {NUMBERS[s]: e for s, e in zip(symbols, errors, strict=True) if e})


def measured(percentages: Sequence[float], symbols: Sequence[str], *, tolerance: float = TOLERANCE) -> dict[int, float]:
    """A composition measured in atomic per cent, as amounts; it must sum to 100 within `tolerance`."""
    if len(percentages) != len(symbols):
        raise UserError(f"{len(percentages)} percentages for {len(symbols)} elements")
    if not all(np.isfinite(percentages)):
        raise UserError("a percentage is no number; give each element's share in atomic per cent")
    if len(set(symbols)) < len(symbols):
        raise UserError(f"{max(symbols, key=list(symbols).count)} occurs twice; give its total once")
    if abs(sum(percentages) - 100) > tolerance:
        raise UserError(f"the percentages sum to {sum(percentages):g}, not to 100")
    for symbol, share in zip(symbols, percentages, strict=True):
        if symbol not in NUMBERS or share <= 0:
            raise UserError(f"{symbol} {share:g} %: the element is unknown or its share is not above zero")
    return {NUMBERS[symbol]: float(share) for symbol, share in zip(symbols, percentages, strict=True)}


def spread(composition: Composition, predicted: Callable[[list[Amounts]], np.ndarray]) -> float:
    """The standard deviation of a prediction that comes from that of its composition, errors being independent.

    predicted: values (n,) for n compositions. Half the difference between a standard deviation more and less of each
    element; the shares of the others follow, since only fractions count.
    """
    moved = []
    for z, error in composition.errors.items():
        amount = float(composition.amounts[z])
        moved += [{**composition.amounts, z: max(amount + step, LEAST)} for step in (error, -error)]
    if not moved:
        return 0.0
    values = predicted(moved)
    return float(np.sqrt(np.sum(((values[::2] - values[1::2]) / 2) ** 2)))
