"""Tables from the user's own files: structure files, a folder, a CSV, an HDF5 table, pymatgen objects.

What cannot be read is listed as id -> reason and the rest is read; `strict=True` stops at the first.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.chem.formula import integer_counts, parse_formula
from common.compute.executor import map_rows
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.io.compressed import is_compressed
from common.io.progress import progress
from common.sources import densities
from common.sources.columns import Sheet, heading, read_id_prop, read_sheet
from common.sources.reading import SUFFIXES, Reading, is_structure_file, read_cif, read_file, read_formula, read_object


class Loaded(NamedTuple):
    """A table and, as id or file -> reason, what could not go into it."""

    table: MaterialsDataset
    left_out: dict[str, str]


class Entry(NamedTuple):
    """One material before it is read.

    kind: what `content` is: the path of a "file" that the user gave or that is "listed" in a table, the text of a
    "cif", a "formula", a pymatgen "object", or "nothing".
    """

    name: str
    kind: str
    content: object
    #: What a formula column says beside the structure; the two must agree.
    formula: str = ""

    @property
    def label(self) -> str:
        """What an error is reported under: a file that did not become a material has no id yet."""
        return self.content if self.kind == "file" else self.name


def load(
    paths: str | Path | Sequence[str | Path],
    *,
    target: str = "",
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    formulas: Sequence[str] = (),
) -> Loaded:
    """The table of one or several structure files, a folder (with `id_prop.csv` or without), a CSV or an HDF5 table.

    With a `target` every row must have it as a number; without one all columns of numbers become targets,
    NaN where a cell is empty. `unit` is that of the target, if its column does not say so itself. `formulas` are
    materials beside the structure files.
    """
    if formulas and not paths:
        return _build(_from_formulas(formulas), {}, "formulas", strict=strict)
    paths = _paths(paths)
    for path in paths:
        if len(paths) + len(formulas) > 1 and (_is_table(path) or (path / "id_prop.csv").exists()):
            raise UserError(f"{path} is a whole dataset; give it alone")
    path = paths[0]
    if not path.exists() and (len(paths) + len(formulas) == 1 or _is_table(path)):
        raise UserError(f"{path} does not exist; check the name")
    if path.suffix in (".h5", ".hdf5"):
        table = densities.load(path) if densities.is_densities_file(path) else MaterialsDataset.from_hdf5(path)
        return Loaded(with_unit(table, target, unit) if target else table, {})
    if path.name == "id_prop.csv" or (path / "id_prop.csv").exists():
        folder = path if path.is_dir() else path.parent
        sheet = read_id_prop(folder / "id_prop.csv", target, _known_files(folder))
        entries = _listed(sheet, folder)
    elif _is_table(path):
        sheet = read_sheet(path)
        entries = _from_sheet(sheet, path)
    else:
        entries = _from_files(paths, formulas) + _from_formulas(formulas)
        return _build(entries, {}, str(path) if len(entries) == 1 else "files", strict=strict, jobs=jobs)
    values, wrong = sheet.numbers(target, unit)
    return _build(entries, values, path.name, wrong, strict=strict, jobs=jobs)


def read_table(
    paths: str | Path | Sequence[str | Path], *, target: str = "", unit: str = "", strict: bool = False, jobs: int = 1
) -> MaterialsDataset:
    """The table of `load` alone; what was left out becomes a warning."""
    table, left_out = load(paths, target=target, unit=unit, strict=strict, jobs=jobs)
    if left_out:
        name, reason = next(iter(left_out.items()))
        warnings.warn(f"{len(left_out)} left out, the first of them {name}: {reason}", stacklevel=2)
    return table


def from_structures(
    structures: Mapping[str, object] | Iterable,
    ids: Sequence[str] | None = None,
    targets: Mapping[str, Target | Sequence[float]] | None = None,
    *,
    strict: bool = False,
) -> Loaded:
    """From pymatgen structures, or objects that hold one as `structure`. Without ids they are numbered from 1.

    >>> table, left_out = from_structures({"rock salt": structure}, targets={"gap": Target(np.array([8.5]), "eV")})
    """
    if isinstance(structures, Mapping):
        ids, structures = list(structures), list(structures.values())
    structures = list(structures)
    ids = [str(name) for name in (range(1, len(structures) + 1) if ids is None else ids)]
    values = {}
    for name, target in (targets or {}).items():
        target = target if isinstance(target, Target) else Target(target, "")
        values[name] = target._replace(values=np.asarray(target.values, dtype=np.float64))
    for what, count in {"ids": len(ids), **{f"values of {n!r}": len(t.values) for n, t in values.items()}}.items():
        if count != len(structures):
            raise UserError(f"{count} {what} for {len(structures)} structures")
    entries = [Entry(name, "object", thing) for name, thing in zip(ids, structures, strict=True)]
    return _build(entries, values, "structures", strict=strict)


def _paths(given: str | Path | Sequence[str | Path]) -> list[Path]:
    several = [given] if isinstance(given, str | Path) else given
    if not isinstance(several, Sequence) or not several or not all(isinstance(one, str | Path) for one in several):
        raise UserError(f"a path or a list of paths is needed, not {type(given).__name__}; save other objects as CSV")
    return [Path(one) for one in several]


def _is_table(path: Path) -> bool:
    name = path.with_suffix("") if is_compressed(path) else path
    return name.suffix.lower() in ((".csv", ".tsv") if is_compressed(path) else (".csv", ".tsv", ".h5", ".hdf5"))


def with_unit(table: MaterialsDataset, target: str, unit: str = "") -> MaterialsDataset:
    """The table with the unit filled in that the user gave, in `unit` or as `target="gap (eV)"`."""
    target, said = heading(target)
    old, unit = table.target(target), unit or said
    if unit and old.unit and unit != old.unit:
        raise UserError(f"{table.origin} gives {target} in {old.unit}, not in {unit}; leave the unit out")
    if not unit or old.unit:
        return table
    return table.with_target(target, old.values, unit, axis=old.axis, axis_unit=old.axis_unit)


# --- entries -------------------------------------------------------------------------------------


def _stem(path: Path) -> str:
    """The name of a structure file without what only tells its format."""
    name = path.as_posix().removesuffix(".gz")
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name


def _from_files(paths: Sequence[Path], formulas: Sequence[str] = ()) -> list[Entry]:
    """Named by the file without its suffix; a name that another file or a formula has keeps it, and the folder."""
    found: dict[Path, str] = {}
    for path in paths:
        inside = [path]
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if is_structure_file(p) and p.is_file())
            if not inside:
                tables = sorted(p for p in path.iterdir() if _is_table(p))
                hint = f"; {tables[0]} is a table, give it instead" if tables else ""
                raise UserError(
                    f"{path} holds neither id_prop.csv nor structure files (.cif, .vasp, POSCAR, ...){hint}"
                )
        for file in inside:
            found[file] = _stem(file.relative_to(path) if path.is_dir() else Path(file.name))
    found = {file: os.fsencode(name).decode("utf-8", "backslashreplace") for file, name in found.items()}
    times = Counter([*found.values(), *dict.fromkeys(formulas)])
    return [Entry(name if times[name] == 1 else str(file), "file", str(file)) for file, name in found.items()]


def _from_formulas(formulas: Sequence[str]) -> list[Entry]:
    """Each named by itself; written twice it is one material."""
    return [Entry(text, "formula", text) for text in dict.fromkeys(formulas)]


def _known_files(folder: Path) -> dict[str, Path]:
    files = sorted(p for p in folder.iterdir() if is_structure_file(p))
    # Of two files with one stem the CIF comes last and so is the one that is found.
    files.sort(key=lambda p: p.suffix == ".cif")
    return {_stem(Path(p.name)): p for p in files} | {p.name: p for p in files}


def _listed(sheet: Sheet, folder: Path) -> list[Entry]:
    known = _known_files(folder)
    return [Entry(name, "listed", str(known.get(name, folder / f"{name}.cif"))) for name in sheet.ids]


def _from_sheet(sheet: Sheet, path: Path) -> list[Entry]:
    """The `cif` column counts before `formula`: a path relative to the CSV, or the text of a CIF."""
    if sheet.column("cif") is None:
        return [Entry(name, "formula", text) for name, text in zip(sheet.ids, sheet.column("formula"), strict=True)]
    entries, said = [], sheet.column("formula") or [""] * len(sheet.ids)
    for name, text, formula in zip(sheet.ids, sheet.column("cif"), said, strict=True):
        inline = "\n" in text or text.startswith("data_")
        kind = "cif" if inline else "listed" if text else "nothing"
        entries.append(Entry(name, kind, text if inline else str(path.parent / text), formula))
    return entries


def read_entry(entry: Entry) -> Reading:
    reading = _read_entry(entry)
    if entry.formula and reading.crystal is not None and _disagree(entry.formula, reading.formula):
        raise UserError(f"its formula is {entry.formula}, its structure {reading.formula}; correct one of them")
    return reading


def _disagree(said: str, found: str) -> bool:
    """Whether two formulas have other elements or other ratios; a column of names rather than formulas says nothing."""
    try:
        return integer_counts(parse_formula(said)) != integer_counts(parse_formula(found))
    except UserError:
        return False


def _read_entry(entry: Entry) -> Reading:
    if entry.kind == "nothing":
        raise UserError("the cif column is empty; name a file there or delete the row")
    if entry.kind == "formula":
        return Reading(None, read_formula(entry.content))
    if entry.kind == "file":
        return read_file(entry.content)
    if entry.kind == "listed":
        try:
            return read_file(entry.content)
        except UserError as error:
            raise UserError(f"{entry.content}: {error}") from None
    return read_cif(entry.content) if entry.kind == "cif" else read_object(entry.content)


def _build(
    entries: list[Entry],
    values: dict[str, Target],
    origin: str,
    wrong: dict[str, str] | None = None,
    *,
    strict: bool = False,
    jobs: int = 1,
) -> Loaded:
    """Read all entries; `wrong` names those that are out already."""
    left_out = dict(wrong or {})
    _stop(left_out, strict)
    rows = [row for row, entry in enumerate(entries) if entry.name not in left_out]
    good, readings = [], []
    with progress(total=len(rows), desc="reading", unit="file") as bar:
        for row, result in zip(rows, map_rows(read_entry, entries.__getitem__, rows, jobs, bar), strict=True):
            if isinstance(result, str):
                left_out[entries[row].label] = result
                _stop(left_out, strict)
            else:
                good.append(row)
                readings.append(result)
    left_out = {entry.label: left_out[entry.label] for entry in entries if entry.label in left_out}
    ids, formulas = [entries[row].name for row in good], [reading.formula for reading in readings]
    targets = {name: target._replace(values=target.values[good]) for name, target in values.items()}
    if readings and all(reading.crystal is None for reading in readings):
        return Loaded(MaterialsDataset(ids, formulas, targets=targets, origin=origin), left_out)
    crystals = [reading.crystal for reading in readings]
    return Loaded(MaterialsDataset.from_structures(ids, crystals, targets, formulas=formulas, origin=origin), left_out)


def _stop(left_out: dict[str, str], strict: bool) -> None:
    if strict and left_out:
        name, reason = next(iter(left_out.items()))
        raise UserError(f"{name}: {reason}")
