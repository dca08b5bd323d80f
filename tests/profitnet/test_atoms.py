"""The atom vectors, bit by bit."""

import hashlib

import numpy as np
import pytest

from common.chem.elements import SYMBOLS
from common.chem.valence import NOBLE_CORES, VALENCE, element_facts, subshells, valence_vector
from common.io.hdf5 import open_hdf5
from profitnet.atoms import BINNED, BLOCKS, LAST_ELEMENT, POLARIZABILITY, atom_vectors

#: sha256 of np.packbits of the whole table; "next" is the released convention, checked below against the reference.
DIGESTS = {
    "own": "7aa49324b654fb4292157c63789e753ef602489444b26203df90f3fc487981f5",
    "next": "3a6e33753283d321d6cea6bac678ca60bdb1436d337b7127a4bd0b8fa823557c",
}
ORBITALS = [f"{kind}{k}" for kind, most in zip("spdf", (2, 6, 10, 14), strict=True) for k in range(1, most + 1)]


def orbitals(symbol: str) -> set[str]:
    return {ORBITALS[i] for i in np.flatnonzero(atom_vectors()[SYMBOLS.index(symbol), :VALENCE])}


@pytest.mark.real
def test_released_vectors_equal_the_reference_bit_by_bit(real_data):
    with open_hdf5(real_data / "profit" / "profit_reference.h5") as file:
        reference = file["atom_vectors_released"][:]
    assert reference.shape == (100, 136)
    assert np.array_equal(atom_vectors("next"), reference)


@pytest.mark.parametrize("convention", DIGESTS)
def test_no_bit_has_changed(convention):
    assert hashlib.sha256(np.packbits(atom_vectors(convention)).tobytes()).hexdigest() == DIGESTS[convention]


def test_the_conventions_differ_in_polarizability_alone():
    differs = atom_vectors("own") != atom_vectors("next")
    assert not differs[:, : POLARIZABILITY.start].any()
    # 43 elements move by the shift alone; bismuth does not, once its 0.4 is mended to 7.4.
    assert differs.any(axis=1).sum() == 42


@pytest.mark.parametrize("symbol", ["Si", "Cu", "Hg", "Bi", "Re"])
def test_an_electronegativity_of_1_9_falls_into_bin_3(symbol):
    """Exact arithmetic would say bin 4."""
    z = SYMBOLS.index(symbol)
    assert float(element_facts()[z]["electronegativity"]) == 1.9
    assert np.flatnonzero(atom_vectors()[z, BLOCKS["electronegativity"]]).tolist() == [3]


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("H", {"s1"}),
        ("He", {"s2"}),
        ("C", {"s2", "p2"}),
        ("Fe", {"s2", "d6"}),
        ("Ge", {"s2", "p2", "d10"}),
        ("Pb", {"s2", "p2", "d10", "f14"}),
        ("Cs", {"s1"}),
        ("Pd", {"s2", "p6", "d10"}),  # nothing in 5s, so its highest shell is the fourth
        ("Ce", {"s2", "d1", "f1"}),
        ("U", {"s2", "d1", "f3"}),
    ],
)
def test_valence_orbitals(symbol, expected):
    assert orbitals(symbol) == expected


def test_the_order_in_which_subshells_are_listed_does_not_matter():
    """pymatgen lists iron as ...4s2 3d6 or as ...3d6 4s2, depending on its age."""
    assert np.array_equal(valence_vector("[Ar] 3d6 4s2"), valence_vector("[Ar] 4s2 3d6"))
    assert np.array_equal(valence_vector("[Xe] 4f14 5d10 6s2 6p2"), valence_vector("6p2 6s2 5d10 4f14 [Xe]"))


def test_electrons_add_up_to_the_atomic_number():
    for z in range(1, LAST_ELEMENT + 1):
        assert sum(subshells(element_facts()[z]["configuration"]).values()) == z
    assert {core: sum(subshells(text).values()) for core, text in NOBLE_CORES.items()} == {
        "He": 2, "Ne": 10, "Ar": 18, "Kr": 36, "Xe": 54, "Rn": 86,
    }  # fmt: skip


@pytest.mark.parametrize("convention", DIGESTS)
def test_every_element_has_at_most_one_bin_in_each_property(convention):
    table = atom_vectors(convention)
    assert table.shape == (100, 136) and not table[0].any()
    for name, block in BLOCKS.items():
        if name != "valence":
            assert table[1:, block].sum(axis=1).max() == 1, name
    always = ("group", "period", "valence electrons", "block", "polarizability", "covalent radius", "ionisation energy")
    for name in always:
        assert (table[1:, BLOCKS[name]].sum(axis=1) == 1).all(), name
    for start, stop in ((0, 2), (2, 8), (8, 18), (18, 32)):
        assert table[:, start:stop].sum(axis=1).max() == 1


def test_the_blocks_tile_the_vector():
    assert [b.start for b in BLOCKS.values()] == [0, *[b.stop for b in BLOCKS.values()][:-1]]
    assert len(BLOCKS) == 11 and BLOCKS["polarizability"].stop == 136
    starts = {block.start: block.stop for block in BLOCKS.values()}
    assert all(starts[bins.start] == bins.start + bins.count for bins in (*BINNED, POLARIZABILITY))


def test_missing_values_leave_their_block_empty():
    """Elements without an electronegativity, an affinity, an atomic volume."""
    empty = {
        name: np.flatnonzero(atom_vectors()[1:, BLOCKS[name]].sum(axis=1) == 0) + 1
        for name in ("electronegativity", "electron affinity", "atomic volume")
    }
    assert empty["electronegativity"].tolist() == [2, 10, 18, 36, 61, 63, 65, 70, 86, 95, 96, 97, 98, 99]
    affinity = [2, 10, 12, 18, 25, 30, 36, 48, 61, 62, 64, 67, 68, 80, 86, *range(90, 100)]
    assert empty["electron affinity"].tolist() == affinity
    assert empty["atomic volume"].tolist() == [61, 85, 86, 87, 94, 97, 98, 99]


def test_the_table_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        atom_vectors()[1, 0] = 0
