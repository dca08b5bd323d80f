"""Results of featurizers, and stores that they come from."""

import numpy as np
import pytest

from common.features.cache import DISK_CACHE, each_formula, featurize
from common.features.featurized import Featurized, RecordingStore
from common.features.ragged import Ragged


@pytest.fixture
def made() -> Featurized:
    return Featurized(Ragged.stack([{"n": np.arange(k)} for k in (1, 2, 3)]), np.array([0, 2, 5]), {"b": "no"})


def test_features_are_converted_where_there_are_any(made):
    assert made.map(len).features == 3 and made.map(len).rows is made.rows
    nothing = Featurized(None, made.rows[:0], {"a": "no"})
    assert nothing.map(len) is nothing


def test_some_of_the_features_and_why_not_the_others(made):
    some = made.select([2, 0], {"c": "odd"})
    assert some.rows.tolist() == [5, 0] and some.errors == {"b": "no", "c": "odd"} and made.errors == {"b": "no"}
    assert [len(some.features.field("n").row(k)) for k in range(2)] == [3, 1]
    nothing = made.select([], {"c": "odd"})
    assert nothing.features is None and len(nothing.rows) == 0


def test_nothing_featurized_is_no_features(mini):
    assert each_formula(mini.take([]), str).features is None
    assert each_formula(mini.take([0, 1]), len).rows.tolist() == [0, 1]


def test_a_store_is_asked_and_recorded(mini):
    recorder = RecordingStore(DISK_CACHE)
    some = mini.take(np.arange(3))
    found = featurize(some, "numbers", lambda crystal: {"numbers": crystal.numbers}, store=recorder)
    made, ids = recorder.made["numbers"]
    assert made is found and ids.tolist() == some.ids.tolist()
