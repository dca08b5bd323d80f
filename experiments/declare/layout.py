"""The declaration of one table at one scale, merged from what stands in the file, the table and the scale."""

from __future__ import annotations

from typing import Any, cast

from common.errors import UserError, unknown
from experiments.declare.schema import Column, Declaration, Layout, Scale, Table, TakenFrom

#: The table of `make check`, which belongs to no paper.
CHECK = "check"


def names_of_tables(declared: Declaration, scale: str = "") -> list[str]:
    """The paper's tables, those at a scale if one is given."""
    tables = declared["tables"]
    return [name for name in tables if name != CHECK and (not scale or scale in tables[name]["scales"])]


def table_of(declared: Declaration, table: str) -> Table:
    if table not in declared["tables"]:
        names = names_of_tables(declared)
        raise UserError(f"{declared['paper']} has no table {table!r}; {unknown('table', table, names)}")
    return declared["tables"][table]


def resolve(declared: Declaration, table: str, scale: str) -> Layout:
    """One table at one scale. A derived table takes columns, split and recipe from the table it is `derived_from`,
    and of that table's rows those in `rows_used`."""
    whole: dict[str, Any] = dict(table_of(declared, table))
    if scale not in whole["scales"]:
        scales = ", ".join(whole["scales"])
        raise UserError(f"{declared['paper']} {table} is not declared at scale {scale!r}; it is at: {scales}")
    at_scale = whole["scales"][cast(Scale, scale)]
    top: dict[str, Any] = {"rows": declared["rows"], "own_row": declared.get("own_row", "")}
    if "derived_from" in whole:
        base = resolve(declared, whole["derived_from"], scale)
        top = {name: value for name, value in base.items() if name != "note"}
        top["rows"] = {row: base.get("rows", {})[row] for row in whole.get("rows_used", [])}
        extra: dict[str, Column] = whole.pop("columns", {})
        top["columns"] = {name: {**one, **extra.get(name, {})} for name, one in base.get("columns", {}).items()}
    return cast(Layout, {**top, **whole, **at_scale})


def taken_from(column: Column) -> list[TakenFrom]:
    """The columns of other tables whose runs a column shows; a single one need not be declared as a list."""
    found = column.get("taken_from", [])
    return found if isinstance(found, list) else [found]
