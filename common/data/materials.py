"""The dataset class shared by every pipeline: materials with ids, formulas, structures and named targets.

A dataset is a view: `take` and `select` copy row numbers, not structures. Structures and densities of states stay in
an HDF5 file until they are read, so a dataset may be larger than memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from common.chem.crystal import Crystal, as_crystal
from common.chem.formula import formula_by_number, reduced_formula
from common.data.densities import Densities, DensityStore, densities_key
from common.errors import UserError
from common.io.hdf5 import cached_dataset, guarded, open_hdf5, writing_hdf5
from common.io.hdf5_probe import probe

if TYPE_CHECKING:
    import h5py


#: Datasets of an HDF5 table that hold the structures.
STRUCTURE = ("offset", "lattice", "z", "frac")
#: Larger values of a target are damage, and overflow in single precision when they are squared.
LARGEST = 1e18


class Target(NamedTuple):
    """Values (n,) float64, NaN where unknown, with their unit; curves (n, m) with a common axis (m,) and its unit."""

    values: np.ndarray
    unit: str
    axis: np.ndarray | None = None
    axis_unit: str = ""

    @property
    def known(self) -> np.ndarray:
        """Which rows are numbers, all along a curve."""
        return np.asarray(np.isfinite(self.values).all(axis=tuple(range(1, self.values.ndim))))


class StructureStore:
    """Atoms of many crystals as flat arrays; `frac`, the large one, may be an HDF5 dataset that is read by slices."""

    def __init__(self, offset: np.ndarray, lattice: np.ndarray, numbers: np.ndarray, frac: Any, path: str = "memory"):
        self.offset, self.lattice, self.numbers, self.frac, self.path = offset, lattice, numbers, frac, path

    @classmethod
    def from_hdf5(cls, file: h5py.File, n: int) -> StructureStore:
        """The structures of a file with `n` materials, whose arrays must fit together."""
        offset, lattice, numbers = (file[name][:] for name in ("offset", "lattice", "z"))
        frac = cached_dataset(file, "frac")
        fit = offset.shape == (n + 1,) and lattice.shape == (n, 3, 3) and frac.shape == (len(numbers), 3)
        if not fit or offset[0] != 0 or offset[-1] != len(numbers) or (np.diff(offset.astype(np.int64)) < 0).any():
            raise UserError(f"{file.filename}: {', '.join(STRUCTURE)} do not fit {n} materials; write the file again")
        return cls(offset, lattice, numbers, frac, file.filename)

    @classmethod
    def from_crystals(cls, crystals: Sequence[Crystal | None]) -> StructureStore:
        """`None` stands for a material that is known by its formula alone."""
        empty = Crystal(np.zeros(0, np.int64), np.zeros((3, 3)), np.zeros((0, 3)))
        filled = [crystal or empty for crystal in crystals]
        counts = [len(crystal.numbers) for crystal in filled]
        return cls(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.array([crystal.lattice for crystal in filled]).reshape(-1, 3, 3),
            np.concatenate([crystal.numbers for crystal in filled]) if filled else np.zeros(0, np.int64),
            np.concatenate([crystal.frac for crystal in filled]) if filled else np.zeros((0, 3)),
        )

    def read(self, row: int) -> Crystal:
        atoms = slice(int(self.offset[row]), int(self.offset[row + 1]))
        if atoms.start == atoms.stop:
            raise UserError("is given as a formula; this model needs a structure")
        with guarded(self.path):
            frac = self.frac[atoms]
        return as_crystal((self.numbers[atoms], self.lattice[row], frac))

    def count(self, row: int) -> int:
        return int(self.offset[row + 1] - self.offset[row])


class MaterialsDataset:
    """Ids, formulas, optional structures and densities of states, named targets with units.

    >>> dataset = MaterialsDataset(["a", "b"], ["NaCl", "Si"], targets={"gap": Target(np.array([5.0, 0.6]), "eV")})
    >>> dataset.select(["b"]).target("gap").values
    array([0.6])
    """

    def __init__(
        self,
        ids: Sequence[str] | np.ndarray,
        formulas: Sequence[str] | np.ndarray,
        structures: StructureStore | None = None,
        targets: dict[str, Target] | None = None,
        *,
        densities: DensityStore | None = None,
        origin: str = "",
        rows: np.ndarray | None = None,
    ):
        if "\0" in "".join(map(str, ids)):
            name = next(name for name in map(str, ids) if "\0" in name)
            raise UserError(f"{origin or 'table'}: id {name!r} contains a NUL character; remove it")
        self.ids = np.asarray(ids, dtype=str)
        self.formulas = np.asarray(formulas, dtype=str)
        self.targets = targets or {}
        self.origin = origin
        self._structures, self._densities = structures, densities
        self._rows = np.arange(len(self.ids)) if rows is None else rows
        self._row_of = {name: row for row, name in enumerate(self.ids.tolist())}
        if len(self._row_of) != len(self.ids):
            names, counts = np.unique(self.ids, return_counts=True)
            raise UserError(f"{origin or 'table'}: id {names[counts > 1][0]} occurs more than once; ids must be unique")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return (
            f"MaterialsDataset({len(self)} materials, targets {sorted(self.targets)}, from {self.origin or 'memory'})"
        )

    @property
    def has_structures(self) -> bool:
        return self._structures is not None

    @property
    def has_densities(self) -> bool:
        return self._densities is not None

    def take(self, rows: np.ndarray) -> MaterialsDataset:
        """The rows with these numbers, in this order."""
        rows = np.asarray(rows, dtype=np.int64)
        targets = {name: t._replace(values=t.values[rows]) for name, t in self.targets.items()}
        return MaterialsDataset(
            self.ids[rows],
            self.formulas[rows],
            self._structures,
            targets,
            densities=self._densities,
            origin=self.origin,
            rows=self._rows[rows],
        )

    def rows_of(self, ids: Iterable[str]) -> np.ndarray:
        """Row numbers of these ids; an unknown id is an error that names it."""
        try:
            return np.array([self._row_of[name] for name in ids], dtype=np.int64)
        except KeyError as error:
            raise UserError(f"{self.origin or 'table'} has no material with id {error.args[0]}") from None

    def select(self, ids: Iterable[str]) -> MaterialsDataset:
        return self.take(self.rows_of(ids))

    def __contains__(self, name: str) -> bool:
        return name in self._row_of

    def structure(self, row: int) -> Crystal:
        if self._structures is None:
            raise UserError(f"{self.origin or 'table'} has formulas only; this model needs structures")
        try:
            return self._structures.read(int(self._rows[row]))
        except UserError as error:
            raise UserError(f"{self.ids[row]}: {error}") from None

    def structures(self) -> Iterator[Crystal]:
        return (self.structure(row) for row in range(len(self)))

    def n_sites(self, row: int) -> int:
        return self._structures.count(int(self._rows[row])) if self._structures else 0

    def dos(self, row: int, *, aligned: bool = True) -> Densities:
        """The densities of states of a row; `aligned` asks for energies from the Fermi level where there are both."""
        if self._densities is None:
            raise UserError(f"{self.origin or 'table'} has no densities of states; this model needs them")
        try:
            return self._densities.read(int(self._rows[row]), aligned=aligned)
        except UserError as error:
            raise UserError(f"{self.ids[row]}: {error}") from None

    def target(self, name: str) -> Target:
        if name not in self.targets:
            known = ", ".join(sorted(self.targets)) or "none"
            raise UserError(f"{self.origin or 'table'} has no target {name!r}; it has: {known}")
        return self.targets[name]

    def known(self, name: str) -> MaterialsDataset:
        """The rows whose target `name` is a number."""
        return self.take(np.flatnonzero(self.target(name).known))

    def with_target(
        self, name: str, values: Any, unit: str = "", *, axis: np.ndarray | None = None, axis_unit: str = ""
    ) -> MaterialsDataset:
        values = np.asarray(values, dtype=np.float64)
        if len(values) != len(self):
            raise UserError(f"target {name!r} has {len(values)} values for {len(self)} materials")
        if values.ndim > 1 and (axis is None or values.shape[1:] != np.shape(axis)):
            raise UserError(f"target {name!r} has curves of {values.shape[1]} points; give an axis of that length")
        targets = {**self.targets, name: Target(values, unit, axis, axis_unit)}
        return MaterialsDataset(
            self.ids,
            self.formulas,
            self._structures,
            targets,
            densities=self._densities,
            origin=self.origin,
            rows=self._rows,
        )

    def digest(self, target: str | None = None, *, densities: bool = False) -> str:
        """A hash of ids, structures and the named target, on request of the densities of states too.

        Equal digests mean equal data.
        """
        sha = hashlib.sha256("\n".join(self.ids).encode())
        sha.update("\n".join(self.formulas).encode())
        if target:
            sha.update(self.target(target).values.tobytes())
        if self.has_structures:
            for crystal in self.structures():
                sha.update(crystal_key(crystal).encode())
        for row in range(len(self) if densities else 0):
            sha.update(densities_key(self.dos(row)).encode())
        return sha.hexdigest()[:16]

    # --- files -----------------------------------------------------------------------------------

    @classmethod
    def from_structures(
        cls,
        ids: Sequence[str] | np.ndarray,
        structures: Iterable[Any],
        targets: dict[str, Target] | None = None,
        *,
        formulas: Sequence[str] | np.ndarray | None = None,
        densities: DensityStore | None = None,
        origin: str = "",
    ) -> MaterialsDataset:
        """From pymatgen structures, `Crystal` objects, triples `(numbers, lattice, frac)`, or None for no structure."""
        crystals = [None if s is None else as_crystal(s) for s in structures]
        if formulas is None:
            formulas = [formula_of(crystal) for crystal in crystals if crystal is not None]
        store = StructureStore.from_crystals(crystals)
        return cls(ids, formulas, store, targets, densities=densities, origin=origin)

    @classmethod
    def from_hdf5(cls, path: str | Path) -> MaterialsDataset:
        """Open a dataset in the layout of `to_hdf5`; structures are read lazily."""
        probe(path)
        file = open_hdf5(path)
        with guarded(path):
            for name in ("material_id", "formula", *(STRUCTURE if "z" in file else ())):
                if name not in file:
                    raise UserError(f"{path} has no dataset {name!r}; it is not a table of materials")
            try:
                ids, formulas = (file[name].asstr("utf-8")[:] for name in ("material_id", "formula"))
            except (AttributeError, TypeError):
                raise UserError(f"{path}: material_id and formula are not lists of text") from None
            targets = {name: _read_target(data) for name, data in file.items() if _is_target(name, data, len(ids))}
            store = StructureStore.from_hdf5(file, len(ids)) if "z" in file else None
            if len(formulas) != len(ids):
                raise UserError(f"{path} has {len(formulas)} formulas for {len(ids)} ids; write it again")
            return cls(ids, formulas, store, targets, origin=Path(path).name)

    def to_hdf5(self, path: str | Path) -> None:
        """Write the dataset atomically. Densities of states stay in the file that they came from."""
        for name in self.targets:
            if name in ("material_id", "formula", *STRUCTURE) or "/" in name:
                raise UserError(f"a target cannot be called {name!r} in {path}; choose another name")
        with writing_hdf5(path) as file:
            file["material_id"] = np.char.encode(self.ids, "utf-8")
            file["formula"] = np.char.encode(self.formulas, "utf-8")
            if self.has_structures:
                store = StructureStore.from_crystals(list(self.structures()))
                file["offset"], file["lattice"] = store.offset, store.lattice
                file["z"], file["frac"] = store.numbers.astype(np.uint8), store.frac
            for name, target in self.targets.items():
                file[name] = target.values
                file[name].attrs["unit"] = target.unit
                if target.axis is not None:
                    file[name].attrs["axis"], file[name].attrs["axis_unit"] = target.axis, target.axis_unit


def _is_target(name: str, data: Any, n: int) -> bool:
    """Numbers for every material: one each, or a curve with an axis."""
    if name in STRUCTURE or getattr(data, "ndim", 0) not in (1, 2) or data.dtype.kind != "f" or len(data) != n:
        return False
    return data.ndim == 1 or "axis" in data.attrs


def _read_target(data: h5py.Dataset) -> Target:
    axis = np.asarray(data.attrs["axis"]) if data.ndim == 2 else None
    unit, axis_unit = (str(data.attrs.get(name, "")) for name in ("unit", "axis_unit"))
    return Target(data[:].astype(np.float64), unit, axis, axis_unit)


def crystal_key(crystal: Crystal) -> str:
    """A content hash of a structure: the key under which its features are cached."""
    sha = hashlib.sha1(np.asarray(crystal.numbers, dtype=np.int64).tobytes())
    sha.update(np.ascontiguousarray(crystal.lattice).tobytes())
    sha.update(np.ascontiguousarray(crystal.frac).tobytes())
    return sha.hexdigest()


def formula_of(crystal: Crystal) -> str:
    """Reduced formula of a crystal, as pymatgen writes it."""
    return reduced_formula(_counts(crystal))


def formula_by_number_of(crystal: Crystal) -> str:
    """Reduced formula with elements by atomic number, on which splits and digests of stored results depend."""
    return formula_by_number(_counts(crystal))


def _counts(crystal: Crystal) -> dict[int, int]:
    numbers, counts = np.unique(crystal.numbers, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))
