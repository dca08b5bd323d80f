"""Damaged files end in one line: 300 mutants of every reader's file; `make fuzz` reads 10,000."""

import pytest

from tests.robustness.readers import READERS
from tests.robustness.run import LARGEST_MB, apart


@pytest.mark.slow
@pytest.mark.parametrize("name", [reader.name for reader in READERS])
def test_damaged_files_are_read_or_refused_in_one_line(name):
    found = apart(name, 300)
    assert not found["faults"] and found["read"] + found["refused"] == 300
    assert found["memory"] < LARGEST_MB
