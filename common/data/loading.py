"""Load the dataset that a command line names, and split it."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence

from common.errors import UserError
from common.io.messages import note, report_left_out


def load_data(
    data: str | Sequence[str],
    *,
    target: str = "",
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    formulas: bool = False,
):
    """The table behind DATA (a source by name, or files) and id -> reason for what is not in it.

    With `formulas`, what is no file but could be a chemical formula is taken as one.
    """
    from common.sources import SOURCES, load_source
    from common.sources.files import Loaded, load, with_unit

    data = [data] if isinstance(data, str) else list(data)
    sources = [name for name in data if name in SOURCES]
    if sources and len(data) > 1:
        raise UserError(f"{sources[0]} is a whole table; give it alone")
    if sources:
        table = load_source(data[0])
        return Loaded(with_unit(table, target, unit) if target else table, {})
    texts = [name for name in data if _like_formula(name)] if formulas else []
    if texts:
        files = [name for name in data if name not in texts]
        return load(files, target=target, unit=unit, strict=strict, jobs=jobs, formulas=texts)
    if len(data) == 1 and not os.path.exists(data[0]) and not os.path.splitext(data[0])[1]:
        raise UserError(f"there is no file, folder or source called {data[0]!r}; sources: {', '.join(SOURCES)}")
    return load(data, target=target, unit=unit, strict=strict, jobs=jobs)


def _like_formula(text: str) -> bool:
    """No file, no folder, no file name, and beginning as formulas do."""
    ending = os.path.splitext(text)[1]
    return text[:1] in "([{ABCDEFGHIJKLMNOPQRSTUVWXYZ" and not (
        "/" in text or os.path.exists(text) or (ending[1:2].islower())
    )


def make_split(arguments, table, left_out: Container[str] = ()):
    """The split of `--split`, less what was left out of the table, or a random one by shares and seed."""
    from common.data import splits

    if arguments.split:
        parts = splits.Split.load(arguments.split).parts()
        unknown = [n for part in parts.values() for n in part if n not in table and n not in left_out]
        if unknown:
            raise UserError(f"{arguments.split} names {unknown[0]}, which the data does not have; mend the split")
        split = splits.Split(**{name: tuple(n for n in part if n in table) for name, part in parts.items()})
    else:
        maker = splits.by_formula if arguments.group_by_formula else splits.by_fractions
        split = maker(table, arguments.shares, arguments.seed)
    split.check()
    return split


def known(arguments, target: str, paper):
    """The rows of DATA with the target, its plain name, and what was left out."""
    from common.sources.columns import heading

    table, left_out = paper.read(
        arguments.data, target=target, unit=arguments.unit, strict=arguments.strict, jobs=arguments.jobs
    )
    if not target:
        if len(table.targets) != 1:
            names = ", ".join(sorted(table.targets)) or "none"
            raise UserError(f"{arguments.data} has these targets: {names}; choose one with --target")
        target = next(iter(table.targets))
        if arguments.unit:
            from common.sources.files import with_unit

            table = with_unit(table, target, arguments.unit)
    name = heading(target).name
    known = table.known(name)
    if len(known) < len(table):
        note(f"{len(table) - len(known)} of {len(table)} materials have no value of {name} and are left out")
    report_left_out(left_out, len(known), strict=arguments.strict)
    return known, name, left_out | {n: f"no value of {name}" for n in table.ids.tolist() if n not in known}
