"""How targets are distributed: Figure S2 of PROFiT-Net, S1 and S4 of diffcomp, S1 of Finder.

Each function gives the report that is stored (curve_report.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.plots import with_unit
from common.sources import load_source
from diffcomp.composition.embedding import ELEMENTS_IN_FORMULA
from experiments.analyses.curve_report import Curve, histogram, panel, report
from experiments.declare import plan
from experiments.run.inputs import make_split

BINS = 50
#: The binaries by the atomic number of their anion.
ANIONS = {8: "oxides", 16: "sulfides", 9: "fluorides", 7: "nitrides"}
STATISTICS = ["materials", "mean", "SD", "minimum", "25 %", "median", "75 %", "maximum"]


def profitnet_targets() -> dict:
    """Figure S2: the small datasets, and those of PBE values."""
    rows, panels = [], []
    for table in ("figure3", "table-s8"):
        for name, column in _columns("profitnet", table).items():
            values, unit = _values(load_source(column["source"]), column["target"])
            rows.append([name, unit, *_statistics(values), f"{100 * (values < 0).mean():.0f} %"])
            panels.append(panel((with_unit(name, unit), "materials (%)"), _curves({"all": values})))
    head = ["target", "unit", *STATISTICS, "below zero"]
    return report("targets", head, rows, ["SD: standard deviation. The paper states 1.63 to 26.53 for eps."], panels)


def finder_targets() -> dict:
    """Figure S1: training, validation and test targets of the first fold of Matbench."""
    rows, panels = [], []
    layout = plan.layout("finder", "matbench-formula", "real")
    for name, column in _columns("finder", "matbench-formula").items():
        dataset = load_source(column["source"]).known(column["target"])
        subsets = make_split(dataset, column.get("split", layout["split"]), 0).subsets()
        parts = {}
        for part, ids in subsets.items():
            parts[part], unit = _values(dataset.select(list(ids)), column["target"])
            rows.append([name, part, unit, *_statistics(parts[part])])
        panels.append(panel((with_unit(name, unit), "materials (%)"), _curves(parts)))
    notes = ["SD: standard deviation. Matbench's fold 0; the paper's own datasets are read at scale paper."]
    return report("targets", ["target", "subset", "unit", *STATISTICS], rows, notes, panels)


def diffcomp_targets() -> dict:
    """Figure S4: formation energies and gaps of the binaries, by anion."""
    rows, panels = [], []
    for target, column in _columns("diffcomp", "figure4").items():
        dataset = load_source(column["source"]).known(column["target"])
        elements = [set(parse_formula(formula)) for formula in dataset.formulas]
        values, unit = _values(dataset, column["target"])
        parts = {name: values[[anion in one for one in elements]] for anion, name in ANIONS.items()}
        rows += [[target, name, unit, *_statistics(part)] for name, part in ({"all": values} | parts).items()]
        panels.append(panel((with_unit(target, unit), "materials (%)"), _curves({"all": values})))
    notes = [
        "SD: standard deviation.",
        "The paper has 1,524 materials (839 oxides, 328 sulfides, 192 fluorides, 165 nitrides) of an earlier release.",
        "Those with two of these elements, such as SO2 and NF3, count twice here.",
    ]
    head = ["target", "materials", "unit", "number", *STATISTICS[1:]]
    return report("targets of the binaries", head, rows, notes, panels)


def diffcomp_corpus() -> dict:
    """Figure S1: elements per formula of what the element vectors are learned from."""
    formulas = load_source("mp-structures").formulas
    counts = np.bincount([len(parse_formula(formula)) for formula in formulas])
    numbers = np.flatnonzero(counts)
    rows = [[str(n), f"{counts[n]:,}", f"{100 * counts[n] / len(formulas):.1f}"] for n in numbers]
    low, high = ELEMENTS_IN_FORMULA
    used = int(counts[low : high + 1].sum())
    notes = [
        f"{used:,} of {len(formulas):,} formulas have two to five elements and make the corpus "
        f"({100 * used / len(formulas):.1f} %); the paper: 118,176 of 120,612 (98.0 %), of the release of 2021."
    ]
    curve = {"all": [numbers.tolist(), np.round(100 * counts[numbers] / len(formulas), 4).tolist()]}
    drawn = panel(("elements per formula", "formulas (%)"), curve)
    return report("elements per formula", ["elements", "formulas", "%"], rows, notes, [drawn])


def _columns(paper: str, table: str) -> dict[str, dict]:
    """The columns at scale real that have data of their own."""
    columns = plan.layout(paper, table, "real")["columns"]
    return {name: column for name, column in columns.items() if "source" in column}


def _values(dataset: MaterialsDataset, target: str) -> tuple[np.ndarray, str]:
    """The known values of a target and their unit."""
    known = dataset.known(target).target(target)
    if not len(known.values):
        raise UserError(f"no material has a value of {target}")
    return known.values, known.unit


def _statistics(values: np.ndarray) -> list[str]:
    low, first, median, third, high = np.percentile(values, (0, 25, 50, 75, 100))
    numbers = (values.mean(), values.std(ddof=1), low, first, median, third, high)
    return [f"{len(values):,}", *(f"{number:.3g}" for number in numbers)]


def _curves(parts: dict[str, Sequence[float]]) -> dict[str, Curve]:
    """Histograms over the same bins, up to the 99.5th percentile; the last bin has what is above."""
    whole = np.concatenate([np.asarray(values, dtype=float) for values in parts.values()])
    edges = np.linspace(whole.min(), np.percentile(whole, 99.5), BINS + 1)
    return {name: histogram(np.asarray(values, dtype=float), edges) for name, values in parts.items()}
