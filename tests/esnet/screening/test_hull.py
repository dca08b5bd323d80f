"""Distances from the hull are pymatgen's, and the awkward pools have an answer too."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.chem.formula import parse_formula
from common.errors import UserError
from common.sources.datadir import place
from esnet.screening.hull import PhasePool, read_pool

#: The real table, whose pool takes seconds to read.
TABLE = "mp/mp_ground_states_Ef_Ed.csv.gz"


def by_pymatgen(formulas, energies, formula, energy) -> float:
    """`get_e_above_hull` of an entry that is not in the diagram of the others and the elements at 0."""
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core import Composition

    own = Composition(formula)
    elements = {element.symbol for element in own}
    entries = [PDEntry(Composition(symbol), 0.0) for symbol in elements]
    for phase, e in zip(formulas, energies, strict=True):
        composition = Composition(phase)
        if {element.symbol for element in composition} <= elements:
            entries.append(PDEntry(composition, e * composition.num_atoms))
    entry = PDEntry(own, energy * own.num_atoms)
    return PhaseDiagram(entries).get_e_above_hull(entry, allow_negative=True)


@pytest.fixture(scope="module")
def pool():
    return PhasePool(["NaCl", "NaCl", "Na2Cl", "NaCl3", "TiO2", "Na2TiO3"], [-2.1, -2.0, -0.5, -1.2, -3.2, -3.0])


def test_by_hand(pool):
    """Between NaCl3 at 3/4 and NaCl at 1/2 of chlorine; on a tie line; at an element."""
    found = pool.e_hull(["NaCl", "Na2Cl2", "NaCl2", "Na", "Na3Cl"], [-2.0, -2.3, -1.6, 0.1, -1.05])
    middle = -2.1 + (2 / 3 - 1 / 2) / (1 / 4) * 0.9
    assert found == pytest.approx([0.1, -0.2, -1.6 - middle, 0.1, 0.0])
    assert pool.decomposition("NaCl2")[1] == pytest.approx({"NaCl3": 2 / 3, "NaCl": 1 / 3})


def test_a_ternary(pool):
    """Na4TiO4 is two parts of Na2TiO3, two of sodium and, as there is no Na2O, one of oxygen."""
    energy, phases = pool.decomposition("Na4TiO4")
    assert phases == pytest.approx({"Na2TiO3": 6 / 9, "Na": 2 / 9, "O": 1 / 9}) and energy == pytest.approx(-2.0)


def test_degenerate_hulls():
    """Phases that lie in one plane with the elements, that repeat, that are above their elements, and none at all."""
    flat = PhasePool(["AlNi", "AlNi", "Al3Ni", "AlTi", "AlNiTi", "Ni3Ti"], [0.0] * 6)
    assert flat.e_hull(["AlNiTi", "AlNi2", "AlTiNi3"], [0.3, -0.1, 0.0]) == pytest.approx([0.3, -0.1, 0.0])
    high = PhasePool(["AlNi", "Al", "Ni"], [0.4, 0.2, 0.1])
    assert high.e_hull(["AlNi", "Al", "AlNiTi"], [0.3, 0.1, 0.1]) == pytest.approx([0.3, 0.1, 0.1])


def test_elements_need_no_rows_and_may_lie_lower():
    pool = PhasePool(["Fe", "FeAl"], [-0.1, -0.3])
    assert pool.e_hull(["Fe", "Fe3Al"], [0.0, -0.2]) == pytest.approx([0.1, 0.0])


def test_without_its_own_phases(pool):
    """NaCl against all that is not NaCl: sodium and NaCl3, below whose line Na2Cl does not lie then."""
    assert pool.e_hull(["NaCl"], [-2.1], without_own=True) == pytest.approx([-2.1 + 1.2 * (1 / 2) / (3 / 4)])


def test_bad_phases_are_left_out_and_an_empty_pool_is_refused():
    pool = PhasePool(["NaCl", "Xx2", "KCl"], [-2.1, -1.0, float("nan")])
    assert len(pool) == 1 and set(pool.left_out) == {"Xx2", "KCl"} and "no formation energy" in pool.left_out["KCl"]
    for formulas, energies in (([], []), (["Xx"], [1.0])):
        with pytest.raises(UserError, match="has no usable phase"):
            PhasePool(formulas, energies)
    with pytest.raises(UserError, match="Xx is not a chemical element"):
        pool.e_hull(["XxCl"], [0.0])
    with pytest.raises(UserError, match="do not fit"):
        PhasePool(["NaCl"], [1.0, 2.0])


PHASES = st.lists(
    st.tuples(st.tuples(*[st.integers(0, 4)] * 3).filter(any), st.floats(-2, 0.5, allow_nan=False)), max_size=12
)


@given(PHASES, st.tuples(*[st.integers(1, 5)] * 3), st.floats(-3, 3))
def test_random_ternary_pools_against_pymatgen(phases, amounts, energy):
    def text(counts):
        return "".join(f"{symbol}{n}" for symbol, n in zip(("Al", "Ni", "Ti"), counts, strict=True) if n)

    formulas, energies = [text(counts) for counts, _ in phases], [e for _, e in phases]
    formulas, energies = [*formulas, "Al"], [*energies, 0.0]
    found = PhasePool(formulas, energies).e_hull([text(amounts)], [energy])
    assert found == pytest.approx(by_pymatgen(formulas, energies, text(amounts), energy), abs=1e-6)


@given(PHASES, st.tuples(*[st.integers(0, 5)] * 3).filter(any))
def test_more_phases_never_raise_the_hull(phases, amounts):
    """And none on the hull lies below it."""
    formulas = ["".join(f"{s}{n}" for s, n in zip(("Al", "Ni", "Ti"), c, strict=True) if n) for c, _ in phases]
    energies = [e for _, e in phases]
    whole, few = (PhasePool([*formulas[:n], "Al"], [*energies[:n], 0.0]) for n in (len(formulas), len(formulas) // 2))
    text = "".join(f"{s}{n}" for s, n in zip(("Al", "Ni", "Ti"), amounts, strict=True) if n)
    assert whole.decomposition(text)[0] <= few.decomposition(text)[0] + 1e-9
    if formulas:
        assert whole.e_hull(formulas, energies).min() >= -1e-7


# --- tables --------------------------------------------------------------------------------------


def test_reading(tmp_path):
    """Packed or not, under a known column or a named one; the reduced formula NaN is sodium nitride."""
    text = "formula,Ef,other (eV/atom)\nNaN,-0.1,-0.4\nNaCl,-2.1,-2.2\n"
    plain, packed = tmp_path / "pool.csv", tmp_path / "pool.csv.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        assert read_pool(path).e_hull(["NaN"], [0.0]) == pytest.approx([0.1])
    assert read_pool(plain, "other").e_hull(["NaN"], [0.0]) == pytest.approx([0.4])


def test_a_source_is_a_pool_too():
    assert len(read_pool("mini")) == 336


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", "formula,Ef (eV)\nNaCl,-2\n", "in eV; convert it to eV/atom"),
        ("a.csv", "formula,gap\nNaCl,8\n", "no column of formation energies; choose one of its columns: gap"),
        ("a.csv", "cif,Ef\nNaCl.cif,8\n", "has no column formula"),
        ("a.csv", "formula,Ef\nNaCl,\nXx,-2\n", "has no usable phase"),
        ("a.csv.gz", "formula,Ef\nNaCl,-2\n", "cannot be opened"),
    ],
)
def test_tables_that_are_no_pools(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=reason):
        read_pool(tmp_path / name)


def test_a_truncated_table(tmp_path):
    packed = gzip.compress(("formula,Ef\n" + "NaCl,-2\n" * 5000).encode())
    (tmp_path / "a.csv.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserError, match=r"a\.csv\.gz cannot be opened"):
        read_pool(tmp_path / "a.csv.gz")


# --- the ground-state table ----------------------------------------------------------------------


@pytest.mark.real
def test_real_systems_against_pymatgen(real_data):
    """80 chemical systems of two, three and four elements, each with an energy off its own."""
    pool = read_pool(place(TABLE))
    random = np.random.default_rng(0)
    chosen = []
    for size, n in ((2, 30), (3, 40), (4, 10)):
        rows = [row for row in random.permutation(len(pool)).tolist() if len(parse_formula(pool.formulas[row])) == size]
        chosen += rows[:n]
    systems = {frozenset(parse_formula(pool.formulas[row])) for row in chosen}
    assert len(systems) >= 75
    formulas = [pool.formulas[row] for row in chosen]
    energies = pool.energies[chosen] + random.normal(scale=0.1, size=len(chosen))
    found = pool.e_hull(formulas, energies)
    elements = [set(parse_formula(formula)) for formula in pool.formulas]
    for formula, energy, ours in zip(formulas, energies, found, strict=True):
        own = set(parse_formula(formula))
        rows = [row for row, other in enumerate(elements) if other <= own]
        theirs = by_pymatgen([pool.formulas[row] for row in rows], pool.energies[rows], formula, energy)
        assert ours == pytest.approx(theirs, abs=1e-6), formula
    assert (found < 0).any() and (found > 0).any()


@pytest.mark.real
def test_published_decomposition_energies(real_data):
    """The table's own Ed, computed from a pool that is a little larger than what is left of it."""
    from common.sources.columns import read_sheet

    sheet = read_sheet(place(TABLE))
    published = np.array([float(cell) for cell in sheet.column("ed")])
    pool = read_pool(place(TABLE))
    rows = np.random.default_rng(1).choice(len(pool), 400, replace=False)
    ours = pool.e_hull([pool.formulas[row] for row in rows], pool.energies[rows], without_own=True)
    off = ours - published[rows]
    assert (np.abs(off) < 1e-3).mean() > 0.85
    # What is missing from the pool can only make the others look more stable.
    assert np.quantile(off, 0.99) < 0.002
