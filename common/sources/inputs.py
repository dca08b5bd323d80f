"""A dataset of the objects that Python users hold: formulas, paths, pymatgen and ASE objects, data frames, datasets.

pymatgen, ASE and pandas objects are recognized by their attributes, so that none of these packages is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.formula import normalize_formula
from common.chem.lattice import refuse_overlap
from common.data.materials import MaterialsDataset, formula_of
from common.data.predictions import names_of_rows, numbered
from common.errors import UserError
from common.io.messages import about
from common.sources.columns import heading
from common.sources.files import Loaded
from common.sources.reading import Reading, is_structure_file, read_cif, read_file, read_object

#: Columns of a data frame that hold materials; the first that has a value is read.
COLUMNS = ("structure", "cif", "formula", "composition")


def as_dataset(materials: Any) -> Loaded:
    """The dataset, and id -> reason for the materials that cannot be read.

    materials: a `MaterialsDataset`, a pandas DataFrame with a structure, cif or formula column, one formula, path,
    pymatgen `Structure` or `Composition`, or ASE `Atoms`; or a list of any of these, mixed.
    """
    if isinstance(materials, MaterialsDataset):
        return Loaded(materials, {})
    ids: list[str] = []
    readings: list[Reading] = []
    left_out: dict[str, str] = {}
    things = list(_each(materials))
    for name, (_, thing) in zip(numbered(name for name, _ in things), things, strict=True):
        try:
            readings.append(_read(thing))
            ids.append(name)
        except UserError as error:
            left_out[name] = str(error)
    if not readings:
        reason = next(iter(left_out.items()), None)
        raise UserError(about(*reason) if reason else "there are no materials")
    formulas, crystals = [reading.formula for reading in readings], [reading.crystal for reading in readings]
    if all(crystal is None for crystal in crystals):
        return Loaded(MaterialsDataset(ids, formulas, origin="input"), left_out)
    return Loaded(MaterialsDataset.from_structures(ids, crystals, formulas=formulas, origin="input"), left_out)


def _each(materials: Any) -> Iterator[tuple[str, Any]]:
    """Id and content of every material, in order."""
    if _is_single(materials):
        yield from _expanded(materials, "1")
    elif _is_frame(materials):
        yield from _rows_of_frame(materials)
    elif isinstance(materials, MaterialsDataset):
        for row, name in enumerate(materials.ids.tolist()):
            yield name, _row_of_dataset(materials, row)
    elif isinstance(materials, Mapping):
        raise UserError("a dictionary is not a list of materials; give its values, or a pandas DataFrame")
    elif isinstance(materials, Iterable):
        for number, thing in enumerate(materials, 1):
            if _is_frame(thing) or isinstance(thing, MaterialsDataset):
                yield from _each(thing)
            else:
                yield from _expanded(thing, str(number))
    else:
        raise UserError(f"a {type(materials).__name__} is not a material, a list of materials or a dataset")


def _expanded(thing: Any, number: str) -> Iterator[tuple[str, Any]]:
    """One material; of a folder all its structure files. Texts are named by themselves, objects by their number."""
    if isinstance(thing, str | Path) and os.path.isdir(thing):
        files = sorted(path for path in Path(thing).rglob("*") if is_structure_file(path))
        if not files:
            raise UserError(f"{thing} holds no structure file")
        yield from ((str(path), path) for path in files)
    elif isinstance(thing, str | Path):
        thing = thing.strip() if isinstance(thing, str) else thing
        yield (number if "\n" in str(thing) else str(thing)), thing
    else:
        yield number, thing


def _is_single(thing: Any) -> bool:
    if _is_frame(thing):
        return False
    signs = ("frac_coords", "get_chemical_symbols", "element_composition")
    return isinstance(thing, str | Path | Crystal) or any(hasattr(thing, name) for name in signs)


def _is_frame(thing: Any) -> bool:
    return hasattr(thing, "columns") and hasattr(thing, "iloc")


def _rows_of_frame(frame: Any) -> Iterator[tuple[str, Any]]:
    names = {str(name).lower(): name for name in frame.columns}
    if len(names) < len(frame.columns):
        raise UserError("two columns of the table have the same name; give each a name of its own")
    columns = [names[name] for name in COLUMNS if name in names]
    if not columns:
        found = ", ".join(map(str, frame.columns)) or "none"
        raise UserError(f"the table has no column structure, cif or formula; its columns are: {found}")
    known = (name for name in columns if not all(map(_is_missing, frame[name])))
    column = next(known, columns[0])
    kinds = {type(value).__name__ for value in frame[column] if not _is_missing(value)}
    if len(kinds) > 1:
        raise UserError(f"column {column!r} mixes {' and '.join(sorted(kinds))}; give values of one type")
    yield from zip(names_of_rows(frame), frame[column], strict=True)


def _row_of_dataset(table: MaterialsDataset, row: int) -> Any:
    return table.structure(row) if table.n_sites(row) else str(table.formulas[row])


def _read(thing: Any) -> Reading:
    """One material as formula and, where it has one, crystal."""
    if isinstance(thing, str | Path):
        return _read_text(thing)
    if isinstance(thing, Crystal):
        return _of_crystal(thing)
    if hasattr(thing, "get_chemical_symbols"):
        return _of_crystal(_from_ase(thing))
    if hasattr(thing, "element_composition"):
        return Reading(None, normalize_formula(thing.element_composition.formula.replace(" ", "")))
    if _is_missing(thing):
        raise UserError("the value is missing")
    return read_object(thing)


def _is_missing(thing: Any) -> bool:
    """None, NaN, or what pandas puts in their place."""
    is_nan = isinstance(thing, float) and np.isnan(thing)
    return thing is None or is_nan or type(thing).__name__ in ("NAType", "NaTType")


def _read_text(text: str | Path) -> Reading:
    if "\n" in str(text) or str(text).startswith("data_"):
        return read_cif(str(text))
    if os.path.exists(text):
        if Path(text).suffix.lower() in (".csv", ".tsv", ".h5", ".hdf5"):
            raise UserError(f"{text} is a table; read it with common.sources.files.read_table")
        return read_file(text)
    if isinstance(text, Path) or "/" in text or is_structure_file(text):
        raise UserError("there is no such file")
    return Reading(None, normalize_formula(text))


def _of_crystal(crystal: Crystal) -> Reading:
    refuse_overlap(crystal)
    return Reading(crystal, formula_of(crystal))


def _from_ase(atoms: Any) -> Crystal:
    cell = np.asarray(atoms.get_cell(), dtype=float)
    if not np.all(atoms.get_pbc()) or abs(np.linalg.det(cell)) < 1e-6:
        raise UserError("these ASE atoms are not periodic in three directions; set cell and pbc")
    return as_crystal((atoms.get_atomic_numbers(), cell, atoms.get_scaled_positions(wrap=False)))


def labeled(materials: Any, values: Any, name: str = "y") -> MaterialsDataset:
    """The dataset of materials with their values as the target `name`; all must be readable and known.

    A pandas Series called "gap (eV)" gives the unit.
    """
    table, left_out = as_dataset(materials)
    if left_out:
        first = next(iter(left_out.items()))
        what = "one material" if len(left_out) == 1 else f"{len(left_out)} materials"
        raise UserError(f"{what} cannot be read; remove {about(*first)}")
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UserError("y must hold numbers") from None
    if numbers.shape != (len(table),):
        raise UserError(f"y has the shape {numbers.shape} for {len(table)} materials; give one number each")
    if not np.isfinite(numbers).all():
        bad = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise UserError(f"y holds NaN or infinity, first in row {bad}; remove these rows")
    return table.with_target(name, numbers, heading(str(getattr(values, "name", ""))).unit)
