"""Tables of element vectors: what comes with the project, one's own, and those that are none."""

import numpy as np
import pytest

from common.errors import UserError
from diffcomp.composition.element_table import element_space, write_elements


def test_the_table_of_the_project():
    space, raw = element_space(), element_space(scaled=False)
    assert space.vectors.shape == (87, 30) and space.vectors.min() == 0 and space.vectors.max() == 1
    assert raw.vectors.min() < -1 and np.array_equal(raw.numbers, space.numbers)


def test_writing_and_reading(tmp_path):
    weights = np.random.default_rng(0).normal(size=(3, 4))
    write_elements(tmp_path / "own.csv", np.array([17, 11, 8]), weights)
    space = element_space(tmp_path / "own.csv", scaled=False)
    assert space.numbers.tolist() == [8, 11, 17] and space.vectors == pytest.approx(weights[[2, 1, 0]], rel=1e-6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no element vectors"),
        ("element,v0,v1\n", "holds no element vectors"),
        ("element\nNa\n", "holds no element vectors"),
        ("element,v0\nNa,1\nCl,2\nNa,3\n", "Na stands in it twice, again in line 4"),
        ("element,v0\nNa,1\nQq,2\n", "line 3 begins with 'Qq', which is no element"),
        ("element,v0,v1\nNa,1,2\nCl,nan,3\n", "line 3, Cl, does not have 2 numbers"),
        ("element,v0,v1\nNa,1,2\nCl,3\n", "line 3, Cl, does not have 2 numbers"),
        ("element,v0\nNa,1\nCl,\n", "line 3, Cl, does not have 1 numbers"),
        ("element,v0,v1\nNa,1,2\nCl,3,2\n", "dimension 1 is 2 for every element"),
    ],
)
def test_what_is_no_table(tmp_path, text, reason):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=reason) as caught:
        element_space(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="is no table of element vectors"):
        element_space(tmp_path / "none.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(UserError, match="is no table of element vectors"):
        element_space(tmp_path / "picture.csv")
