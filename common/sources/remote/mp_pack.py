"""The structure pack of the data directory made of what the Materials Project gave: one table of several queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.data.materials import MaterialsDataset, Target
from common.io.files import file_digest, write_text
from common.io.messages import note
from common.sources import datadir

PACK = "mp/mp_structures.h5"


def write(fetched: Mapping[str, Path]) -> Path | None:
    """`fetched`: query -> its table. Of a material that stands in several the first that knows a value gives it.

    A pack that came from elsewhere stays as it is; ours is known by the JSON beside it, which tells of what it is made.
    """
    path, names = datadir.place(PACK), list(fetched)
    record, made_of = path.with_suffix(".json"), {name: file_digest(table) for name, table in fetched.items()}
    if not names or (path.exists() and (not record.exists() or _recorded(record) == made_of)):
        return None
    _record(record, {})  # a pack that is broken off here is ours, and is made again
    tables = [MaterialsDataset.from_hdf5(fetched[name]) for name in names]
    first = {name: (k, row) for k in reversed(range(len(tables))) for row, name in enumerate(tables[k].ids.tolist())}
    ids = sorted(first)
    units = {name: target.unit for table in tables for name, target in table.targets.items()}
    values = {name: np.full(len(ids), np.nan) for name in units}
    for table in tables:
        rows = {name: row for row, name in enumerate(table.ids.tolist())}
        for name, target in table.targets.items():
            here = np.array([rows.get(one, -1) for one in ids])
            values[name] = np.where((here >= 0) & np.isnan(values[name]), target.values[here], values[name])
    MaterialsDataset.from_structures(
        ids,
        [tables[k].structure(row) for k, row in (first[name] for name in ids)],
        {name: Target(values[name], unit) for name, unit in units.items()},
        formulas=[str(tables[k].formulas[row]) for k, row in (first[name] for name in ids)],
    ).to_hdf5(path)
    _record(record, made_of)
    note(f"wrote {path}: {len(ids):,} materials of {', '.join(names)}")
    return path


def _record(path: Path, made_of: Mapping[str, str]) -> None:
    write_text(path, json.dumps({"made of": made_of}) + "\n")


def _recorded(path: Path) -> dict:
    """Query -> hash of its table; nothing of a record that cannot be read, so that the pack is made again."""
    try:
        return json.loads(path.read_text())["made of"]
    except (ValueError, KeyError, TypeError):
        return {}
