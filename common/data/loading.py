"""Load the dataset that a user names, and split it."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

import numpy as np

from common.chem.formula import parse_formula
from common.data.materials import MaterialsDataset
from common.data.splits import Split, by_formula, by_fractions
from common.errors import UserError
from common.io.messages import note, report_left_out
from common.sources import load_source, sources
from common.sources.columns import heading
from common.sources.files import Loaded, load, with_unit


class Labeled(NamedTuple):
    """Materials with a value of `target`, and id -> reason for those without one or that cannot be read."""

    dataset: MaterialsDataset
    target: str
    left_out: dict[str, str]


def load_data(
    data: str | Sequence[str],
    *,
    target: str = "",
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    formulas: bool = False,
) -> Loaded:
    """The dataset behind `data` (a source by name, or files) and id -> reason for what is not in it.

    With `formulas`, a name that is not a file but could be a chemical formula is read as one.
    """
    data = [data] if isinstance(data, str) else data
    data = [name if os.path.exists(name) else name.strip() for name in data]
    names = [name for name in data if name in sources()]
    if names and len(data) > 1:
        raise UserError(f"{names[0]} is a whole dataset; give it alone")
    if names:
        dataset = load_source(data[0])
        return Loaded(with_unit(dataset, target, unit) if target else dataset, {})
    texts = [name for name in data if _like_formula(name)] if formulas else []
    if texts:
        files = [name for name in data if name not in texts]
        found = load(files, target=target, unit=unit, strict=strict, jobs=jobs, formulas=texts)
        order = places(data, found.table.ids.tolist())
        return Loaded(found.table.take(np.argsort(order, kind="stable")), found.left_out)
    if len(data) == 1 and not os.path.exists(data[0]) and not os.path.splitext(data[0])[1]:
        if _is_formula(data[0]):
            raise UserError(
                f"{data[0]}: formulas cannot be used here; give a structure file, such as a CIF, or a dataset"
            )
        also = ", nor is it a formula" if formulas else ""
        raise UserError(f"there is no file, folder or source called {data[0]!r}{also}; sources: {', '.join(sources())}")
    return load(data, target=target, unit=unit, strict=strict, jobs=jobs)


def places(data: Sequence[str], ids: Sequence[str]) -> list[int]:
    """For each material the number of the argument that names it, by its text, its file or the stem of that; the
    materials of folders and tables come after these."""
    known: dict[str, int] = {}
    for place, text in enumerate(data):
        for name in (text, text.strip(), os.path.basename(text), os.path.splitext(os.path.basename(text))[0]):
            known.setdefault(name, place)
    return [known.get(name, len(data)) for name in ids]


def _like_formula(text: str) -> bool:
    """Not an existing file or a file name, and begins as formulas do."""
    ending = os.path.splitext(text)[1]
    return text[:1] in "([{ABCDEFGHIJKLMNOPQRSTUVWXYZ" and not (
        "/" in text or os.path.exists(text) or (ending[1:2].islower())
    )


def _is_formula(text: str) -> bool:
    try:
        return bool(parse_formula(text))
    except UserError:
        return False


def load_labeled(
    data: str | Sequence[str],
    target: str = "",
    *,
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    reader: Callable[..., Loaded] = load_data,
    default: str = "",
) -> Labeled:
    """The materials of `data` that have a value of `target`; without a name that of `default` is taken, where the data
    have it, or else the only one.

    `reader` is called as `load_data`; a package that reads other files passes its own.
    """
    given = bool(target)
    dataset, left_out = reader(data, target=target, unit=unit, strict=strict, jobs=jobs)
    if not dataset.targets and isinstance(data, str) and os.path.isdir(data):
        raise UserError(
            f"{data} has no {os.path.join(data, 'id_prop.csv')} with values; write one, a line id,value each"
        )
    if not target:
        if len(dataset.targets) != 1 and default not in dataset.targets:
            names = ", ".join(sorted(dataset.targets)) or "none"
            raise UserError(f"{data} has these targets: {names}; choose one with --target")
        target = default if default in dataset.targets else next(iter(dataset.targets))
        if unit:
            dataset = with_unit(dataset, target, unit)
    name = heading(target).name
    labeled = dataset.known(name)
    if len(labeled) < len(dataset):
        if strict and not given:  # the column is known only now; the reader says which of its cells is no number
            reader(data, target=name, unit=unit, strict=True, jobs=jobs)
        note(f"{len(dataset) - len(labeled)} of {len(dataset)} materials have no value of {name} and are left out")
    report_left_out(left_out, len(labeled), strict=strict)
    unlabeled = {one: f"no value of {name}" for one in dataset.ids.tolist() if one not in labeled}
    return Labeled(labeled, name, left_out | unlabeled)


def make_split(
    dataset: MaterialsDataset,
    *,
    split_file: str | None = None,
    ratio: Sequence[float] = (6, 2, 2),
    grouped: bool = False,
    seed: int = 0,
    left_out: Container[str] = (),
) -> Split:
    """The split stored in `split_file`, without the ids in `left_out`, or else a random one.

    ratio: train:validation:test. grouped: all polymorphs of a formula go to the same set.
    """
    if split_file:
        sets = Split.load(split_file).subsets()
        unknown = [name for ids in sets.values() for name in ids if name not in dataset and name not in left_out]
        if unknown:
            raise UserError(f"{split_file} contains id {unknown[0]}, which is not in the dataset; fix the split file")
        split = Split(**{name: tuple(one for one in ids if one in dataset) for name, ids in sets.items()})
    else:
        split = (by_formula if grouped else by_fractions)(dataset, ratio, seed)
    split.check()
    return split
