"""Formulas are read as amounts of atoms or refused with a reason, and written as pymatgen writes them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Composition

from common.chem.elements import NUMBERS, SYMBOLS
from common.chem.formula import formula_by_number, integer_counts, normalize_formula, parse_formula, reduced_formula
from common.errors import UserError

GOOD = {
    "SrTiO3": {38: 1, 22: 1, 8: 3},
    "Ca(OH)2": {20: 1, 8: 2, 1: 2},
    "K4[Fe(CN)6]": {19: 4, 26: 1, 6: 6, 7: 6},
    "Ba0.5Sr0.5TiO3": {56: Fraction(1, 2), 38: Fraction(1, 2), 22: 1, 8: 3},
    "CH3CH2OH": {6: 2, 1: 6, 8: 1},
    "La.15Sr.85 Ti O3": {57: Fraction(3, 20), 38: Fraction(17, 20), 22: 1, 8: 3},
    "CuSO4(H2O)5": {29: 1, 16: 1, 8: 9, 1: 10},
    "H2O": {1: 2, 8: 1},
    "Fe2.": {26: 2},
}
BAD = {
    "": "empty",
    "  ": "empty",
    "D2O": "deuterium",
    "T2": "tritium",
    "Xx2": "Xx is not a chemical element",
    "Na0Cl": "amount of Na is zero",
    "Na0.0Cl": "amount of Na is zero",
    "Na-1Cl": "above zero",
    "Na+Cl-": "charges",
    "CuSO4·5H2O": "CuSO4\\(H2O\\)5",
    "CuSO4.5H2O": "CuSO4\\(H2O\\)5",
    "CuSO4*5H2O": "hydrate",
    "Ca(OH": "brackets",
    "Ca(OH]2": "brackets",
    "CaOH)2": "brackets",
    "Ca()2": "brackets",
    "Ca(OH)0": "zero",
    "tio2": "not a chemical formula",
    "7": "not a chemical formula",
    "Si1e3": "not a chemical formula",
    "x.cif": "not a chemical formula",
}


@pytest.mark.parametrize(("text", "amounts"), GOOD.items())
def test_amounts(text, amounts):
    assert parse_formula(text) == amounts


@pytest.mark.parametrize(("text", "reason"), BAD.items())
def test_bad_formulas_say_why(text, reason):
    with pytest.raises(UserError, match=reason):
        parse_formula(text)


elements = st.sampled_from(SYMBOLS[1:104])
formulas = st.dictionaries(elements, st.integers(1, 30), min_size=1, max_size=6)


@given(formulas)
def test_as_pymatgen_reads_them(amounts):
    text = "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in amounts.items())
    counts = Composition(text).get_reduced_composition_and_factor()[0]
    assert parse_formula(text) == {NUMBERS[symbol]: count for symbol, count in amounts.items()}
    # pymatgen leaves O2, Cl2 and their like as molecules.
    if len(amounts) > 1:
        assert integer_counts(parse_formula(text)) == {element.Z: int(n) for element, n in counts.items()}


every_element = st.sampled_from(SYMBOLS[1:])
amounts_of_atoms = st.one_of(st.integers(1, 30), st.decimals("0.01", "9.99", places=2))


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
@given(st.dictionaries(every_element, amounts_of_atoms, min_size=1, max_size=6))
def test_written_as_pymatgen_writes_them(amounts):
    expected = Composition({symbol: float(amount) for symbol, amount in amounts.items()}).reduced_formula
    assert reduced_formula({NUMBERS[symbol]: Fraction(amount) for symbol, amount in amounts.items()}) == expected


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("F2Cd", "CdF2"),
        ("Cd4F8", "CdF2"),
        ("O12S3Fe2", "Fe2(SO4)3"),
        ("ONa", "Na2O2"),
        ("N", "N2"),
        ("O3TiSr0.5Ba0.5", "Ba0.5Sr0.5Ti1O3"),
    ],
)
def test_one_order_whatever_the_source(text, written):
    assert normalize_formula(text) == written == normalize_formula(written)


def test_the_order_of_stored_splits_stays():
    assert formula_by_number(parse_formula("Cd2F4")) == "F2Cd"


@given(formulas, st.integers(1, 9), st.randoms())
def test_neither_order_nor_multiples_matter(amounts, times, random):
    items = list(amounts.items())
    random.shuffle(items)
    text = "".join(f"{symbol}{count * times}" for symbol, count in items)
    assert integer_counts(parse_formula(text)) == integer_counts({NUMBERS[s]: n for s, n in amounts.items()})


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Si8", {14: 1}),
        ("Hg2Cl2", {80: 1, 17: 1}),
        ("Fe0.5Ni0.5", {26: 1, 28: 1}),
        ("Fe0.333Ni0.667", {26: 1, 28: 2}),
        ("Fe0.33Ni0.67", {26: 33, 28: 67}),  # 100 atoms, no need to be coarser
        ("Ba0.5Sr0.5TiO3", {56: 1, 38: 1, 22: 2, 8: 6}),
    ],
)
def test_smallest_whole_numbers(text, counts):
    assert integer_counts(parse_formula(text), limit=499, tolerance=0.02) == counts


def test_the_release_multiplies_out():
    amounts = parse_formula("Fe0.333Ni0.667")
    assert integer_counts(amounts) == {26: 333, 28: 667}
    with pytest.raises(UserError, match="1,000 atoms, more than 499; write a coarser ratio"):
        integer_counts(amounts, limit=499)


def test_a_trace_that_no_coarse_ratio_meets_is_refused():
    with pytest.raises(UserError, match="10,000 atoms"):
        integer_counts(parse_formula("Fe0.9999Ni0.0001"), limit=499, tolerance=0.02)


@given(st.dictionaries(st.integers(1, 90), st.integers(1, 4000), min_size=2, max_size=4))
def test_coarse_ratios_are_near_enough(amounts):
    try:
        coarse = integer_counts(amounts, limit=499, tolerance=0.02)
    except UserError:
        return
    total, whole = sum(coarse.values()), sum(amounts.values())
    assert total <= 499
    assert all(abs(coarse[z] / total - n / whole) <= 0.02 * n / whole + 1e-12 for z, n in amounts.items())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("H" + "9" * 5000, "has 5000 digits; round it"),
        ("H0." + "3" * 5000 + "O", "digits; round it"),
        ("H9999999999O", "the amount of H is above 1,000,000,000"),
        ("(" * 50 + "H" + ")9999" * 50, "the amount of H is above"),
        ("(" * 5000 + "H" + ")" * 4999, "brackets do not match"),
    ],
)
def test_amounts_that_no_material_has(text, words):
    with pytest.raises(UserError, match=words):
        normalize_formula(text)


def test_amounts_of_floats_are_read():
    assert normalize_formula("Fe0.3333333333333333Ni0.6666666666666667") == "Fe0.33333333Ni0.66666667"
