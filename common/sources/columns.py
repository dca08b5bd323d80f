"""Columns of a CSV file: ids, headers with units, cells that are numbers or say why they are not."""

from __future__ import annotations

import csv
import math
import re
import warnings
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from common.data.materials import LARGEST, Target
from common.data.predictions import ID_NAMES
from common.errors import UserError
from common.io.compressed import DAMAGE, open_text
from common.io.files import reason_of

STRUCTURE_NAMES = ("cif", "formula")
#: Bytes of a cell take fifty times as much memory at worst, so that these are limited too: cells of a file, and
#: characters of a line.
MAX_CELLS, MAX_LINE = 20_000_000, 2**24
EMPTY = ("", "nan", "na", "n/a", "none", "null", "-")


class Heading(NamedTuple):
    name: str
    unit: str


def heading(text: str) -> Heading:
    """A column header with its unit.

    >>> heading("gap (eV)")
    Heading(name='gap', unit='eV')
    """
    match = re.fullmatch(r"(.*\S)\s*[(\[]([^()\[\]]+)[)\]]", text.strip())
    return Heading(match[1], match[2].strip()) if match else Heading(text.strip(), "")


@dataclass(frozen=True)
class Sheet:
    """The cells of a CSV file as text, with the ids of its rows; `wrong` has the rows that are damaged."""

    path: Path
    ids: list[str]
    columns: dict[str, list[str]]
    units: dict[str, str]
    wrong: dict[str, str]

    def column(self, name: str) -> list[str] | None:
        """The cells of `name`, whichever way it is capitalised."""
        return next((cells for key, cells in self.columns.items() if key.lower() == name), None)

    def numbers(self, target: str = "", unit: str = "") -> tuple[dict[str, Target], dict[str, str]]:
        """The targets of this sheet, and id -> reason for the rows without a usable `target`."""
        if not target:
            found = {name: self._lenient(name) for name in self.columns if name.lower() not in NOT_TARGETS}
            numbers = {n: Target(v, self.units[n]) for n, v in found.items() if v is not None}
            return numbers, self.wrong
        name, said = heading(target)
        if name not in self.columns:
            raise UserError(f"{self.path} has no column {name!r}; it has: {', '.join(self.columns)}; choose one")
        own, unit = self.units[name], unit or said
        if unit and own and unit != own:
            raise UserError(f"{self.path} gives {name} in {own}, not in {unit}; leave the unit out or fix the header")
        values, wrong = np.full(len(self.ids), np.nan), dict(self.wrong)
        for row, (material, cell) in enumerate(zip(self.ids, self.columns[name], strict=True)):
            try:
                values[row] = number(cell)
                if np.isnan(values[row]):
                    wrong.setdefault(material, f"has no value of {name}; fill it in or delete the row")
            except ValueError as error:
                wrong.setdefault(material, f"{name} is {cell!r}, {error}")
        folds = self._lenient(FOLD) if FOLD in self.columns and name != FOLD else None
        more = {} if folds is None else {FOLD: Target(folds, "1")}
        return {name: Target(values, own or unit), **more}, wrong

    def _lenient(self, name: str) -> np.ndarray | None:
        """A column as numbers, or None where it is mostly text or empty; single bad cells count as empty."""
        values, bad, reason = np.full(len(self.ids), np.nan), [], ""
        for row, cell in enumerate(self.columns[name]):
            try:
                values[row] = number(cell)
            except ValueError as error:
                bad.append(row)
                reason = reason or str(error)
        count = int(np.isfinite(values).sum())
        if 3 * count < len(bad) or not count:
            return None
        if bad:
            where, cell = self.ids[bad[0]], self.columns[name][bad[0]]
            done = "left empty"
            if len(bad) >= count:
                done = f"the column, unusable in {len(bad)} of {len(values)} rows, is left out"
            elif len(bad) > 1:
                done = f"left empty, and so are {len(bad) - 1} more rows"
            warnings.warn(f"{self.path}: {name} of {where} is {cell!r}, {reason}; {done}", stacklevel=2)
        return values if len(bad) < count else None


#: Column with the number of a fold, which is read beside the target.
FOLD = "fold"
NOT_TARGETS = (*ID_NAMES, *STRUCTURE_NAMES)


def number(cell: str) -> float:
    """The value of a cell, NaN where it is empty; infinity and what is beyond `LARGEST` are no numbers either."""
    if cell.lower() in EMPTY:
        return float("nan")
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise ValueError("which is not a number; write it like -1.25")
    if abs(value) > LARGEST:
        raise ValueError(f"which is beyond {LARGEST:g}; correct it, or convert the column to a larger unit")
    return value


def _rows(path: Path) -> list[list[str]]:
    """The rows that are not empty, cells stripped; comma, semicolon or tab, whichever the first line has most of."""
    # A CIF in a cell is longer than the 131,072 characters that Python allows.
    csv.field_size_limit(2**31 - 1)
    try:
        with open_text(path, encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            rows, count = [], 0
            for row in csv.reader(_lines(file, path), delimiter=max(",;\t", key=first.count), strict=True):
                count += len(row)
                if count > MAX_CELLS:
                    raise UserError(f"{path} has more than {MAX_CELLS:,} cells; divide it, or leave columns out")
                if any(cells := [cell.strip() for cell in row]):
                    rows.append(cells)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the name") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; save it as CSV UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path} is not a readable CSV ({error}); check its quotes") from None
    except DAMAGE as error:
        raise UserError(f"{path} cannot be opened: {reason_of(error)}") from None
    if not rows:
        raise UserError(f"{path} is empty; export it again")
    return rows


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    for line in file:
        if len(line) > MAX_LINE:
            raise UserError(f"{path} has a line of more than {MAX_LINE:,} characters; check its line ends and quotes")
        yield line


def read_columns(path: Path) -> Sheet:
    """A CSV with a header row, whatever its columns; without an id column the row number is the id."""
    return _sheet(path, _rows(path))


def read_sheet(path: Path) -> Sheet:
    """A CSV with a header row that has a `formula` or a `cif` column; without an id column the row number is the id."""
    sheet = read_columns(path)
    if not any(sheet.column(name) is not None for name in STRUCTURE_NAMES):
        raise UserError(
            f"{path} has neither a formula nor a cif column; its header is: {', '.join(sheet.columns)}; rename one"
        )
    return sheet


def read_id_prop(path: Path, target: str, files: Container[str]) -> Sheet:
    """CGCNN's `id_prop.csv`: id and value without a header, or with one.

    The first row is a header if its value is no number and its id no structure file.
    """
    rows = _rows(path)
    first = rows[0]
    try:
        number(first[1] if len(first) > 1 else "")
        has_header = False
    except ValueError:
        has_header = first[0] not in files
    if not has_header:
        if len(first) != 2:
            raise UserError(f"{path}: its first row has {len(first)} cells; write id,value or add a header row")
        rows.insert(0, ["id", heading(target).name or "value"])
    else:
        first[0] = "id"
    return _sheet(path, rows)


def _sheet(path: Path, rows: list[list[str]]) -> Sheet:
    headings = [heading(text) for text in rows[0]]
    names = [h.name for h in headings]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path} has two columns called {twice!r}; rename one")
    id_column = next((names.index(n) for known in ID_NAMES for n in names if n.lower() == known), None)
    ids, wrong, seen = [], {}, {}
    for row, cells in enumerate(rows[1:], 1):
        name = str(row) if id_column is None else cells[id_column] if len(cells) > id_column else ""
        name = name or f"row {row}"
        if name in seen:
            raise UserError(f"{path}: id {name} stands in rows {seen[name]} and {row}; ids must be unique")
        seen[name] = row
        ids.append(name)
        if id_column is not None and name == f"row {row}":
            wrong[name] = "has no id; fill it in"
        elif len(cells) != len(names):
            wrong[name] = f"row {row} has {len(cells)} cells, the header has {len(names)}; check commas and quotes"
    if not ids:
        raise UserError(f"{path} has a header and no rows; add some")
    padded = [[*cells, *[""] * len(names)][: len(names)] for cells in rows[1:]]
    columns = {name: [cells[i] for cells in padded] for i, name in enumerate(names)}
    return Sheet(path, ids, columns, {h.name: h.unit for h in headings}, wrong)
