"""Records of the Materials Project as tables: one a page, and all pages put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from common.chem.crystal import Crystal
from common.chem.elements import NUMBERS
from common.chem.formula import ISOTOPES
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.io.files import write_text
from common.sources.remote.recipes import Recipe

#: Field -> name of the target and unit. Moduli are the Voigt-Reuss-Hill means.
TARGETS = {
    "formation_energy_per_atom": ("formation_energy_per_atom", "eV/atom"),
    "band_gap": ("band_gap", "eV"),
    "energy_above_hull": ("hull_distance", "eV/atom"),
    "energy_per_atom": ("total_energy", "eV/atom"),
    "e_electronic": ("eps_electronic", "1"),
    "e_ionic": ("eps_ionic", "1"),
    "e_total": ("eps_total", "1"),
    "n": ("n", "1"),
    "bulk_modulus": ("k_vrh", "GPa"),
    "shear_modulus": ("g_vrh", "GPa"),
}


def keep(part: Path, wanted: Recipe, records: Sequence[dict]) -> None:
    """A page as a table, and what it left out as JSON, which is written last and says that the page is there."""
    crystals, complete, left_out = [], [], {}
    for record in records:
        try:
            crystals.append(crystal_of(record.get("structure")))
            complete.append(record)
        except UserError as error:
            left_out[str(record["material_id"])] = str(error)
    targets = {
        TARGETS[field][0]: Target(np.array([_value(record.get(field)) for record in complete]), TARGETS[field][1])
        for field in wanted.fields
    }
    names, formulas = ([str(record[key]) for record in complete] for key in ("material_id", "formula_pretty"))
    MaterialsDataset.from_structures(names, crystals, targets, formulas=formulas).to_hdf5(part.with_suffix(".h5"))
    write_text(part.with_suffix(".json"), json.dumps({"left_out": left_out}) + "\n")


def there(part: Path) -> bool:
    """Whether a page is there and can be read; one that rotted is fetched again."""
    return part.with_suffix(".json").exists() and opened(part.with_suffix(".h5")) is not None


def opened(path: Path) -> MaterialsDataset | None:
    """The table of a file, None where it is damaged as far as opening it tells."""
    try:
        return MaterialsDataset.from_hdf5(path)
    except (UserError, RuntimeError, KeyError):  # what HDF5 raises for bytes that rotted inside
        return None


def joined(wanted: Recipe, asked: Sequence[str], parts: Sequence[Path]) -> tuple[MaterialsDataset, dict]:
    tables = [MaterialsDataset.from_hdf5(part.with_suffix(".h5")) for part in parts]
    left_out = {
        k: v for part in parts for k, v in json.loads(part.with_suffix(".json").read_text())["left_out"].items()
    }
    names = [name for table in tables for name in table.ids.tolist()]
    if not names:
        raise UserError(f"{wanted.name}: of {len(asked)} ids the Materials Project has none any more")
    targets = {
        name: Target(np.concatenate([table.target(name).values for table in tables]), unit)
        for name, unit in (TARGETS[field] for field in wanted.fields)
    }
    table = MaterialsDataset.from_structures(
        names,
        [crystal for table in tables for crystal in table.structures()],
        targets,
        formulas=[text for table in tables for text in table.formulas.tolist()],
        origin=wanted.name,
    )
    gone = [name for name in asked if name not in table and name not in left_out]
    table = table.select(name for name in asked if name in table)  # the service answers in an order of its own
    return table, {"asked": len(asked), "found": len(names), "vanished": gone, "left_out": left_out}


def crystal_of(structure: dict | None) -> Crystal:
    """A record's structure, the dictionary of a pymatgen `Structure`."""
    if not structure:
        raise UserError("its record has no structure")
    if hasattr(structure, "as_dict"):
        structure = structure.as_dict()
    numbers = []
    for site in structure["sites"]:
        species = site["species"]
        symbol = species[0]["element"]
        if len(species) > 1 or species[0].get("occu", 1) != 1:
            raise UserError("has sites that several elements share")
        if symbol in ISOTOPES:
            raise UserError(f"holds {ISOTOPES[symbol]} ({symbol}), which no model here knows")
        numbers.append(NUMBERS[symbol])
    frac = np.array([site["abc"] for site in structure["sites"]], dtype=float)
    return Crystal(np.array(numbers), np.array(structure["lattice"]["matrix"], dtype=float), frac)


def _value(found) -> float:
    found = found.get("vrh") if isinstance(found, dict) else found
    return float("nan") if found is None else float(found)
