"""The archive of the Finder paper: a folder a property with train.csv, val.csv and test.csv -> finder/<name>.csv.

The program's README names `formation_energy`, `bandgap` and `refractive_index`; the other folders are found by words of
their names. Which file a row was in is stored as a split, `finder/<name>-split.json`.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path, PurePosixPath

from common.data.splits import Split
from common.io.files import write_text
from common.io.messages import note
from common.io.text import as_csv
from common.sources.datadir import place
from common.sources.remote.writing import unlike

PARTS = ("train", "val", "test")
#: Name of the file -> what its folder is called.
FOLDERS = {
    "e_form": r"formation.*energy",
    "e_gap": r"band.?gap",
    "n": r"refractive.*index",
    "e_dft": r"(dft|total).*energy|energy.*dft",
    "log_k": r"bulk|.*k_?vrh",
    "log_g": r"shear|.*g_?vrh",
}


def write(fetched: dict[str, Path]) -> list[Path]:
    made: list[Path] = []
    for archive in fetched.values():
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as files:
                for folder, parts in _folders(files).items():
                    name = next((n for n, words in FOLDERS.items() if re.match(words, folder, re.IGNORECASE)), None)
                    if name is None:
                        note(f"{archive}: the folder {folder} is none of the paper's six properties; it is left out")
                    else:
                        made += _write(name, {part: _read(files, path) for part, path in parts.items()}, archive)
    if not made:
        raise unlike(next(iter(fetched.values())), "no archive has folders with train.csv, val.csv and test.csv")
    return made


def _folders(files: zipfile.ZipFile) -> dict[str, dict[str, str]]:
    """Folder -> part -> member, for the folders that have all three."""
    found: dict[str, dict[str, str]] = {}
    for name in files.namelist():
        path = PurePosixPath(name)
        if path.suffix == ".csv" and path.stem in PARTS and "__MACOSX" not in path.parts:
            found.setdefault(path.parent.name, {})[path.stem] = name
    return {folder: parts for folder, parts in found.items() if set(parts) == set(PARTS)}


def _read(files: zipfile.ZipFile, member: str) -> list[dict[str, str]]:
    csv.field_size_limit(2**31 - 1)  # a CIF in a cell
    with files.open(member) as file:
        rows = csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))
        return [{key.lower(): cell for key, cell in row.items() if key} for row in rows]


def _write(name: str, parts: dict[str, list[dict[str, str]]], archive: Path) -> list[Path]:
    rows = [row for part in PARTS for row in parts[part]]
    columns = [column for column in ("id", "formula", "target", "cif") if column in rows[0]] if rows else []
    if columns[:3] != ["id", "formula", "target"]:
        raise unlike(archive, f"{name} has no columns ID, formula and target")
    path, split = place(f"finder/{name}.csv"), place(f"finder/{name}-split.json")
    write_text(path, as_csv(columns, [[row[column] for column in columns] for row in rows]))
    Split(*(tuple(row["id"] for row in parts[part]) for part in PARTS)).save(split)
    return [path, split]
