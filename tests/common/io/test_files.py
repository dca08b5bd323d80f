"""Files are written whole or not at all, and what cannot be read or written is one clear line."""

import errno
import os

import pytest

from common.errors import UserError
from common.io.files import reason_of, replacing, write_text
from common.io.hdf5 import open_hdf5, writing_hdf5


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_takes_the_place_of_the_old_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_text(path, "one")
    write_text(str(path), "two")
    assert path.read_text() == "two" and names(path.parent) == ["b.txt"]


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "b.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), writing_hdf5(path) as file:
        file["x"] = 1
        raise ZeroDivisionError
    assert path.read_text() == "old" and names(tmp_path) == ["b.txt"]


def test_the_temporary_file_keeps_the_ending_and_is_hidden(tmp_path):
    with replacing(tmp_path / "model.weights.h5") as temporary:
        assert temporary.name.startswith(".") and temporary.name.endswith(".weights.h5")
        assert temporary.parent == tmp_path
        temporary.write_text("x")


@pytest.mark.parametrize("call", ["replace", "mkdir"])
def test_no_space_left_is_said_and_nothing_stays(tmp_path, monkeypatch, call):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(UserError, match=r"cannot write .*new/b\.txt: No space left on device; free some space"):
        write_text(tmp_path / "new" / "b.txt", "text")
    monkeypatch.undo()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.6, 0.999])
def test_an_hdf5_file_that_the_disk_cannot_hold_leaves_nothing(tmp_path, disk_of, share):
    def write(path):
        with writing_hdf5(path) as file:
            file["numbers"] = list(range(1000))
            file.create_dataset("packed", data=[b"abc"] * 500, compression="gzip")

    write(tmp_path / "whole.h5")
    size = (tmp_path / "whole.h5").stat().st_size
    with disk_of(int(share * size)), pytest.raises(UserError, match=r"cannot write .*cut\.h5: File too large; free"):
        write(tmp_path / "cut.h5")
    assert names(tmp_path) == ["whole.h5"]
    with open_hdf5(tmp_path / "whole.h5") as file:
        assert file["numbers"][999] == 999 and file["packed"][499] == b"abc"


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "taken").write_text("x")
    for path in (tmp_path / "taken" / "b.txt", tmp_path / "taken" / "deep" / "b.txt"):
        with pytest.raises(UserError, match=r"cannot write .*b\.txt"):
            write_text(path, "text")
    assert names(tmp_path) == ["taken"] and (tmp_path / "taken").read_text() == "x"


def test_reasons_are_one_line():
    assert reason_of(OSError(errno.ENOSPC, "No space left on device")) == "No space left on device"
    assert reason_of(OSError("first\nsecond")) == "first"
    assert reason_of(OSError("write failed: time = now\n, errno = 28, error message = 'Full', buf")) == "Full"
    assert reason_of(KeyError()) == "KeyError"
