"""The table of Wyckoff positions agrees with the operations of the space groups, and labels with another program."""

from fractions import Fraction

import numpy as np
import pytest
from pymatgen.analysis.prototypes import get_protostructure_label_from_spglib
from pymatgen.core import Lattice, Structure

from common.chem.protostructure import equivalent, protostructure_label, wyckoff_sites
from common.chem.wyckoff import CENTRINGS, LETTERS, family, halves, space_groups
from common.errors import UserError
from common.sources import load_source
from tests.common.baselines.conftest import permuted, supercell

POINT = dict(x=0.1234, y=0.2717, z=0.4142)


def value(point: str) -> np.ndarray:
    return np.array([eval(part.replace("2x", "2*x"), {}, POINT) for part in point.split(",")])


def test_all_groups_are_there():
    groups = space_groups()
    assert list(groups) == list(range(1, 231)) and sum(len(g.positions) for g in groups.values()) == 1731
    for group in groups.values():
        names = LETTERS[: len(group.positions)]
        assert group.relabellings[0] == names and all(sorted(to) == sorted(names) for to in group.relabellings)
        for to in group.relabellings:
            assert all(group.multiplicity(a) == group.multiplicity(b) for a, b in zip(names, to, strict=True))


@pytest.mark.parametrize("number", range(1, 231, 7))
def test_positions_are_what_the_operations_make_of_one_point(number):
    """Against spglib's operations of the standard setting: second origin, hexagonal axes, unique axis b."""
    import spglib

    halls = [h for h in range(1, 531) if spglib.get_spacegroup_type(h).number == number]
    choice = {h: spglib.get_spacegroup_type(h).choice for h in halls}
    standard = [h for h in halls if choice[h] in ("2", "H", "b", "b1", "")] or halls
    found = spglib.get_symmetry_from_database(standard[0])
    group = space_groups()[number]
    assert len(found["rotations"]) == group.multiplicity(list(group.positions)[-1])
    centred = _lattice_points(group.centring)
    for letter, points in group.positions.items():
        images = {
            _key(r @ value(points[0]) + t) for r, t in zip(found["rotations"], found["translations"], strict=True)
        }
        ours = {_key(value(point) + shift) for point in points for shift in centred}
        assert images == ours and len(ours) == group.multiplicity(letter), letter


def _key(point) -> tuple:
    return tuple((np.round(np.asarray(point) * 1e6).astype(int) % 1_000_000).tolist())


def _lattice_points(centring: str) -> np.ndarray:
    third = Fraction(1, 3)
    more = {
        "P": [],
        "A": [(0, 0.5, 0.5)],
        "C": [(0.5, 0.5, 0)],
        "I": [(0.5, 0.5, 0.5)],
        "F": [(0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)],
        "R": [(2 * third, third, third), (third, 2 * third, 2 * third)],
    }[centring]
    assert len(more) == CENTRINGS[centring] - 1
    return np.array([(0, 0, 0), *more], dtype=float)


def test_parts_of_coordinates():
    assert halves("-x,y+1/2,0") == ("-x,y,", "0,1/2,0") and halves("2x,x-y+1/3,1/4") == ("2x,x-y,", "0,1/3,1/4")
    assert [family(n) for n in (1, 3, 16, 75, 143, 168, 195)] == list("amothhc")


def label_of_pymatgen(crystal) -> str:
    return get_protostructure_label_from_spglib(Structure(Lattice(crystal.lattice), crystal.numbers, crystal.frac))


def test_labels_equal_pymatgens(mini):
    for row in range(0, len(mini), 12):
        crystal = mini.structure(row)
        assert protostructure_label(crystal) == label_of_pymatgen(crystal)


@pytest.mark.real
def test_labels_of_a_hundred_real_structures_equal_pymatgens(real_data):
    table = load_source("mp-structures")
    rows = [row for row in range(0, len(table), 701) if table.n_sites(row) <= 80][:100]
    assert len(rows) == 100
    for row in rows:
        crystal = table.structure(row)
        assert protostructure_label(crystal) == label_of_pymatgen(crystal), table.ids[row]


def test_labels_belong_to_the_crystal(mini):
    random = np.random.default_rng(0)
    for row in range(0, len(mini), 24):
        crystal = mini.structure(row)
        label = protostructure_label(crystal)
        assert protostructure_label(permuted(crystal, random)) == label == protostructure_label(supercell(crystal))


def test_equivalent_descriptions():
    """Either ion of rocksalt may be called a or b."""
    rocksalt = ([11, 17], 4.0 * (np.ones((3, 3)) - np.eye(3)) / 2**0.5, [[0, 0, 0], [0.5] * 3])
    sites = wyckoff_sites(rocksalt)
    assert (sites.group, sites.numbers, sites.conventional) == (225, (17, 11), 8)
    assert equivalent(sites) == [("a", "b"), ("b", "a")]
    assert protostructure_label(rocksalt) == "AB_cF8_225_a_b:Cl-Na"


def test_atoms_on_one_another_are_refused():
    with pytest.raises(UserError, match="two atoms are only 0"):
        wyckoff_sites(([11, 11], np.eye(3) * 4, np.zeros((2, 3))))
