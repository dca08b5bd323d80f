"""Pairs of elements: those that occur together are known, in any order and amount."""

from common.chem.pairs import element_pairs, unseen_pairs


def test_known_and_unseen_pairs():
    known = element_pairs(["SrTiO3", "Na2O", "Si"])
    assert known == {"O": {"Sr", "Ti"}, "Na": {"O"}, "Sr": {"Ti"}}
    assert unseen_pairs("TiO2", known) == unseen_pairs("Si", known) == unseen_pairs("NaO", known) == []
    assert unseen_pairs("NaTiO2", known) == ["Na-Ti"]
    assert unseen_pairs("SiO2", known) == ["O-Si"]
