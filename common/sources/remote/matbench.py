"""Matbench tasks through matminer's loader, with the official folds.

Matbench publishes its folds as ids; they are the five sets that scikit-learn's `KFold` makes of the rows with the seed
below. A test holds the two against each other for every task of the data directory.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from common.chem.crystal import as_crystal
from common.chem.formula import formula_by_number, integer_counts, parse_formula
from common.data.materials import formula_by_number_of
from common.errors import UserError
from common.sources import datadir
from common.sources.remote.writing import unlike, write_bytes, write_rows

SEED = 18012019
FOLDS = 5
#: Columns that are not the target.
INPUTS = ("structure", "composition")


def folds(n: int) -> np.ndarray:
    """(n,): in which fold a row is tested."""
    from sklearn.model_selection import KFold

    found = np.empty(n, dtype=np.int64)
    for fold, (_, test) in enumerate(KFold(FOLDS, shuffle=True, random_state=SEED).split(found)):
        found[test] = fold
    return found


def ids(task: str, n: int) -> list[str]:
    """Matbench's own: mb-phonons-0001 and so on."""
    return [f"mb-{task.replace('_', '-')}-{row:0{len(str(n))}}" for row in range(1, n + 1)]


def read(path: Path):
    """matminer's table of the file at `path`, which is checked before it is opened and never fetched here."""
    from matminer.datasets import load_dataset

    try:
        found = load_dataset(path.name.split(".")[0], data_home=str(path.parent), download_if_missing=False)
        if found is None or not len(found) or not set(INPUTS) & set(found):
            raise ValueError("no rows of structures or compositions")
        return found
    except (ValueError, OSError, KeyError, EOFError) as error:
        raise unlike(path, f"matminer cannot read it ({str(error).splitlines()[0]})") from None


def write(fetched: dict[str, Path]) -> list[Path]:
    (path,) = fetched.values()
    task = path.name.split(".")[0].removeprefix("matbench_")
    if task not in datadir.MATBENCH:
        raise UserError(f"matbench_{task} is none of the regressions: {', '.join(datadir.MATBENCH)}")
    found = read(path)
    values = found[next(name for name in found if name not in INPUTS)].to_numpy(dtype=float)
    names, fold = ids(task, len(found)), folds(len(found))
    crystals = [as_crystal(s) for s in found["structure"]] if "structure" in found else None
    formulas = (
        [formula_by_number_of(c) for c in crystals] if crystals else [_reduced(text) for text in found["composition"]]
    )
    rows = zip(names, formulas, (repr(v) for v in values.tolist()), fold.tolist(), strict=True)
    made = [write_rows(f"composition/matbench_{task}.csv.gz", ["id", "reduced_formula", "target", "fold"], list(rows))]
    if task == "phonons":
        made.append(_structures(names, formulas, values, fold, crystals))
    return made


def _reduced(text: str) -> str:
    return formula_by_number(integer_counts(parse_formula(text)))


def _structures(names, formulas, values, fold, crystals) -> Path:
    lines = []
    for name, formula, value, k, crystal in zip(names, formulas, values, fold, crystals, strict=True):
        facts = {"id": name, "reduced_formula": formula, "target": float(value), "fold": int(k)}
        facts |= {"numbers": crystal.numbers.tolist(), "lattice": crystal.lattice.tolist()}
        lines.append(json.dumps({**facts, "frac": crystal.frac.tolist()}))
    path = datadir.place("structures_extra/matbench_phonons.jsonl.gz")
    write_bytes(path, ("\n".join(lines) + "\n").encode())
    return path
