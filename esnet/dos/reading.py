"""Read one material from a file: a `vasprun.xml` or a CompleteDos as JSON, possibly compressed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from common.chem.crystal import Crystal
from common.data.densities import Densities
from common.errors import UserError
from common.io.compressed import DAMAGE, is_compressed, limit, open_text
from common.sources.reading import read_object
from esnet.dos.projected import as_densities
from esnet.dos.resampling import covered
from esnet.dos.vasp import complete_dos, complete_dos_of, from_complete_dos

#: Numbers and other values in a JSON file; each takes up to 100 bytes of memory.
MAX_VALUES = 10_000_000
ENDINGS = (".xml", ".json")
LOBSTER = "is from LOBSTER, whose projections on a local basis differ from those of VASP and GPAW; give the vasprun.xml"


class DOSReading(NamedTuple):
    """The content of a file of one material."""

    crystal: Crystal
    formula: str
    densities: Densities


def is_dos_file(path: Path) -> bool:
    """Whether a file name is that of a density of states."""
    name = bare(path)
    return name.lower().endswith(ENDINGS) or "DOSCAR" in name.upper()


def bare(path: Path) -> str:
    """The file name without the ending of a compressed file."""
    return path.stem if is_compressed(path) else path.name


def read_dos_file(path: Path, *, unconverged: bool = False) -> DOSReading:
    """Read and check a file. Errors are one line without the file name."""
    name = bare(path)
    if "LOBSTER" in name.upper():
        raise UserError(LOBSTER)
    if "DOSCAR" in name.upper():
        raise UserError("is a DOSCAR, which does not name its orbitals; give the vasprun.xml of the same run")
    if name.lower().endswith(".json"):
        found = complete_dos_of(_json(path))
    else:
        found = complete_dos(path, unconverged=unconverged)
    dos = from_complete_dos(found)
    covered(dos)
    reading = read_object(found.structure)
    return DOSReading(reading.crystal, reading.formula, as_densities(dos, reading.crystal.numbers))


def _json(path: Path) -> dict:
    """The dictionary of a CompleteDos, also from a record of the Materials Project, which has it under `data`."""
    try:
        with open_text(path) as file:
            text = file.read(limit() + 1)
        if len(text) > limit() or text.count(",") > MAX_VALUES:
            raise UserError(f"holds more than {MAX_VALUES:,} values; give one material per file")
        found = json.loads(text)
    except FileNotFoundError:
        raise UserError("does not exist; check the name") from None
    except (*DAMAGE, ValueError, RecursionError) as error:
        raise UserError(f"cannot be read as JSON ({error}); download it again") from None
    records = [one.get("data", one) if isinstance(one, dict) else one for one in _as_list(found)]
    records = [one for one in records if isinstance(one, dict) and "pdos" in one]
    if isinstance(found, dict) and {"lattice", "sites"} <= found.keys():
        raise UserError("is a crystal without densities of states; save it as CIF")
    if len(records) != 1:
        raise UserError(f"holds {len(records)} CompleteDos of pymatgen; give one material per file")
    found = records[0]
    if "Lobster" in str(found.get("@class")):
        raise UserError(LOBSTER)
    return found


def _as_list(found: object) -> list:
    return found if isinstance(found, list) else [found]
