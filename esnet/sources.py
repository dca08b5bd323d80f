"""Tables for the `esnet` command: what every command reads, and VASP's and the Materials Project's own files.

A `vasprun.xml`, a CompleteDos as JSON, both also compressed, folders of them, with `id_prop.csv` or without.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common import cli
from common.cache import map_rows
from common.crystal import Crystal
from common.densities import Densities, DensitiesInMemory
from common.errors import UserError
from common.materials import MaterialsTable
from common.progress import progress
from common.sources.columns import read_id_prop
from common.sources.files import Loaded
from common.sources.reading import read_object

ENDINGS = (".xml", ".json")
COMPRESSED = (".gz", ".bz2", ".xz")


class DOSReading(NamedTuple):
    """What a file of one material gives."""

    crystal: Crystal
    formula: str
    densities: Densities


def load_data(data: str | Sequence[str], *, target: str = "", unit: str = "", strict=False, jobs=1) -> Loaded:
    """The table behind DATA, as `common.cli.load_data`, which also takes files of densities of states."""
    named = [data] if isinstance(data, str) else list(data)
    paths = [Path(name) for name in named]
    files = [file for path in paths for file in _dos_files(path)]
    if not files:
        return cli.load_data(data, target=target, unit=unit, strict=strict, jobs=jobs)
    other = next((path for path in paths if not _dos_files(path)), None)
    if other is not None:
        raise UserError(f"{other} is no file of densities of states; give it alone")
    if len(paths) == 1 and (paths[0] / "id_prop.csv").exists():
        return _listed(paths[0], files, target, unit, strict, jobs)
    if target:
        raise UserError(f"{named[0]} has no values of {target}; put an id_prop.csv beside the files")
    table, left_out = _table(dict(zip(_names(files), files, strict=True)), strict, jobs)
    return Loaded(table, left_out)


def is_dos_file(path: Path) -> bool:
    name = _bare(path)
    return name.lower().endswith(ENDINGS) or "DOSCAR" in name.upper()


def _bare(path: Path) -> str:
    return path.stem if path.suffix.lower() in COMPRESSED else path.name


def _dos_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and is_dos_file(file))
    return [path] if is_dos_file(path) else []


def _names(files: list[Path]) -> list[str]:
    """The name without its endings; that of the folder where the file is called vasprun; the path where two meet."""
    stems = [_bare(file).rpartition(".")[0] or _bare(file) for file in files]
    names = [file.resolve().parent.name if stem == "vasprun" else stem for stem, file in zip(stems, files, strict=True)]
    times = Counter(names)
    return [name if times[name] == 1 else str(file) for name, file in zip(names, files, strict=True)]


def _table(files: dict[str, Path], strict: bool, jobs: int) -> Loaded:
    names, left_out, found = list(files), {}, {}
    with progress(total=len(names), desc="reading", unit="file") as bar:
        results = map_rows(read_dos_file, lambda row: files[names[row]], list(range(len(names))), jobs, bar)
        for name, result in zip(names, results, strict=True):
            if isinstance(result, str):
                left_out[str(files[name])] = result.removeprefix(f"{files[name]}: ")
                if strict:
                    raise UserError(f"{files[name]}: {left_out[str(files[name])]}")
            else:
                found[name] = result
    table = MaterialsTable.from_structures(
        list(found),
        [one.crystal for one in found.values()],
        formulas=[one.formula for one in found.values()],
        densities=DensitiesInMemory([one.densities for one in found.values()]),
        origin=str(next(iter(files.values()))) if len(files) == 1 else "files",
    )
    return Loaded(table, left_out)


def _listed(folder: Path, files: list[Path], target: str, unit: str, strict: bool, jobs: int) -> Loaded:
    """A folder whose `id_prop.csv` gives the values."""
    known = dict(zip(_names(files), files, strict=True)) | {file.name: file for file in files}
    sheet = read_id_prop(folder / "id_prop.csv", target, known)
    values, wrong = sheet.numbers(target, unit)
    wrong |= {name: "no file of this name lies in the folder" for name in sheet.ids if name not in known}
    if strict and wrong:
        name, reason = next(iter(wrong.items()))
        raise UserError(f"{name}: {reason}")
    table, left_out = _table({name: known[name] for name in sheet.ids if name not in wrong}, strict, jobs)
    rows = {name: row for row, name in enumerate(sheet.ids)}
    kept = np.array([rows[name] for name in table.ids.tolist()], dtype=np.int64)
    for name, one in values.items():
        table = table.with_target(name, one.values[kept], one.unit)
    table.origin = folder.name
    return Loaded(table, {**wrong, **left_out})


# --- one file ------------------------------------------------------------------------------------


def read_dos_file(path: Path) -> DOSReading:
    """A vasprun.xml or a CompleteDos; whatever is wrong is one line."""
    from esnet.dos import as_densities
    from esnet.resampling import covered
    from esnet.vasp import complete_dos, from_complete_dos

    name = _bare(path)
    if "LOBSTER" in name.upper():
        raise UserError(_LOBSTER)
    if "DOSCAR" in name.upper():
        raise UserError("is a DOSCAR, which does not name its orbitals; give the vasprun.xml of the same run")
    found = _json(path) if name.lower().endswith(".json") else complete_dos(path)
    dos = from_complete_dos(found)
    covered(dos)
    structure = found["structure"] if isinstance(found, dict) else found.structure
    if isinstance(structure, dict):
        from pymatgen.core import Structure

        structure = Structure.from_dict(structure)
    reading = read_object(structure)
    return DOSReading(reading.crystal, reading.formula, as_densities(dos, reading.crystal.numbers))


def _listed_or_alone(found) -> list:
    return found if isinstance(found, list) else [found]


_LOBSTER = "is LOBSTER's, projected on a local basis and not on spheres as VASP and GPAW do; give the vasprun.xml"


def _json(path: Path) -> dict:
    """The dictionary of a CompleteDos; records of the Materials Project, which hold it as `data`, will do."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the name") from None
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"cannot be read as JSON ({error}); fetch it again") from None
    records = [one.get("data", one) if isinstance(one, dict) else one for one in _listed_or_alone(found)]
    records = [one for one in records if isinstance(one, dict) and "pdos" in one]
    if len(records) != 1:
        raise UserError(f"holds {len(records)} CompleteDos of pymatgen; give each material a file of its own")
    found = records[0]
    if "Lobster" in str(found.get("@class")):
        raise UserError(_LOBSTER)
    return found


def with_engine(table: MaterialsTable, engine: str) -> Loaded:
    """The table of structures with densities of states computed on the way."""
    from esnet.dos import as_densities
    from esnet.engines import EngineMissing, compute_dos

    items, kept, left_out = [], [], {}
    for row, name in enumerate(progress(table.ids.tolist(), desc=engine, unit="material")):
        try:
            crystal = table.structure(row)
            items.append(as_densities(compute_dos(crystal, engine=engine), crystal.numbers))
            kept.append(row)
        except EngineMissing:
            raise
        except UserError as error:
            left_out[name] = str(error)
    few = table.take(np.array(kept, dtype=np.int64))
    table = MaterialsTable.from_structures(
        few.ids,
        few.structures(),
        few.targets,
        formulas=few.formulas,
        densities=DensitiesInMemory(items),
        origin=table.origin,
    )
    return Loaded(table, left_out)
