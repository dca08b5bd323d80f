"""Chemical formulas as numbers of atoms: `Ba0.5Sr0.5TiO3` -> {56: 1, 38: 1, 22: 2, 8: 6}.

Plain Python and exact fractions, some microseconds a formula, so that millions can be streamed.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from common.chem.elements import NUMBERS
from common.errors import UserError

ISOTOPES = {"D": "deuterium", "T": "tritium"}
_PART = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d*)?|\.\d+)?")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_TOKEN = re.compile(rf"{_PART.pattern}|([(\[{{])|([)\]}}])(\d+(?:\.\d*)?|\.\d+)?")
_CLOSES = {"(": ")", "[": "]", "{": "}"}
#: `CuSO4.5H2O` would otherwise be read as 4.5 oxygen atoms.
_WATER = re.compile(r"[·•*∙⋅]|[1-9]\.\d*H2O$|\.\(?H2O")

Amounts = dict[int, int | Fraction]


def parse_formula(text: str) -> Amounts:
    """Atomic number -> amount, exactly as written; groups in brackets are multiplied out.

    >>> parse_formula("Ca(OH)2")
    {20: 1, 8: 2, 1: 2}
    """
    text = text.replace(" ", "")
    if not text:
        raise UserError("the formula is empty; write it like TiO2")
    if not _WHOLE.fullmatch(text) or text.endswith("H2O"):
        return _slowly(text)
    amounts: Amounts = {}
    for symbol, amount in _PART.findall(text):
        _add(amounts, symbol, _number(amount), text)
    return amounts


def _number(text: str) -> int | Fraction:
    return 1 if not text else int(text) if text.isdigit() else Fraction(text)


def _add(amounts: Amounts, symbol: str, amount: int | Fraction, text: str) -> None:
    z = NUMBERS.get(symbol)
    if z is None:
        if symbol in ISOTOPES:
            raise UserError(f"{text} holds {ISOTOPES[symbol]} ({symbol}), which no model here knows; write H instead")
        raise UserError(f"{text}: {symbol} is not a chemical element; correct the name")
    if amount == 0:
        raise UserError(f"{text}: the amount of {symbol} is zero; leave {symbol} out")
    amounts[z] = amounts.get(z, 0) + amount


def _slowly(text: str) -> Amounts:
    """Formulas with groups; says what is wrong with all others."""
    if _WATER.search(text):
        raise UserError(f"{text}: write a hydrate as one formula, CuSO4·5H2O as CuSO4(H2O)5")
    levels: list[Amounts] = [{}]
    opened: list[str] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise UserError(_complaint(text, position))
        symbol, amount, opens, closes, times = token.groups()
        if symbol:
            _add(levels[-1], symbol, _number(amount), text)
        elif opens:
            opened.append(opens)
            levels.append({})
        else:
            if not opened or _CLOSES[opened.pop()] != closes or not levels[-1]:
                raise UserError(f"{text}: its brackets do not match; write groups like Ca(OH)2")
            if _number(times) == 0:
                raise UserError(f"{text}: a group has the amount zero; leave it out")
            inner = levels.pop()
            for z, count in inner.items():
                levels[-1][z] = levels[-1].get(z, 0) + count * _number(times)
        position = token.end()
    if opened:
        raise UserError(f"{text}: its brackets do not match; write groups like Ca(OH)2")
    return levels[0]


def _complaint(text: str, position: int) -> str:
    rest = text[position:]
    if re.match(r"-\d", rest):
        return f"{text}: amounts must be above zero; correct {rest}"
    if rest[0] in "+-^":
        return f"{text}: charges cannot be used; write the neutral formula"
    return f"{text!r} is not a chemical formula (see {rest[:10]!r}); write it like TiO2 or Ca(OH)2"


def same_ratio(amounts: Amounts, counts: dict[int, int]) -> bool:
    """Whether whole numbers of atoms have exactly the ratio of the amounts, and not a coarser one."""
    whole, total = sum(amounts.values()), sum(counts.values())
    return all(amounts[z] * total == n * whole for z, n in counts.items())


def integer_counts(amounts: Amounts, *, limit: int = 0, tolerance: float = 0.0) -> dict[int, int]:
    """The smallest whole numbers of atoms with these ratios: Si8 -> {14: 1}, Fe0.5Ni0.5 -> {26: 1, 28: 1}.

    With a `limit` and a `tolerance`, ratios that need more atoms than the limit are replaced by the smallest ones that
    meet every element's share within `tolerance` of itself: Fe0.333Ni0.667 becomes FeNi2, not Fe333Ni667.
    """
    values = list(amounts.values())
    if not all(type(value) is int for value in values):
        scale = lcm(*(Fraction(value).denominator for value in values))
        values = [int(value * scale) for value in values]
    common = gcd(*values)
    counts = {z: value // common for z, value in zip(amounts, values, strict=True)}
    total = sum(counts.values())
    if not limit or total <= limit:
        return counts
    if tolerance:
        shares = np.array([value / total for value in counts.values()])
        tried = np.maximum(np.rint(np.arange(1, limit + 1)[:, None] * shares), 1)
        off = np.abs(tried / tried.sum(axis=1, keepdims=True) / shares - 1).max(axis=1)
        fits = np.flatnonzero((off <= tolerance) & (tried.sum(axis=1) <= limit))
        if len(fits):
            return dict(zip(counts, tried[fits[0]].astype(int).tolist(), strict=True))
    raise UserError(f"its smallest whole formula has {total:,} atoms, more than {limit}; write a coarser ratio")
