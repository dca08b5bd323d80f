"""The 2e-ORR alloys from the archive of their repository: CIF files before and after relaxation, and energies."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.io.progress import progress
from common.sources.datadir import place
from common.sources.remote.writing import unlike, write_bytes
from esnet.datasets.orr_alloys import FILE

#: Energies of the published test and of the archive are the same numbers, eV/atom, up to their last printed digit.
SAME = 1e-7
CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def write(fetched: dict[str, Path]) -> list[Path]:
    archive = fetched["D-CGCNN-5107e1a.zip"]
    tested = _tested(fetched["ESNet_IS2RE_results.csv"])
    lines = []
    try:
        with zipfile.ZipFile(archive) as files:
            root = files.namelist()[0].split("/")[0]
            energies = files.read(f"{root}/2eORR_fin/id_prop.csv").decode()
            for name, energy in progress(list(csv.reader(io.StringIO(energies))), desc="2e-ORR", unit="alloy"):
                states = {
                    state: cell(files.read(f"{root}/{folder}/{name}.cif").decode(), name)
                    for state, folder in (("initial", "2eORR_ini"), ("relaxed", "2eORR_fin"))
                }
                symbols = states["initial"].pop("symbols")
                if states["relaxed"].pop("symbols") != symbols:
                    raise UserError(f"{archive}: the atoms of {name} change their order on relaxation")
                facts = {"id": name, "symbols": symbols, "formation_energy_eV_per_atom": float(energy)}
                facts["in_esnet_test"] = bool(_nearest(tested, float(energy)) < SAME)
                lines.append(json.dumps({**facts, **states}))
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError) as error:
        raise unlike(archive, f"it is not the archive of the repository ({error})") from None
    path = place(FILE)
    write_bytes(path, ("\n".join(lines) + "\n").encode())
    return [path]


def cell(text: str, name: str = "") -> dict:
    """Symbols, `cellpar` and `frac` of a CIF with every atom written out, as ASE writes them."""
    from gemmi import cif

    block = cif.read_string(text).sole_block()
    atoms = block.find("_atom_site_", ["type_symbol", "fract_x", "fract_y", "fract_z"])
    if not len(atoms) or len(block.find_values("_space_group_symop_operation_xyz")) != 1:
        raise UserError(f"{name}: its CIF does not write every atom out")
    return {
        "symbols": [row[0] for row in atoms],
        "cellpar": [float(block.find_value(f"_cell_{part}")) for part in CELL],
        "frac": [[float(cif.as_number(row[k])) for k in (1, 2, 3)] for row in atoms],
    }


def _tested(path: Path) -> np.ndarray:
    """The energies of the published test, sorted."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    try:
        return np.sort([float(row[2]) for row in rows[1:]])
    except (IndexError, ValueError):
        raise unlike(path, "its third column is no energy") from None


def _nearest(sorted_values: np.ndarray, value: float) -> float:
    at = np.searchsorted(sorted_values, value)
    return float(np.abs(sorted_values[max(at - 1, 0) : at + 1] - value).min())
