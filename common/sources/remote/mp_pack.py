"""The structure pack of the data directory made of what the Materials Project gave: one table of several queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from common.hdf5 import write_text
from common.materials import MaterialsTable, Target
from common.printing import note
from common.sources import datadir

PACK = "mp/mp_structures.h5"


def write(fetched: Mapping[str, Path]) -> Path | None:
    """`fetched`: query -> its table. Of a material that stands in several the first that knows a value gives it.

    A pack that came from elsewhere stays as it is; ours is known by the JSON beside it.
    """
    path, names = datadir.place(PACK), list(fetched)
    if not names or (path.exists() and not path.with_suffix(".json").exists()):
        return None
    tables = [MaterialsTable.from_hdf5(fetched[name]) for name in names]
    first = {name: (k, row) for k in reversed(range(len(tables))) for row, name in enumerate(tables[k].ids.tolist())}
    ids = sorted(first)
    units = {name: target.unit for table in tables for name, target in table.targets.items()}
    values = {name: np.full(len(ids), np.nan) for name in units}
    for table in tables:
        rows = {name: row for row, name in enumerate(table.ids.tolist())}
        for name, target in table.targets.items():
            here = np.array([rows.get(one, -1) for one in ids])
            values[name] = np.where((here >= 0) & np.isnan(values[name]), target.values[here], values[name])
    MaterialsTable.from_structures(
        ids,
        [tables[k].structure(row) for k, row in (first[name] for name in ids)],
        {name: Target(values[name], unit) for name, unit in units.items()},
        formulas=[str(tables[k].formulas[row]) for k, row in (first[name] for name in ids)],
    ).to_hdf5(path)
    write_text(path.with_suffix(".json"), json.dumps({"made of": [fetched[name].name for name in names]}) + "\n")
    note(f"wrote {path}: {len(ids):,} materials of {', '.join(names)}")
    return path
