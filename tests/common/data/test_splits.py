"""Splits: parts of the right size that never overlap, equal for equal seeds, and what the audit counts."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.data import splits
from common.data.materials import MaterialsDataset
from common.data.splits import Split
from common.errors import UserError

formulas = st.lists(st.sampled_from(["Si", "NaCl", "TiO2", "Fe2O3", "MgO", "GaN", "C"]), min_size=1, max_size=60)
shares = st.tuples(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
seeds = st.integers(0, 1000)


def table_of(names: list[str]) -> MaterialsDataset:
    return MaterialsDataset([f"m{i}" for i in range(len(names))], names)


def everything(split: Split) -> list[str]:
    return [name for part in split.subsets().values() for name in part]


@given(formulas, shares, seeds)
def test_fractions_cut_the_table_into_disjoint_parts_of_the_right_size(names, fractions, seed):
    table = table_of(names)
    split = splits.by_fractions(table, fractions, seed)
    assert sorted(everything(split)) == sorted(table.ids.tolist())
    for part, share in zip(split.subsets().values(), fractions, strict=True):
        assert abs(len(part) - share / sum(fractions) * len(table)) <= 1
    assert split == splits.by_fractions(table, fractions, seed)


def test_sizes_and_seeds_by_hand(mini):
    split = splits.by_fractions(mini, (6, 2, 2), seed=1)
    assert [len(part) for part in split.subsets().values()] == [202, 67, 67]
    assert split == splits.by_fractions(mini, (0.6, 0.2, 0.2), seed=1)
    assert set(split.test) != set(splits.by_fractions(mini, (6, 2, 2), seed=2).test)
    assert list(split.train) != [name for name in mini.ids if name in split.train]  # shuffled


@given(formulas, shares, seeds)
def test_a_formula_is_never_cut_in_two(names, fractions, seed):
    table = table_of(names)
    split = splits.by_formula(table, fractions, seed)
    assert sorted(everything(split)) == sorted(table.ids.tolist())
    found = [set(table.select(part).formulas.tolist()) for part in split.subsets().values()]
    assert not (found[0] & found[1] or found[0] & found[2] or found[1] & found[2])
    # Every boundary is moved by less than one formula.
    largest = max(names.count(name) for name in names)
    for part, share in zip(split.subsets().values(), fractions, strict=True):
        assert abs(len(part) - share / sum(fractions) * len(table)) < largest + 1
    assert split == splits.by_formula(table, fractions, seed)


def test_by_formula_of_the_embedded_table_is_near_the_shares(mini):
    split = splits.by_formula(mini, (6, 2, 2), seed=0)
    assert splits.audit(split, mini)["test_formulas_in_training"] == 0
    assert [len(part) / 336 for part in split.subsets().values()] == pytest.approx([0.6, 0.2, 0.2], abs=0.02)


@given(st.integers(2, 40), st.integers(2, 10), seeds)
def test_the_test_parts_of_k_folds_tile_the_table(n, k, seed):
    table = table_of(["Si"] * n)
    if k > n:
        with pytest.raises(UserError, match=f"{k} folds of {n} materials"):
            splits.k_folds(table, k)
        return
    folds = splits.k_folds(table, k, validation=0.25, seed=seed)
    assert sorted(name for fold in folds for name in fold.test) == sorted(table.ids.tolist())
    for fold in folds:
        assert sorted(everything(fold)) == sorted(table.ids.tolist())
        assert abs(len(fold.test) - n / k) < 1
        assert len(fold.validation) == round(0.25 * (len(fold.train) + len(fold.validation)))
        fold.check()
    assert folds == splits.k_folds(table, k, validation=0.25, seed=seed)


@pytest.mark.parametrize("fractions", [(1, 1), (0, 1, 1), (6, -1, 2), (1, 2, 3, 4)])
def test_shares_that_make_no_sense_are_refused(mini, fractions):
    with pytest.raises(UserError, match="give three shares"):
        splits.by_fractions(mini, fractions)


def test_an_empty_split_is_refused_when_it_is_used():
    empty = table_of([])
    for split in (splits.by_fractions(empty), splits.by_formula(empty), Split((), ("a",), ("b",))):
        with pytest.raises(UserError, match="no training materials"):
            split.check()
    Split(("a",), (), ()).check()


def test_an_id_in_two_parts_is_named():
    with pytest.raises(UserError, match="id b is in train and in test"):
        Split(("a", "b"), ("c",), ("d", "b")).check()
    with pytest.raises(UserError, match="id c is in validation and in test"):
        Split(("a", "b"), ("c",), ("d", "c")).check()


def test_round_trip_through_json(mini, tmp_path):
    split = splits.by_fractions(mini, (6, 2, 2), seed=3)
    split.save(tmp_path / "split.json")
    back = Split.load(tmp_path / "split.json")
    assert back == split and back.digest() == split.digest()
    assert set(json.loads((tmp_path / "split.json").read_text())) == {"train", "validation", "test"}
    moved = Split(split.train[1:], (split.train[0], *split.validation), split.test)
    assert moved.digest() != split.digest()
    (tmp_path / "split.json").write_text('{"train": ["a"], "test": ["b"]}')
    assert Split.load(tmp_path / "split.json") == Split(("a",), (), ("b",))


@pytest.mark.parametrize("text", ["", "[1]", '{"train": 5}', '{"train": ["a"', "\x00"])
def test_what_is_no_split_is_named(tmp_path, text):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(UserError, match=r"split\.json is not a split"):
        Split.load(tmp_path / "split.json")


def test_a_split_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"none\.json is not a split"):
        Split.load(tmp_path / "none.json")


def test_the_audit_counted_by_hand():
    table = table_of(["Si", "Si", "NaCl", "NaCl", "TiO2", "MgO", "Si", "C"])
    split = Split(("m0", "m2", "m7"), ("m4", "m7"), ("m1", "m3", "m5", "m6"))
    assert splits.audit(split, table) == {
        "n_train": 3,
        "n_validation": 2,
        "n_test": 4,
        "ids_in_two_parts": 1,  # m7
        "test_formulas_in_training": 2,  # Si and NaCl
        "share_of_test_rows_with_formula_in_training": 0.75,  # m1, m3, m6
    }
    assert splits.audit(Split(("m0",), (), ()), table)["share_of_test_rows_with_formula_in_training"] == 0


def test_an_unknown_id_in_a_split_is_named(mini):
    with pytest.raises(UserError, match="no material with id nowhere"):
        splits.audit(Split((str(mini.ids[0]),), (), ("nowhere",)), mini)


def test_every_seed_of_a_split_uses_the_whole_table(mini):
    """Over many seeds every material comes to be in the test set: no row is favoured by its place."""
    counts = np.zeros(len(mini))
    for seed in range(60):
        counts[mini.rows_of(splits.by_fractions(mini, (6, 2, 2), seed).test)] += 1
    assert counts.min() > 0 and counts.max() < 30  # binomial(60, 0.2): 12 on average


def with_folds(table):
    return table.with_target("fold", np.arange(len(table)) % 4, "1")


def test_published_folds(mini):
    table = with_folds(mini)
    split = splits.by_fold(table, 2, 0.2, seed=7)
    assert set(split.test) == set(table.ids[np.arange(len(table)) % 4 == 2].tolist())
    assert not (set(split.train) | set(split.validation)) & set(split.test)
    assert len(split.train) + len(split.validation) + len(split.test) == len(table)
    formulas = {part: set(table.select(ids).formulas) for part, ids in split.subsets().items()}
    assert not formulas["train"] & formulas["validation"]
    assert 0.15 < len(split.validation) / (len(table) - len(split.test)) < 0.25
    with pytest.raises(UserError, match="has no fold 4; it has: 0, 1, 2, 3"):
        splits.by_fold(table, 4)
    with pytest.raises(UserError, match="no target 'fold'"):
        splits.by_fold(mini, 0)


def test_fewer_training_materials_are_nested(mini):
    whole = splits.by_fractions(mini)
    small, large = splits.fewer(whole, 20), splits.fewer(whole, 50)
    assert set(small.train) < set(large.train) < set(whole.train)
    assert (small.validation, small.test) == (whole.validation, whole.test)
    with pytest.raises(UserError, match="fewer than the 9999 asked for"):
        splits.fewer(whole, 9999)


def test_marked_materials_are_the_test_part(mini):
    table = mini.with_target("test", np.arange(len(mini)) % 7 == 3, "1")
    split, other = splits.by_marks(table, 0.1, seed=1), splits.by_marks(table, 0.1, seed=2)
    assert split.test == other.test == tuple(table.ids[3::7].tolist())
    assert split.validation != other.validation and 0.08 < len(split.validation) / (len(mini) - len(split.test)) < 0.12
    assert sorted((*split.train, *split.validation, *split.test)) == sorted(mini.ids.tolist())
    with pytest.raises(UserError, match="no target 'test'"):
        splits.by_marks(mini)


def test_folds_by_elements_keep_every_ratio_of_two_elements_together(mini):
    made = splits.k_folds(mini, 5, 0.1, grouped="elements")
    systems = dict(zip(mini.ids.tolist(), splits.chemical_systems(mini), strict=True))
    assert systems["CuAl-C11_b"] == systems["AlCu-L1_2"] == "Al-Cu"
    assert sorted(name for split in made for name in split.test) == sorted(mini.ids.tolist())
    for split in made:
        parts = [{systems[name] for name in part} for part in split.subsets().values()]
        assert all(parts) and sum(map(len, parts)) == len(set.union(*parts))
