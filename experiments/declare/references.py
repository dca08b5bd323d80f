"""Check what the schema cannot: names of models, sources, rows, columns and settings, and values that depend on each
other. Every error names the file and the line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from importlib.util import find_spec
from typing import Any, get_type_hints

from common.errors import UserError, unknown
from common.sources import sources
from common.train.recipes.recipe import Recipe
from common.train.recipes.variants import current_names
from experiments.declare.layout import resolve, taken_from
from experiments.declare.located_yaml import at
from experiments.declare.models import entry_of, preset
from experiments.declare.schema import Column, Declaration, Layout, Row, TakenFrom
from experiments.declare.validate import check

NEEDS = {
    "fractions": ("shares",),
    "formula": ("shares",),
    "folds": ("validation",),
    "given": ("validation",),
    "k-folds": ("k", "validation"),
}
FUNCTIONS = ("derived", "picture", "material_data", "report")


def check_references(declared: Declaration, of_paper: Callable[[str], Declaration]) -> None:
    """`of_paper` reads the declaration of another paper, from which a column may take runs."""
    _check_rows(declared["rows"])
    for entry in declared.get("contents", {}).values():
        _known("table", entry.get("tables", []), declared["tables"], entry, "tables")
    for name, table in declared["tables"].items():
        if "derived_from" in table:
            _known("table", [table["derived_from"]], declared["tables"], table, "derived_from")
            for scale in table["scales"]:
                _known("scale", [scale], declared["tables"][table["derived_from"]]["scales"], table["scales"], scale)
                base = resolve(declared, table["derived_from"], scale)
                _known("row", table.get("rows_used", []), base.get("rows", {}), table, "rows_used")
        for part in (table, *table["scales"].values()):
            _check_recipe(part.get("recipe", {}), ())
            _check_rows(part.get("rows", {}))
            for function in (key for key in FUNCTIONS if key in part):
                _check_function(part, function)
        for scale in table["scales"]:
            layout = resolve(declared, name, scale)
            for key in ("title", "columns") if "derived" in layout else ("title", "metrics", "columns", "split"):
                if key not in layout:
                    raise UserError(
                        f"{at(table['scales'], scale)}{name} at scale {scale} lacks the key {key!r}; add it"
                    )
            if "derived_from" not in table:
                _check_columns(layout, declared, of_paper)


def _check_rows(rows: Mapping[str, Row]) -> None:
    for name, row in rows.items():
        if "model" not in row:
            if "open" not in row:
                raise UserError(f"{at(rows, name)}row {name!r} lacks the key 'model'; add it, or `open` with a reason")
            continue
        try:
            entry = entry_of(row["model"])
        except UserError as error:
            raise UserError(f"{at(row, 'model')}{error}") from None
        if entry.network:
            variants = entry.load().variants
            _known("variant", [row.get("variant", "corrected")], variants, row, "variant")
            config = type(variants[row.get("variant", "corrected")])
            known = [field.name for field in fields(config)]
            _known("setting", current_names(config, row.get("config", {})), known, row.get("config", {}))
        else:
            signature = inspect.signature(entry.load().__init__).parameters.values()
            if all(one.kind is not one.VAR_KEYWORD for one in signature):
                _known("setting", row.get("config", {}), [one.name for one in signature], row.get("config", {}))
        _check_recipe(row.get("recipe", {}), [row["model"]])


def _check_recipe(recipe: Mapping[str, Any], models: Iterable[str]) -> None:
    """Names, types and values of the fields, each by itself."""
    known = get_type_hints(Recipe)
    for name, value in recipe.items():
        if name == "preset":
            check(value, str, "recipe.preset", recipe, name)
            try:
                _ = [preset(model, value) for model in models]
            except UserError as error:
                raise UserError(f"{at(recipe, name)}{error}") from None
            continue
        _known("recipe field", [name], [*known, "preset"], recipe, name)
        check(value, known[name], f"recipe.{name}", recipe, name)
        if isinstance(value, int | float) and value < 0:
            raise UserError(f"{at(recipe, name)}recipe.{name} is {value}; it must not be negative")
        try:
            Recipe(**{name: value})
        except UserError as error:
            raise UserError(f"{at(recipe, name)}{error}") from None


def _check_columns(layout: Layout, declared: Declaration, of_paper: Callable[[str], Declaration]) -> None:
    columns, rows, seeds = layout.get("columns", {}), layout.get("rows", {}), layout.get("seeds", {})
    _known("row", seeds, rows, seeds)
    _check_seeds([seed for one in seeds.values() for seed in one], seeds)
    for name, column in columns.items():
        _known("row", column.get("bands", {}), rows, column.get("bands", {}))
        for reason, left_out in column.get("excluded", {}).items():
            _known("row", left_out, rows, column["excluded"], reason)
        _check_recipe(column.get("recipe", {}), [row["model"] for row in rows.values() if "model" in row])
        if "trained_in" in column:
            _known("column", [column["trained_in"]], columns, column, "trained_in")
            shown = columns[column["trained_in"]].get("also_predicts", {})
            _known("predictions", [column.get("shows", "")], shown, column, "shows")
        elif "open" not in column:
            _check_data(name, column, layout, columns)
        for taken in taken_from(column):
            _check_taken(taken, rows, declared, of_paper)


def _check_data(name: str, column: Column, layout: Layout, columns: Mapping[str, Column]) -> None:
    for key in ("source", "target", "seeds"):
        if key not in column:
            raise UserError(
                f"{at(columns, name)}column {name!r} lacks the key {key!r}; add it, or `open` with a reason"
            )
    _known("source", [column["source"]], sources(), column, "source")
    _known("source", column.get("also_predicts", {}).values(), sources(), column.get("also_predicts", {}))
    _check_seeds(column["seeds"], column, "seeds")
    split: dict[str, Any] = {**layout.get("split", {}), **column.get("split", {})}
    holder = column if "split" in column else layout
    for key in ("kind", *NEEDS.get(str(split.get("kind")), ())):
        if key not in split:
            raise UserError(f"{at(holder.get('split', {}), 'kind')}the split of {name!r} lacks the key {key!r}; add it")
    if "k" in split and max(column["seeds"], default=0) >= split["k"]:
        raise UserError(f"{at(column, 'seeds')}seeds are numbers of folds here; they must be less than k, {split['k']}")


def _check_taken(
    taken: TakenFrom, rows: Mapping[str, Row], declared: Declaration, of_paper: Callable[[str], Declaration]
) -> None:
    try:
        there = declared if taken["paper"] == declared["paper"] else of_paper(taken["paper"])
    except UserError as error:
        raise UserError(f"{at(taken, 'paper')}{error}") from None
    _known("table", [taken["table"]], there["tables"], taken, "table")
    _known("row", taken["rows"], rows, taken["rows"])
    found: dict[str, Column] = {}
    for scale, layout in there["tables"][taken["table"]]["scales"].items():
        found |= layout.get("columns", {})
        _known("row", taken["rows"].values(), resolve(there, taken["table"], scale).get("rows", {}), taken["rows"])
    _known("column", [taken["column"]], found, taken, "column")


def _check_function(part: Mapping[str, Any], key: str) -> None:
    module, _, name = part[key].partition(":")
    try:
        found = bool(name) and find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise UserError(f"{at(part, key)}{key} is {part[key]!r}; write an existing module:function")


def _check_seeds(seeds: Iterable[int], holder: Mapping[str, Any], key: str | None = None) -> None:
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise UserError(f"{at(holder, key)}seed {seed} is not between 0 and 4294967295; choose another one")


def _known(
    kind: str, names: Iterable[str], known: Iterable[str], holder: Mapping[Any, Any], key: str | None = None
) -> None:
    """All names are known; `key`: where they stand in `holder`, if they are not its keys."""
    known = list(known)
    for name in names:
        if name not in known:
            raise UserError(f"{at(holder, key or name)}{unknown(kind, name, known)}")
