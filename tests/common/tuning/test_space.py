"""What a search may choose from, as it is written and as it is filled."""

import math

import pytest

from common.errors import UserError
from common.tuning.space import grid, parse, size, sobol, untried

KINDS = {"batch": "int", "learning_rate": "float", "optimizer": "str", "standardize": "bool"}


def axes(*texts: str):
    return [parse(text, KINDS) for text in texts]


def test_ranges_hold_their_ends():
    batch, rate = axes("batch=16:65", "learning_rate=0.0005:0.002")
    assert [batch.at(0.0), batch.at(0.999999), batch.at(1.0)] == [16, 65, 65]
    assert [rate.at(0.0), rate.at(0.5), rate.at(1.0)] == [0.0005, 0.00125, 0.002]
    assert all(type(batch.at(share)) is int for share in (0.0, 0.3, 1.0))
    (log,) = axes("learning_rate=0.0001:0.01:log")
    assert [log.at(0.0), log.at(0.5), log.at(1.0)] == [0.0001, 0.001, 0.01]


def test_values_are_of_their_kind():
    (optimizer, flag, batch) = axes("optimizer=adam, sgd", "standardize=True,false", "batch=50")
    assert [optimizer.at(share) for share in (0.0, 0.49, 0.5, 1.0)] == ["adam", "adam", "sgd", "sgd"]
    assert flag.values == (True, False) and batch.points(4) == [50]


@pytest.mark.parametrize("text", ["batch=16:65", "learning_rate=0.0001:0.01:log", "optimizer=adam,sgd", "batch=8"])
def test_written_as_it_is_read(text):
    (axis,) = axes(text)
    assert parse(axis.plain(), KINDS) == axis


@pytest.mark.parametrize(
    "text",
    [
        "batch",
        "batch=",
        "batch=65:16",
        "batch=16:16",
        "batch=1.5:3",
        "batch=16:65:log",
        "batch=16:65:3",
        "batch=a,b",
        "learning_rate=0:1:log",
        "learning_rate=0:1:linear",
        "optimizer=a:b",
        "standardize=yes",
    ],
)
def test_what_cannot_be_read_is_named_with_the_way_to_write_it(text):
    with pytest.raises(UserError, match=rf"--search {text}: {text.partition('=')[0]} is .*LOW:HIGH"):
        parse(text, KINDS)


def test_an_unknown_setting_is_named_with_those_that_there_are():
    with pytest.raises(UserError, match="'bach'; there are: batch, learning_rate, optimizer, standardize"):
        parse("bach=1:2", KINDS)


def test_a_grid_is_every_combination():
    points = grid(axes("batch=16:65", "learning_rate=0.0005:0.002", "optimizer=adam,sgd"), 4)
    assert len(points) == 32 == len({tuple(point.values()) for point in points})
    assert {point["batch"] for point in points} == {16, 32, 49, 65}
    assert {point["learning_rate"] for point in points} == {0.0005, 0.001, 0.0015, 0.002}
    assert len(grid(axes("batch=1:2"), 4)) == 2  # a range has no more points than numbers


def test_sobol_points_fill_the_space_and_do_not_depend_on_how_many_there_are():
    space = axes("batch=16:65", "learning_rate=0.0005:0.002")
    points = [sobol(space, number, 0) for number in range(16)]
    assert points == [sobol(space, number, 0) for number in reversed(range(16))][::-1]
    assert points[0] != sobol(space, 0, 1)
    # In each quarter of each range stand four of sixteen points.
    for name, low, width in (("batch", 16, 12.5), ("learning_rate", 0.0005, 0.000375)):
        quarters = [min(int((point[name] - low) / width), 3) for point in points]
        assert sorted(quarters.count(quarter) for quarter in range(4)) == [4] * 4


def test_how_many_settings_there_are():
    assert size(axes("batch=16:18", "optimizer=adam,sgd", "standardize=true")) == 6
    assert size(axes("batch=16,16,32")) == 2, "a value given twice is one"
    assert math.isinf(size(axes("batch=16:18", "learning_rate=0.1:0.2")))


def test_what_is_left_to_try():
    few, tried = axes("batch=16:17", "optimizer=adam,sgd"), []
    for _ in range(4):
        tried.append(untried(few, tried))
    assert tried == [{"batch": b, "optimizer": o} for b in (16, 17) for o in ("adam", "sgd")]
