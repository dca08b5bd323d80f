"""One file of one material: a `vasprun.xml`, or a CompleteDos as JSON, both also compressed."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from pathlib import Path
from typing import NamedTuple

from common.chem.crystal import Crystal
from common.data.densities import Densities
from common.errors import UserError
from common.sources.reading import read_object

ENDINGS = (".xml", ".json")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
LOBSTER = "is LOBSTER's, projected on a local basis and not on spheres as VASP and GPAW do; give the vasprun.xml"


class DOSReading(NamedTuple):
    """What a file of one material gives."""

    crystal: Crystal
    formula: str
    densities: Densities


def is_dos_file(path: Path) -> bool:
    name = bare(path)
    return name.lower().endswith(ENDINGS) or "DOSCAR" in name.upper()


def bare(path: Path) -> str:
    """The name without what says that the file is compressed."""
    return path.stem if path.suffix.lower() in OPENERS else path.name


def read_dos_file(path: Path, *, unconverged: bool = False) -> DOSReading:
    """Whatever is wrong is one line, without the name of the file."""
    from esnet.dos.projected import as_densities
    from esnet.dos.resampling import covered
    from esnet.dos.vasp import complete_dos, complete_dos_of, from_complete_dos

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
    """The dictionary of a CompleteDos; records of the Materials Project, which hold it as `data`, will do."""
    opener = OPENERS.get(path.suffix.lower(), open)
    try:
        with opener(path, "rt") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise UserError("does not exist; check the name") from None
    except (OSError, EOFError, ValueError, RecursionError, lzma.LZMAError, zlib.error) as error:
        raise UserError(f"cannot be read as JSON ({error}); fetch it again") from None
    records = [one.get("data", one) if isinstance(one, dict) else one for one in _listed_or_alone(found)]
    records = [one for one in records if isinstance(one, dict) and "pdos" in one]
    if len(records) != 1:
        raise UserError(f"holds {len(records)} CompleteDos of pymatgen; give each material a file of its own")
    found = records[0]
    if "Lobster" in str(found.get("@class")):
        raise UserError(LOBSTER)
    return found


def _listed_or_alone(found) -> list:
    return found if isinstance(found, list) else [found]
