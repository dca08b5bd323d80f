"""Messages for the user are one line, whatever the ids and file names in them hold."""

import pytest

from common.errors import UserError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a b"),
        ("a\r\nb", "a  b"),
        ("x\x1b[31m", r"x\x1b[31m"),
        ("a\0b", r"a\x00b"),
        ("Å 硬度", "Å 硬度"),
        ("\udcff", r"\udcff"),
    ],
)
def test_control_characters_do_not_reach_the_terminal(text, shown):
    assert str(UserError(text)) == shown


def test_other_objects_are_written_as_text():
    assert str(UserError(KeyError("x"))) == "'x'"
