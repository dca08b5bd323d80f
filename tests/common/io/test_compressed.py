"""Compressed files are read as a stream that ends at a limit, and files that are none are refused."""

import bz2
import csv
import gzip
import lzma
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common.data.loading import load_data
from common.data.predictions import Predictions
from common.data.splits import Split
from common.errors import UserError
from common.io.compressed import check_size, open_bytes, open_text
from common.sources import reading
from common.sources.columns import read_columns
from common.sources.reading import read_file
from common.train.recipes.recipe_file import RecipeFile
from common.train.saved_model import read_card
from diffcomp.composition.element_table import element_space
from diffcomp.measured.files import read_picture
from esnet.dos.reading import read_dos_file
from experiments.declare import located_yaml

WRITERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setenv("MATREPRO_MAX_MB", "0.1")


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_within_the_limit_is_read_as_it_is(tmp_path, small_limit, ending):
    data = os.urandom(90_000)
    path = tmp_path / f"a{ending}"
    path.write_bytes(WRITERS[ending](data))
    with open_bytes(path) as file:
        assert file.read(10) == data[:10] and file.seek(0) == 0 and file.read() == data
    (tmp_path / "a.txt").write_bytes("é\r\nb".encode() * 100_000)
    with open_text(tmp_path / "a.txt") as file:  # a plain file has no limit
        assert file.readline() == "é\r\n" and len(file.read()) > 200_000


@pytest.mark.parametrize("ending", WRITERS)
def test_a_file_beyond_the_limit_is_one_line(tmp_path, small_limit, ending):
    path = tmp_path / f"a{ending}"
    path.write_bytes(WRITERS[ending](bytes(200_000)))
    for read in (lambda: open_bytes(path).read(), lambda: check_size(path)):
        with pytest.raises(
            UserError, match=r"larger than 0 MB when decompressed; raise the limit with MATREPRO_MAX_MB"
        ):
            read()


@pytest.mark.parametrize("value", ["many", "-1", "0", "nan", "inf"])
def test_a_limit_that_is_no_number(tmp_path, monkeypatch, value):
    monkeypatch.setenv("MATREPRO_MAX_MB", value)
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x"))
    with pytest.raises(UserError, match=f"MATREPRO_MAX_MB={value} is not a number of MB above zero"):
        open_bytes(tmp_path / "a.gz")


BOMBS = {
    "POSCAR.gz": lambda path: read_file(path),
    "a.cif.gz": lambda path: read_file(path),
    "table.csv.gz": lambda path: read_columns(path),
    "predictions.csv.gz": lambda path: Predictions.load(path),
    "dos.json.gz": lambda path: read_dos_file(path),
    "vasprun.xml.gz": lambda path: read_dos_file(path),
}


@pytest.mark.parametrize("content", [b"\0", b" ", b"\n", b"1"])
@pytest.mark.parametrize("name", BOMBS)
def test_every_reader_of_compressed_files_stops(tmp_path, monkeypatch, name, content):
    monkeypatch.setenv("MATREPRO_MAX_MB", "2")
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000_000)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content * 3_000_000))
    started = time.process_time()
    with pytest.raises(UserError) as error:
        BOMBS[name](path)
    assert "\n" not in str(error.value) and time.process_time() - started < 10


@pytest.mark.slow
@pytest.mark.parametrize("name", ["POSCAR.gz", "table.csv.gz", "dos.json.gz"])
def test_a_gigabyte_of_zeros_takes_little_memory(tmp_path, name):
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as file:
        for _ in range(1000):
            file.write(bytes(1_000_000))
    code = (
        "import pathlib, re\n"
        "from common.errors import UserError\n"
        "from tests.common.io.test_compressed import BOMBS\n"
        f"try: BOMBS[{name!r}](pathlib.Path({str(tmp_path / name)!r}))\n"
        "except UserError: print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1e6)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.0


READERS = {
    "structure.cif": lambda path: read_file(path),
    "table.csv": lambda path: read_columns(path),
    "table.h5": lambda path: load_data(str(path)),
    "split.json": lambda path: Split.load(path),
    "predictions.csv": lambda path: Predictions.load(path),
    "dos.json": lambda path: read_dos_file(path),
    "vasprun.xml": lambda path: read_dos_file(path),
    "picture.png": lambda path: read_picture(path),
    "recipe.json": lambda path: RecipeFile.load(path),
    "elements.csv": lambda path: element_space(path),
    "tables.yaml": lambda path: located_yaml.read(path),
    "model.json": lambda path: read_card(path.parent),
}


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused(tmp_path, monkeypatch, name, kind):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    path = Path(name)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match="is a pipe, socket or device, not a file"):
        READERS[name](path)


SMALL_LIMITS = {
    "table.csv": ("common.sources.columns.MAX_CELLS", 3, "formula,x\nSi,1\nGe,2\n", "has more than 3 cells"),
    "line.csv": ("common.sources.columns.MAX_LINE", 9, "formula\n" + "Si" * 9, "a line of more than 9 characters"),
    "dos.json": ("esnet.dos.reading.MAX_VALUES", 3, "[1, 2, 3, 4, 5]", "holds more than 3 values"),
    "vasprun.xml": ("esnet.dos.vasp.MAX_TAGS", 3, "<a><b></b></a>", "has more than 3 tags"),
}


@pytest.mark.parametrize("name", SMALL_LIMITS)
def test_many_small_values_have_a_limit(tmp_path, monkeypatch, name):
    place, value, text, words = SMALL_LIMITS[name]
    monkeypatch.setattr(place, value)
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words):
        (read_columns if name.endswith(".csv") else read_dos_file)(tmp_path / name)


def test_one_structure_file_has_a_limit(tmp_path, monkeypatch):
    lines = ["x", "1", "9 0 0", "0 9 0", "0 0 9", "Si", "2", "direct", "0 0 0", "0.5 0.5 0.5", ""]
    path = tmp_path / "POSCAR"
    path.write_text("\n".join(lines))
    assert len(read_file(path).crystal.numbers) == 2
    monkeypatch.setattr(reading, "MAX_ATOMS", 1)
    with pytest.raises(UserError, match="has 2 atoms, more than the 1 of one structure"):
        read_file(path)
    monkeypatch.setattr(reading, "MAX_BYTES", 20)
    with pytest.raises(UserError, match="the limit of one structure file"):
        read_file(path)


def test_a_compressed_structure_is_that_of_the_plain_file(tmp_path):
    text = "x\n1\n9 0 0\n0 9 0\n0 0 9\nSi\n1\ndirect\n0 0 0\n"
    (tmp_path / "POSCAR").write_text(text)
    (tmp_path / "odd.name.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "POSCAR.gz").write_bytes(gzip.compress(text.encode()))
    one, *others = (read_file(tmp_path / name) for name in ("POSCAR", "POSCAR.gz", "odd.name.gz"))
    for other in others:
        assert other.formula == one.formula == "Si" and np.array_equal(other.crystal.lattice, one.crystal.lattice)


def test_a_csv_with_its_line_ends(tmp_path):
    rows = [["id", "gap"], ["a\nb", "1"]]
    with gzip.open(tmp_path / "a.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows(rows)
    assert read_columns(tmp_path / "a.csv.gz").ids == ["a\nb"]
