"""Damaged files end in one line: 300 mutants of every reader's file; `make fuzz` reads 10,000."""

import pytest

from tests.robustness.readers import READERS
from tests.robustness.run import LARGEST_MB, apart, as_table, renew


def test_a_page_keeps_the_rows_of_other_readers(tmp_path):
    page = tmp_path / "page.md"
    row = {"mutants": 3, "read": 1, "refused": 2, "exceptions": 0, "hangs": 0, "longest": 0.0, "memory": 0.0}
    page.write_text("Text.\n\n" + as_table([row | {"reader": name} for name in ("POSCAR", "table.csv", "gone")]))
    renew(page, [row | {"reader": "POSCAR", "mutants": 9}])
    text = page.read_text()
    assert text.startswith("Text.\n\n| reader |") and "gone" not in text
    assert [line.split("|")[1:3] for line in text.splitlines()[4:]] == [[" table.csv ", " 3 "], [" POSCAR ", " 9 "]]


@pytest.mark.slow
@pytest.mark.parametrize("name", [reader.name for reader in READERS])
def test_damaged_files_are_read_or_refused_in_one_line(name):
    found = apart(name, 300)
    assert not found["faults"] and found["read"] + found["refused"] == 300
    assert found["memory"] < LARGEST_MB
