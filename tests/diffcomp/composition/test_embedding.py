"""The table is tf * idf as the article has it; composition vectors are those of the authors' files."""

import csv
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.chem.elements import NUMBERS
from common.chem.formula import parse_formula
from common.errors import UserError
from common.sources import load_source
from diffcomp.composition.embedding import ElementSpace, build_autoencoder, composition_vector, corpus, in_order, learn

FORMULAS = ["NaCl", "MgO", "TiO2", "SrTiO3", "Si", "KNbO3", "BaTiO3", "HCNOSPF", "CaTiO3", "Al2O3"]


@pytest.fixture(scope="module")
def space():
    numbers = np.array(sorted(NUMBERS[s] for s in ("O", "Ti", "Na", "Cl", "Ca", "Al")))
    return ElementSpace.scaled(numbers, np.random.default_rng(0).normal(size=(6, 30)))


def test_the_table_is_tf_times_idf():
    found = corpus(FORMULAS)
    assert found.table.shape[0] == 8  # one element and seven elements are left out
    dense = found.table.toarray()
    column = found.numbers.tolist().index(NUMBERS["O"])
    # Oxygen stands in 7 of 8 rows, titanium in 4.
    assert dense[2, column] == pytest.approx(2 / 3 * np.log(8 / 7))
    assert dense[3, found.numbers.tolist().index(NUMBERS["Ti"])] == pytest.approx(0.2 * np.log(8 / 4))
    assert sorted(found.numbers.tolist()) == found.numbers.tolist() and (dense > 0).sum() == found.table.nnz
    with pytest.raises(UserError, match="no formula has two to five elements"):
        corpus(["Si", "Fe"])


@given(st.permutations(FORMULAS))
def test_the_order_of_formulas_moves_rows_only(formulas):
    one, other = corpus(FORMULAS), corpus(formulas)
    assert np.array_equal(one.numbers, other.numbers)
    assert np.allclose(np.sort(one.table.toarray().sum(axis=1)), np.sort(other.table.toarray().sum(axis=1)))


def test_each_dimension_is_scaled_over_the_elements(space):
    assert np.array_equal(space.vectors.min(axis=0), np.zeros(30))
    assert np.array_equal(space.vectors.max(axis=0), np.ones(30))


def test_composition_vectors(space):
    vector = composition_vector("TiO2", space)
    assert np.allclose(vector[:30], space.vector(22) / 3) and np.allclose(vector[30:], space.vector(8) * 2 / 3)
    assert np.array_equal(composition_vector("O2Ti", space), vector)
    assert np.allclose(composition_vector("Ti0.5O", space), vector)
    three = composition_vector("CaTiO3", space, elements=3)
    assert np.allclose(three[:30], space.vector(20) / 5) and np.allclose(three[60:], space.vector(8) * 3 / 5)
    two = composition_vector("TiO2", space, elements=3)
    assert np.allclose(two[60:], vector[30:]) and not two[30:60].any()


@pytest.mark.parametrize(
    ("formula", "reason"),
    [("CaTiO3", "has 3 elements; this model takes two"), ("Ti", "1 element;"), ("KCl", "K has no vector")],
)
def test_compositions_it_cannot_take(space, formula, reason):
    with pytest.raises(UserError, match=reason):
        composition_vector(formula, space)


def test_metal_first_anion_last():
    symbols = ["O", "Ti", "Sr", "N", "F", "S"]
    assert in_order(NUMBERS[s] for s in symbols) == [NUMBERS[s] for s in ("Sr", "Ti", "S", "N", "O", "F")]


def test_a_dimension_that_is_the_same_for_all():
    with pytest.raises(UserError, match="dimension 1 is 3 for every element"):
        ElementSpace.scaled(np.array([1, 2]), np.array([[0.0, 3.0], [1.0, 3.0]]))


def test_autoencoder_learns_the_table():
    """Shapes of the article; the error falls; the same seed gives the same vectors."""
    assert build_autoencoder(87).count_params() == 87 * 30 + 30 + 30 * 87 + 87
    found = corpus(FORMULAS * 8)
    one, other = (learn(found, length=4, epochs=3, rate=1e-2) for _ in range(2))
    assert one.vectors.shape == (len(found.numbers), 4) and np.array_equal(one.vectors, other.vectors)
    assert not np.array_equal(one.vectors, learn(found, length=4, epochs=3, rate=1e-2, seed=5).vectors)


@pytest.mark.real
@pytest.mark.parametrize("which", ["Ef", "Eg"])
def test_the_authors_rows(real_data, which):
    """Every row whose elements stand in other rows too follows from element vectors solved out of those, to 1e-6.

    Of 100 published rows each, the structure pack has 87 and 89 formulas, and 73 and 77 have such elements: 150 rows.
    """
    formulas = load_source("mp-structures")
    rows = []
    with open(real_data / "mp" / f"diffcomp_test_{which}.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["in_pack"] == "1":
                formula = str(formulas.select([row["material_id"]]).formulas[0])
                rows.append((parse_formula(formula), np.array([float(row[f"v{k:02d}"]) for k in range(1, 61)])))
    assert len(rows) == {"Ef": 87, "Eg": 89}[which]
    solved = defaultdict(dict)
    for number, (amounts, vector) in enumerate(rows):
        for place, z in enumerate(in_order(amounts)):
            share = float(amounts[z] / sum(amounts.values()))
            solved[z][number] = vector[30 * place : 30 * place + 30] / share
    checked = 0
    for number, (amounts, vector) in enumerate(rows):
        others = {z: [v for n, v in solved[z].items() if n != number] for z in amounts}
        if all(others.values()):
            numbers = np.array(sorted(others))
            space = ElementSpace(numbers, np.array([others[z][0] for z in numbers]))
            assert np.abs(composition_vector(amounts, space) - vector).max() < 1e-6
            checked += 1
    assert checked == {"Ef": 73, "Eg": 77}[which]
