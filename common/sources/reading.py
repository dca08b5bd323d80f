"""One structure from a file, from CIF text or from a pymatgen object; whatever is wrong is said in one line."""

from __future__ import annotations

import codecs
import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from common.chem.cell import check_parameters
from common.chem.crystal import Crystal, as_crystal
from common.chem.formula import ISOTOPES, normalize_formula, reduced_formula
from common.chem.lattice import refuse_overlap
from common.errors import UserError
from common.io.compressed import DAMAGE, is_compressed, open_bytes
from common.sources.plain_cif import read_plain

if TYPE_CHECKING:
    from pymatgen.core import Structure

#: Names under which a folder is searched. Data files such as `atom_init.json` are there too and are ignored.
SUFFIXES = (".cif", ".mcif", ".vasp", ".poscar", ".contcar", ".cssr", ".xsf", ".res")
STEMS = ("POSCAR", "CONTCAR")
#: Cell parameters of a CIF: pymatgen takes negative ones and builds another cell.
CELL = re.compile(r"^[ \t]*_cell_(length|angle)_\w+\s+['\"]?([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)", re.MULTILINE)
#: Endings of files that hold no crystal, or one in a format that pymatgen does not read.
FOREIGN = (".xyz", ".extxyz", ".txt", ".pdb", ".traj", ".db", ".dat", ".md", ".pdf", ".png", ".mol", ".sdf")
#: A structure file ends here: bytes when decompressed, and atoms.
MAX_BYTES, MAX_ATOMS = 16_000_000, 20_000
#: Warnings of pymatgen after which its structure is not the one that the file means.
GUESSES = {
    "cannot be determined": "the element names are missing; add them as line 6 of the POSCAR",
    "Missing elements": "its formula names elements that have no position (hydrogen perhaps); complete the structure",
    "Incorrect stoichiometry": "its formula and its atom positions disagree; complete the structure",
}


class Reading(NamedTuple):
    """A crystal and its reduced formula as chemists write it."""

    crystal: Crystal
    formula: str


def is_structure_file(path: str | Path) -> bool:
    name = os.path.basename(path).removesuffix(".gz")
    return os.path.splitext(name)[1].lower() in SUFFIXES or name.upper().startswith(STEMS)


def read_file(path: str | Path) -> Reading:
    """Any format that pymatgen reads; CIF and POSCAR also under a name that does not say so."""
    path = Path(path)
    if "\0" in str(path):
        raise UserError("its name contains a NUL character; correct it")
    try:
        if path.is_dir():
            raise UserError("is a folder, not a structure file")
        with open_bytes(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if path.name == str(path) and not path.suffix:
            raise UserError("is neither a file nor a chemical formula, such as TiO2") from None
        raise UserError("there is no such file") from None
    except DAMAGE as error:
        raise UserError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAX_BYTES:
        raise UserError(
            f"is larger than {MAX_BYTES / 1e6:g} MB, the limit of one structure file; reduce it to one cell"
        )
    if not data.strip():
        raise UserError("the file is empty; fetch or export it again")
    given, data = data, _unix_text(data)
    if b"_cell_length_a" in data[:4096] or {".cif", ".mcif"} & {s.lower() for s in path.suffixes}:
        return read_cif(data.decode(errors="replace"))
    try:
        return _read(lambda: _by_name(path, data, copy=is_compressed(path) or data != given))
    except UserError as error:
        if is_structure_file(path) or path.suffix.lower() not in FOREIGN:
            raise
        raise UserError(f"{path.suffix} files are not read; convert it to CIF or POSCAR") from error


def _unix_text(data: bytes) -> bytes:
    """UTF-8 with the line ends of Unix, also from UTF-16 with a byte order mark and from lines that end in CR alone."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r", b"\n") if b"\r" in data and b"\n" not in data else data


def _by_name(path: Path, data: bytes, *, copy: bool) -> Structure:
    """pymatgen goes by the name of the file; with `copy` it gets a plain one of this content."""
    from pymatgen.core import Structure

    with TemporaryDirectory() as folder:
        plain = path
        if copy:
            plain = Path(folder) / (path.stem if is_compressed(path) else path.name)
            plain.write_bytes(data)
        try:
            return Structure.from_file(plain)
        except ValueError as error:
            if "Unrecognized" not in str(error):
                raise
    return Structure.from_str(data.decode(), fmt="poscar")


def read_cif(text: str) -> Reading:
    count = text.count("_cell_length_a")
    if count > 1:
        raise UserError(f"holds {count} structures; give each of them a file of its own")
    cell = {kind: [float(value) for name, value in CELL.findall(text) if name == kind] for kind in ("length", "angle")}
    check_parameters(cell["length"], cell["angle"])
    plain = read_plain(text)
    if plain is not None and len(plain.numbers) <= MAX_ATOMS:
        return Reading(plain, reduced_formula(Counter(plain.numbers.tolist())))
    from pymatgen.core import Structure

    return _read(lambda: Structure.from_str(text, fmt="cif"))


def read_object(thing) -> Reading:
    """A pymatgen `Structure`, or an object that holds one as `structure`, such as a Materials Project document."""
    if isinstance(thing, Mapping) and {"lattice", "sites"} <= thing.keys():  # as pymatgen writes JSON
        from pymatgen.core import Structure

        return _read(lambda: Structure.from_dict(dict(thing)))
    structure = getattr(thing, "structure", thing)
    if not hasattr(structure, "frac_coords") or not hasattr(structure, "composition"):
        raise UserError(f"the type {type(thing).__name__} is neither a formula nor a pymatgen Structure")
    return _check(structure)


def read_formula(text: str) -> str:
    """The reduced formula of a composition; unknown elements and isotopes are refused."""
    return normalize_formula(text)


def _read(parse) -> Reading:
    """Run a parser of pymatgen, which reports damage by warnings and by exceptions of many kinds."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            structure = parse()
        except Exception as error:
            reason = next((str(w.message) for w in caught if "No structure parsed" in str(w.message)), str(error))
            last = " ".join(reason.splitlines()[-1:]).strip().rstrip(".!")
            if re.fullmatch(r"'\w+'", last):  # a KeyError: the entry of the file that is not there
                last += " is missing"
            raise UserError(f"cannot be read as a structure ({last}); check or export it again") from None
    for warning in caught:
        for sign, reason in GUESSES.items():
            if sign in str(warning.message):
                raise UserError(reason)
    return _check(structure)


def _check(structure) -> Reading:
    if len(structure) > MAX_ATOMS:
        raise UserError(
            f"has {len(structure):,} atoms, more than the {MAX_ATOMS:,} of one structure; reduce it to one cell"
        )
    _check_elements(structure.composition)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crystal = as_crystal(structure)
        refuse_overlap(crystal)
        return Reading(crystal, structure.composition.element_composition.reduced_formula)


def _check_elements(composition) -> None:
    for species in composition:
        name = getattr(species, "element", species)
        name = getattr(name, "name", None) or str(species)
        if name in ISOTOPES:
            raise UserError(f"holds {ISOTOPES[name]} ({name}), which no model here knows; write H if that will do")
        if not hasattr(species, "Z") or type(species).__name__ == "DummySpecies":
            raise UserError(f"{getattr(species, 'symbol', species)} is not a chemical element; correct the name")
