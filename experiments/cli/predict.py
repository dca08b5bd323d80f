"""`matrepro predict`: all properties of materials that the installed presets can predict, in one table."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common.chem.formula import normalize_formula
from common.cli.output import form_of
from common.data.loading import load_data, places
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.files import write_text
from common.io.messages import note, report_left_out
from common.io.progress import progress
from common.io.text import aligned, as_csv, as_json
from common.presets.find import presets
from common.presets.load import load_networks, open_model
from esnet.datasets.files import load_data as load_densities
from esnet.dos.reading import is_dos_file

#: What to give a preset.
REMEDIES = {
    "formula": "formulas or structure files",
    "structure": "structure files, such as CIF or POSCAR",
    "densities": "densities of states, as vasprun.xml",
}


@dataclass(frozen=True)
class Row:
    """One prediction; bounds and class are None where the preset has none."""

    material: str
    formula: str
    property: str
    value: float
    lower: float | None
    upper: float | None
    unit: str
    domain: str | None
    preset: str


def predict(arguments: Namespace) -> None:
    models = _models(arguments.models)
    tables, unreadable = _tables(arguments)
    rows: list[Row] = []
    refused: dict[str, dict[str, str]] = {}  # material -> preset -> reason
    networks: dict[str, Any] = {}
    with progress(list(models.items()), desc="predicting", unit="preset") as bar:
        for name, model in bar:
            for table in tables:
                few = _fitting(model, table)
                fitting = set(few.ids.tolist())
                reasons = {
                    one: f"{name} needs {REMEDIES[model.needs]}" for one in table.ids.tolist() if one not in fitting
                }
                if fitting:
                    found, more = _predicted(model, name, few, arguments, networks)
                    rows += _rows(few, found, name, model)
                    reasons |= more
                for one, reason in reasons.items():
                    refused.setdefault(one, {})[name] = reason
    ids = [name for table in tables for name in table.ids.tolist()]
    order = {name: (place, row) for row, (name, place) in enumerate(zip(ids, places(arguments.data, ids), strict=True))}
    rows.sort(key=lambda row: order[row.material])
    predicted = {row.material for row in rows}
    # Of several presets some refuse a material as a matter of course; named ones should not.
    missing = {one: next(iter(reasons.values())) for one, reasons in refused.items() if one not in predicted}
    if arguments.models:
        more = {
            f"{one} ({name})": text.removeprefix(f"{one}: ")
            for one, found in refused.items()
            for name, text in found.items()
        }
        missing |= {label: text for label, text in more.items() if label.rpartition(" (")[0] in predicted}
    report_left_out(unreadable | missing, len(rows), strict=arguments.strict)
    _write(arguments, rows, unreadable, refused)


def _models(names: str) -> dict[str, Any]:
    """The named or all installed presets, without their networks; a damaged one is an error only if it is named."""
    named = [name.strip() for name in names.split(",") if name.strip()]
    models = {}
    for name in named or presets():
        try:
            model = open_model(name)
        except UserError as error:
            if named:
                raise
            note(f"left out: preset {name}: {error}")
            continue
        if model.axis is not None:
            reason = f"{name} predicts a curve; use the predict command of its package"
            if named:
                raise UserError(reason)
            continue
        models[name] = model
    if not models:
        raise UserError("no preset is installed; install one with matrepro models import, or name one with --models")
    return models


def _tables(arguments: Namespace) -> tuple[list[MaterialsDataset], dict[str, str]]:
    """Formulas and structures, and densities of states."""
    densities = [name for name in arguments.data if os.path.isfile(name) and is_dos_file(Path(name))]
    others = [name for name in arguments.data if name not in densities]
    options = {"strict": arguments.strict, "jobs": arguments.jobs}
    loaded = [load_data(others, formulas=True, **options)] if others else []
    loaded += [load_densities(densities, **options)] if densities else []
    left_out: dict[str, str] = {}
    for one in loaded:
        left_out |= one.left_out
    tables = [one.table for one in loaded if len(one.table)]
    if len(tables) == 2 and (equal := set(tables[0].ids) & set(tables[1].ids)):
        raise UserError(f"two materials are called {min(equal)}; predict them one by one")
    if not tables:
        report_left_out(left_out, 0, strict=arguments.strict)
    return tables, left_out


def _fitting(model: Any, table: MaterialsDataset) -> MaterialsDataset:
    """The materials that a model could take."""
    if model.needs == "densities":
        fits = np.full(len(table), table.has_densities)
    elif model.needs == "structure":
        fits = np.array([table.n_sites(row) > 0 for row in range(len(table))], dtype=bool)
    else:
        fits = np.ones(len(table), dtype=bool)
    return table.take(np.flatnonzero(fits))


def _predicted(
    model: Any, name: str, table: MaterialsDataset, arguments: Namespace, networks: dict[str, Any]
) -> tuple[Predictions, dict[str, str]]:
    """The network is loaded only if one of the materials has features; a damaged one is an error only if named."""
    first, nothing = getattr(model, "members", [model])[0], Predictions(table.ids[:0], np.zeros(0))
    if first.model is None:
        made = first.features(table, arguments.jobs)
        if not len(made.rows):
            return nothing, made.errors
        try:
            load_networks(model, name, networks)
        except UserError as error:
            if arguments.models:
                raise
            note(f"left out: preset {name}: {error}")
            return nothing, dict.fromkeys(table.ids.tolist(), f"{name} is damaged")
    interval = arguments.interval
    try:
        if model.conformal is None:
            raise UserError("it has no calibrated intervals")
        model.conformal.half_width(interval)
    except UserError as error:
        note(f"no intervals by {name}: {error}")
        interval = None
    domain = model.domain is not None
    found = model.predict(table, jobs=arguments.jobs, bar=False, interval=interval, domain=domain)
    return found, dict(model.left_out)


def _rows(table: MaterialsDataset, found: Predictions, preset: str, model: Any) -> Iterator[Row]:
    formulas = dict(zip(table.ids.tolist(), table.formulas.tolist(), strict=True))

    def listed(values: np.ndarray | None) -> list[Any]:
        return [None] * len(found) if values is None else values.tolist()

    columns = (found.ids, found.prediction, found.lower, found.upper, found.domain)
    for material, value, lower, upper, domain in zip(*map(listed, columns), strict=True):
        formula = normalize_formula(formulas[material])
        yield Row(material, formula, model.target, value, lower, upper, found.unit, domain, preset)


def _write(
    arguments: Namespace, rows: list[Row], unreadable: dict[str, str], refused: dict[str, dict[str, str]]
) -> None:
    form = form_of(arguments)
    if arguments.output:
        form = "json" if arguments.output.endswith(".json") else "csv"
    if form == "json":
        left_out = [{"material": name, "preset": None, "reason": reason} for name, reason in unreadable.items()]
        left_out += [
            {"material": name, "preset": preset, "reason": reason}
            for name, reasons in refused.items()
            for preset, reason in reasons.items()
        ]
        found = {"interval": arguments.interval, "predictions": [asdict(row) for row in rows], "left_out": left_out}
        text = as_json(found)
    elif form == "csv":
        text = as_csv(list(Row.__dataclass_fields__), [list(map(_exact, asdict(row).values())) for row in rows])
    else:
        text = _aligned(rows, arguments.interval)
    if arguments.output:
        write_text(arguments.output, text)
        note(f"wrote {arguments.output}, predictions: {len(rows)}")
    else:
        print(text, end="")
    outside = sum(row.domain == "outside" for row in rows)
    if outside:
        note(f"warning: extrapolations, outside the domain of their preset: {outside} of {len(rows)} predictions")


def _exact(value: Any) -> Any:
    # Nine digits hold a float32 exactly.
    return f"{value:.9g}" if isinstance(value, float) else "" if value is None else value


def _says(name: str, formula: str) -> bool:
    """Whether the name of a material is its formula, in whatever order."""
    try:
        return normalize_formula(name) == formula
    except UserError:
        return False


def _aligned(rows: list[Row], level: float) -> str:
    def interval(row: Row) -> str:
        return "" if row.lower is None else f"{row.lower:.4g} to {row.upper:.4g}"

    header = ["property", "value", f"{100 * level:.4g} % interval", "unit", "domain", "preset"]
    cells = [[row.property, f"{row.value:.4g}", interval(row), row.unit, row.domain or "", row.preset] for row in rows]
    # The last columns are flush left, as the first ones are.
    widths = [max(len(line[i]) for line in [header, *cells]) for i in range(len(header))]
    padded = [
        [*line[:3], *(cell.ljust(width) for cell, width in zip(line[3:], widths[3:], strict=True))]
        for line in [header, *cells]
    ]
    names = [["material"], *([row.material] for row in rows)]
    if not all(_says(row.material, row.formula) for row in rows):
        names = [["material", "formula"], *([row.material, row.formula] for row in rows)]
    lines = [[*name, *line] for name, line in zip(names, padded, strict=True)]
    return aligned(lines[0], lines[1:], left=len(names[0]) + 1)
