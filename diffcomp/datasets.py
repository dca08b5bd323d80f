"""The datasets of the diffraction paper: binaries, and the test materials that its authors published."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.sources.datadir import mp_structures, rows_of
from common.sources.filter_log import NEWER, Traced
from common.sources.registry import RowCount
from common.sources.remote.materials_project import traced_recipe

#: Oxides, sulfides, fluorides and nitrides.
ANIONS = (8, 16, 9, 7)


def diffcomp_binaries() -> MaterialsDataset:
    """Binary oxides, sulfides, fluorides and nitrides of the pack with a gap above zero."""
    pack = mp_structures()
    rows = []
    for row in np.flatnonzero(pack.target("band_gap").values > 0):
        elements = parse_formula(str(pack.formulas[row]))
        if len(elements) == 2 and set(ANIONS) & set(elements):
            rows.append(row)
    return pack.take(np.array(rows))


def diffcomp_authors(file: str, target: str, unit: str) -> MaterialsDataset:
    """The binaries with the authors' published test materials, marked, and the authors' values for them."""
    binaries, pack = diffcomp_binaries().known(target), mp_structures()
    listed = {row["material_id"]: float(row["target"]) for row in rows_of(file, "material_id", "target")}
    marked = [name for name in listed if name in pack]
    others = [name for name in binaries.ids.tolist() if name not in listed]
    dataset = pack.select([*others, *marked])
    values = dataset.target(target).values.copy()
    values[len(others) :] = [listed[name] for name in marked]
    dataset = dataset.with_target(target, values, unit)
    dataset = dataset.with_target("test", np.repeat([0.0, 1.0], [len(others), len(marked)]), "1")
    dataset.origin = Path(file).name
    return dataset


def _binaries() -> Traced:
    return Traced.of(mp_structures(), "structures of the pack").nonmetals().elements(2, ANIONS)


SOURCES = {
    "diffcomp-binaries": diffcomp_binaries,
    "diffcomp-authors-ef": partial(diffcomp_authors, "mp/diffcomp_test_Ef.csv", "formation_energy_per_atom", "eV/atom"),
    "diffcomp-authors-eg": partial(diffcomp_authors, "mp/diffcomp_test_Eg.csv", "band_gap", "eV"),
}
ROW_COUNTS = {
    "diffcomp-binaries": RowCount("diffcomp", "binaries", 1524, _binaries, NEWER),
    "mp-binaries": RowCount("diffcomp", "binaries", 1524, lambda: traced_recipe("mp-binaries").nonmetals(), NEWER),
}
