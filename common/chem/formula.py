"""Chemical formulas as amounts of atoms: `Ba0.5Sr0.5TiO3` -> {56: 1/2, 38: 1/2, 22: 1, 8: 3}.

Pure Python with exact fractions; a formula takes a few microseconds, so lists of millions can be streamed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import gcd, inf, lcm

from common.chem.elements import ELECTRONEGATIVITY, NUMBERS, SYMBOLS
from common.errors import UserError

#: Digits of an amount, twice those of a float, and its value; Python itself refuses numbers of 4,300 digits.
LONGEST_AMOUNT, LARGEST_AMOUNT = 40, 1_000_000_000
ISOTOPES = {"D": "deuterium", "T": "tritium"}
_ATOM = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d*)?|\.\d+)?")
_ATOMS = re.compile(rf"(?:{_ATOM.pattern})+")
_TOKEN = re.compile(rf"{_ATOM.pattern}|([(\[{{])|([)\]}}])(\d+(?:\.\d*)?|\.\d+)?")
_CLOSING = {"(": ")", "[": "]", "{": "}"}
#: `CuSO4.5H2O` would otherwise be read as 4.5 oxygen atoms.
_HYDRATE = re.compile(r"[·•*∙⋅]|[1-9]\.\d*H2O$|\.\(?H2O")
#: Pasted formulas have them: SrTiO₃.
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789", " ")
#: The charge of an ion at the end of a formula.
_CHARGE = re.compile(r"\^?\d*[+-]+\d*")
#: Formulas that are not reduced further.
_MOLECULES = {f"{metal}O": f"{metal}2O2" for metal in ("Li", "Na", "K", "Rb", "Cs", "H")} | {
    element: f"{element}2" for element in ("H", "N", "O", "F", "Cl")
}
#: The last two elements form a group, as SO4 does, where their electronegativities differ by less than this.
_GROUP_DIFFERENCE = 1.65

Amounts = Mapping[int, int | Fraction]


def parse_formula(text: str) -> dict[int, int | Fraction]:
    """Atomic number -> amount, exactly as written; groups in brackets are multiplied out.

    >>> parse_formula("Ca(OH)2")
    {20: 1, 8: 2, 1: 2}
    """
    text = text.translate(_SUBSCRIPTS)
    if not text:
        raise UserError("the formula is empty; write it like TiO2")
    if not _ATOMS.fullmatch(text) or text.endswith("H2O"):
        return _parse_groups(text)
    amounts: dict[int, int | Fraction] = {}
    for symbol, amount in _ATOM.findall(text):
        _add(amounts, symbol, _number(amount), text)
    return amounts


def symbols_in(text: str) -> list[str]:
    """The elements of a formula or composition, sorted; no amounts are read, so that `Sn=33.1,O=66.9` is taken too.

    >>> symbols_in("Ca(OH)2")
    ['Ca', 'H', 'O']
    """
    return sorted({symbol for symbol in re.findall("[A-Z][a-z]?", text) if symbol in NUMBERS})


def _number(text: str | None) -> int | Fraction:
    if text and len(text) > LONGEST_AMOUNT:
        raise UserError(f"the amount {text[:10]}... has {len(text)} digits; round it")
    return 1 if not text else int(text) if text.isdigit() else Fraction(text)


def _add(amounts: dict[int, int | Fraction], symbol: str, amount: int | Fraction, text: str) -> None:
    z = NUMBERS.get(symbol)
    if z is None:
        if symbol in ISOTOPES:
            raise UserError(f"{text} contains {ISOTOPES[symbol]} ({symbol}), which no model supports; write H instead")
        raise UserError(f"{text}: {symbol} is not a chemical element; correct the name")
    if amount == 0:
        raise UserError(f"{text}: the amount of {symbol} is zero; leave {symbol} out")
    amounts[z] = amounts.get(z, 0) + _limited(amount, z, text)


def _limited(amount: int | Fraction, z: int, text: str) -> int | Fraction:
    if amount > LARGEST_AMOUNT:
        raise UserError(f"{text}: the amount of {SYMBOLS[z]} is above {LARGEST_AMOUNT:,}; reduce the formula")
    return amount


def _parse_groups(text: str) -> dict[int, int | Fraction]:
    """Formulas with groups; explains what is wrong with all others."""
    if _HYDRATE.search(text):
        raise UserError(f"{text}: write a hydrate as one formula, CuSO4·5H2O as CuSO4(H2O)5")
    levels: list[dict[int, int | Fraction]] = [{}]
    opened: list[str] = []
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise UserError(_syntax_error(text, position))
        symbol, amount, opening, closing, times = token.groups()
        if symbol:
            _add(levels[-1], symbol, _number(amount), text)
        elif opening:
            opened.append(opening)
            levels.append({})
        else:
            if not opened or _CLOSING[opened.pop()] != closing or not levels[-1]:
                raise UserError(f"{text}: its brackets do not match; write groups like Ca(OH)2")
            if _number(times) == 0:
                raise UserError(f"{text}: a group has the amount zero; leave it out")
            group = levels.pop()
            for z, count in group.items():
                levels[-1][z] = levels[-1].get(z, 0) + _limited(count * _number(times), z, text)
        position = token.end()
    if opened:
        raise UserError(f"{text}: its brackets do not match; write groups like Ca(OH)2")
    return levels[0]


def _syntax_error(text: str, position: int) -> str:
    rest = text[position:]
    if re.match(r"-\d", rest):
        return f"{text}: amounts must be above zero; correct {rest}"
    if rest[0] in "+^" or _CHARGE.fullmatch(rest):
        return f"{text}: charges cannot be used; write the neutral formula"
    return f"{text!r} is not a chemical formula (see {rest[:10]!r}); write it like TiO2 or Ca(OH)2"


def reduced_formula(amounts: Amounts) -> str:
    """The formula as pymatgen's `reduced_formula` writes it: elements by electronegativity, integer amounts reduced.

    >>> reduced_formula(parse_formula("F4Cd2"))
    'CdF2'
    """
    ordered = sorted(amounts, key=lambda z: (ELECTRONEGATIVITY.get(z, inf), SYMBOLS[z]))
    if any(amounts[z].denominator > 1 for z in ordered):
        return "".join(f"{SYMBOLS[z]}{round(float(amounts[z]), 8):.12g}" for z in ordered)
    factor, group = gcd(*(int(amounts[z]) for z in ordered)), ""
    counts = [int(amounts[z]) // factor for z in ordered]
    if len(ordered) >= 3 and (times := gcd(*counts[-2:])) > 1 and _form_group(*ordered[-2:]):
        atoms = zip(ordered[-2:], counts[-2:], strict=True)
        group = f"({''.join(SYMBOLS[z] + _amount_text(count // times) for z, count in atoms)}){times}"
        ordered, counts = ordered[:-2], counts[:-2]
    text = "".join(SYMBOLS[z] + _amount_text(count) for z, count in zip(ordered, counts, strict=True)) + group
    return _MOLECULES.get(text, text)


def _form_group(first: int, second: int) -> bool:
    known = first in ELECTRONEGATIVITY and second in ELECTRONEGATIVITY
    return known and ELECTRONEGATIVITY[second] - ELECTRONEGATIVITY[first] < _GROUP_DIFFERENCE


def formula_by_number(counts: Mapping[int, int]) -> str:
    """Reduced formula, elements by atomic number; digests and splits of stored results depend on this order."""
    factor = gcd(*counts.values())
    return "".join(SYMBOLS[z] + _amount_text(counts[z] // factor) for z in sorted(counts))


def _amount_text(count: int) -> str:
    return "" if count == 1 else str(count)


def normalize_formula(text: str) -> str:
    """A formula in the one order in which results are written, see `reduced_formula`."""
    return reduced_formula(parse_formula(text))


def same_ratio(amounts: Amounts, counts: Mapping[int, int]) -> bool:
    """Whether integer counts have exactly the ratio of the amounts, and not an approximate one."""
    total, total_count = sum(amounts.values()), sum(counts.values())
    return all(amounts[z] * total_count == n * total for z, n in counts.items())


def integer_counts(amounts: Amounts, *, limit: int = 0, tolerance: float = 0.0) -> dict[int, int]:
    """The smallest integer numbers of atoms with these ratios: Si8 -> {14: 1}, Fe0.5Ni0.5 -> {26: 1, 28: 1}.

    With a `limit` and a `tolerance`, ratios that need more atoms than the limit are replaced by the smallest counts
    that match every element's fraction within the relative `tolerance`: Fe0.333Ni0.667 becomes FeNi2, not Fe333Ni667.
    """
    values = list(amounts.values())
    if not all(type(value) is int for value in values):
        scale = lcm(*(Fraction(value).denominator for value in values))
        values = [int(value * scale) for value in values]
    factor = gcd(*values)
    counts = {z: value // factor for z, value in zip(amounts, values, strict=True)}
    total = sum(counts.values())
    if not limit or total <= limit:
        return counts
    if tolerance:
        import numpy as np  # only here, so that reading formulas loads nothing heavy

        fractions = np.array([value / total for value in counts.values()])
        candidates = np.maximum(np.rint(np.arange(1, limit + 1)[:, None] * fractions), 1)
        deviation = np.abs(candidates / candidates.sum(axis=1, keepdims=True) / fractions - 1).max(axis=1)
        matching = np.flatnonzero((deviation <= tolerance) & (candidates.sum(axis=1) <= limit))
        if len(matching):
            return dict(zip(counts, candidates[matching[0]].astype(int).tolist(), strict=True))
    raise UserError(f"its reduced formula has {total:,} atoms, more than {limit}; write a coarser ratio")
