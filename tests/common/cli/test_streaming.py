"""Lists of formulas in chunks: no row is lost, and what is wrong with a list is one line."""

import pytest

from common.cli.streaming import chunks, is_list_of_formulas
from common.errors import UserError


def write(folder, data: bytes):
    path = folder / "formulas.csv"
    path.write_bytes(data)
    return path


def test_blank_lines_do_not_end_the_list(tmp_path):
    path = write(tmp_path, b"formula\nSi\n" + b"\n" * 20 + b"NaCl\nMgO\n")
    assert is_list_of_formulas([str(path)])
    assert [table.formulas.tolist() for table in chunks(path, 2)] == [["Si", "NaCl"], ["MgO"]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"name\nSi\n", "has no formula column; its header is: name"),
        (b"", "has no formula column"),
        (b"formula\nSi\n\xff\n", "check commas, quotes and UTF-8"),
        (b"\xff,formula\na,Si\n", "check commas, quotes and UTF-8"),
    ],
)
def test_what_is_no_list_of_formulas(tmp_path, data, words):
    with pytest.raises(UserError, match=words) as caught:
        list(chunks(write(tmp_path, data)))
    assert "\n" not in str(caught.value)
