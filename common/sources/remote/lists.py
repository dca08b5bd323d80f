"""Lists of ids and values: PROFiT-Net's three, and the diffraction paper's test materials."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from common.sources.remote.writing import unlike, write_rows

ID = re.compile(r"(?:mp|mvc)-\d+")
#: Columns of the supplementary table of gaps -> ours.
GAPS = {"Material": "formula", "MP_ID": "material_id", "ICSD_ID": "icsd_id", "PBE": "PBE", "HSE06": "HSE06"}


def profit(fetched: dict[str, Path]) -> list[Path]:
    return [
        _ids(fetched["mp-ids-46744.csv"]),
        _gaps(fetched["ct9b00322_si_002.csv"]),
        _enthalpies(fetched["experimental_dataset.csv"]),
    ]


def _rows(path: Path) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        return [[cell.strip() for cell in row] for row in csv.reader(file) if any(row)]


def _ids(path: Path) -> Path:
    found = [row[:1] for row in _rows(path) if ID.fullmatch(row[0])]
    if not found:
        raise unlike(path, "it has no ids such as mp-149")
    return write_rows("mp/mp_ids_46744.csv", ["material_id"], found)


def _gaps(path: Path) -> Path:
    """The header has two lines: the first names the ids, the second the functionals and "Experimental"."""
    first, second, *rows = _rows(path)
    names = [a if a in GAPS else b for a, b in zip(first, second, strict=False)]
    if not {*GAPS, "Experimental"} <= set(names):
        raise unlike(path, "its header lacks " + ", ".join(sorted({*GAPS, "Experimental"} - set(names))))
    places = [names.index(name) for name in (*GAPS, "Experimental")]
    selected = [[row[place] for place in places] for row in rows if ID.fullmatch(row[names.index("MP_ID")])]
    return write_rows("mp/exp_band_gap.csv", [*GAPS.values(), "Eg_exp"], selected)


def _enthalpies(path: Path) -> Path:
    header, *rows = _rows(path)
    if header[:4] != ["material_id", "exp", "mp", "diff"]:
        raise unlike(path, f"its header is {', '.join(header)}")
    return write_rows(
        "mp/exp_formation_enthalpy.csv", ["material_id", "dHf_exp", "dHf_mp", "diff"], [r[:4] for r in rows]
    )


def diffcomp(fetched: dict[str, Path]) -> list[Path]:
    """Rows of a picture's path, which carries the id, the value and the composition vector of 60 numbers."""
    made = []
    for target in ("Ef", "Eg"):
        path, selected = fetched[f"1_test_{target}.dat"], []
        for row in _rows(path):
            name = ID.search(row[0])
            if not name or len(row) != 62:
                raise unlike(path, f"a row of it begins with {row[0][:40]!r} and has {len(row)} cells")
            selected.append([name[0], *row[1:]])
        header = ["material_id", "target", *(f"v{k:02}" for k in range(1, 61))]
        made.append(write_rows(f"mp/diffcomp_test_{target}.csv", header, selected))
    return made
