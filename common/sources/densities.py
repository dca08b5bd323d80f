"""Tables from HDF5 files of densities of states, in the layout of `common.data.densities`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from common.chem.crystal import as_crystal
from common.data.densities import Densities, DensitiesInFile
from common.data.materials import MaterialsDataset, Target, formula_by_number_of
from common.errors import UserError
from common.io.hdf5 import DAMAGE, reading_hdf5
from common.io.hdf5_probe import probe

#: The ending of attributes that are targets in eV/atom.
PER_ATOM = "_eV_per_atom"


def is_densities_file(path: str | Path) -> bool:
    """Whether a file that a user names holds densities of states rather than a plain table."""
    if Path(path).suffix.lower() not in (".h5", ".hdf5") or not Path(path).is_file():
        return False
    probe(path)
    with reading_hdf5(path) as file:
        return "materials" in file and "material_id" not in file


def load(path: str | Path, *, origin: str = "") -> MaterialsDataset:
    """Every material of the file with its densities, which are read when asked for.

    Targets: `formation_energy` and all others whose attribute ends in _eV_per_atom, `total_energy`, `band_gap`, and
    what `as_attributes` wrote.
    """
    ids, crystals, formulas, found, units = [], [], [], {}, {}
    with reading_hdf5(path) as file:
        for name, group in file["materials"].items():
            try:
                crystal = as_crystal((group["numbers"][:], group["cell"][:], group["scaled_positions"][:]))
                formula, values = formula_by_number_of(crystal), _targets(group, len(crystal.numbers))
            except (*DAMAGE, UserError) as error:
                raise UserError(f"{path}: {name} is damaged ({error}); delete it from the file") from None
            for target, (value, unit) in values.items():
                found.setdefault(target, {})[name] = value
                units[target] = unit
            ids.append(name)
            crystals.append(crystal)
            formulas.append(formula)
    if not ids:
        raise UserError(f"{path} holds no materials yet")
    targets = {
        target: Target(np.array([values.get(name, np.nan) for name in ids], dtype=float), units[target])
        for target, values in found.items()
    }
    densities = DensitiesInFile(path, ids)
    return MaterialsDataset.from_structures(
        ids, crystals, targets, formulas=formulas, densities=densities, origin=origin or Path(path).name
    )


def load_folder(folder: str | Path, *, origin: str = "") -> MaterialsDataset:
    """The same of a folder of such files, in the order of their names; files that hold failures alone add nothing."""
    tables = [load(path) for path in sorted(Path(folder).glob("[!.]*.h5")) if _count(path)]
    if not tables:
        raise UserError(f"{folder} holds no materials yet")
    names = list(dict.fromkeys(name for table in tables for name in table.targets))
    targets = {
        name: Target(np.concatenate([_known(table, name) for table in tables]), _unit(tables, name)) for name in names
    }
    return MaterialsDataset.from_structures(
        [name for table in tables for name in table.ids.tolist()],
        [crystal for table in tables for crystal in table.structures()],
        targets,
        formulas=[text for table in tables for text in table.formulas.tolist()],
        densities=_Several(tables),
        origin=origin or Path(folder).name,
    )


def _count(path: Path) -> int:
    with reading_hdf5(path) as file:
        return len(file.get("materials", ()))


def _known(table: MaterialsDataset, name: str) -> np.ndarray:
    return table.target(name).values if name in table.targets else np.full(len(table), np.nan)


def _unit(tables: list[MaterialsDataset], name: str) -> str:
    return next(table.target(name).unit for table in tables if name in table.targets)


class _Several:
    """The densities of several tables, one after the other."""

    def __init__(self, tables: list[MaterialsDataset]):
        self.tables = tables
        self.ends = np.cumsum([len(table) for table in tables])

    def read(self, row: int, *, aligned: bool = True) -> Densities:
        k = int(np.searchsorted(self.ends, row, side="right"))
        return self.tables[k].dos(row - int(self.ends[k - 1] if k else 0), aligned=aligned)


def _targets(group, sites: int) -> dict[str, tuple[float, str]]:
    """Name -> value and unit."""
    attributes = group.attrs
    found = {
        name.removesuffix(PER_ATOM): (attributes[name], "eV/atom") for name in attributes if name.endswith(PER_ATOM)
    }
    if "total_energy_eV" in attributes:
        found["total_energy"] = attributes["total_energy_eV"] / sites, "eV/atom"
    if "band_gap_eV" in attributes:
        found["band_gap"] = attributes["band_gap_eV"], "eV"
    others = json.loads(attributes.get("targets", "{}")).items()
    return {name: (float(value), str(unit)) for name, (value, unit) in [*found.items(), *others]}


def as_attributes(table: MaterialsDataset, row: int) -> dict:
    """The known values of a material, as the attributes in which `load` finds them."""
    found, others = {}, {}
    for name, target in table.targets.items():
        value = float(target.values[row]) if target.values.ndim == 1 else np.nan
        if not np.isfinite(value):
            continue
        if target.unit == "eV/atom":
            found[name + PER_ATOM] = value
        elif (name, target.unit) == ("band_gap", "eV"):
            found["band_gap_eV"] = value
        else:
            others[name] = (value, target.unit)
    return found | ({"targets": json.dumps(others)} if others else {})
