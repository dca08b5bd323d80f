"""Datasets with densities of states from files of VASP and the Materials Project, or computed from structures.

A `vasprun.xml` or a CompleteDos as JSON, possibly compressed, and folders of them, with or without `id_prop.csv`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.compute.executor import map_rows
from common.data import loading
from common.data.densities import DensitiesInFile, DensitiesInMemory
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import cache_root
from common.io.messages import note
from common.io.progress import progress
from common.sources import densities
from common.sources.columns import read_id_prop
from common.sources.files import Loaded
from esnet.dft.backends import backend_of
from esnet.dft.batch import run_batch
from esnet.dos.file import group_names
from esnet.dos.reading import DOSReading, bare, is_dos_file, read_dos_file
from esnet.energies import TOTAL_ENERGY


def load_data(
    data: str | Sequence[str],
    *,
    target: str = "",
    unit: str = "",
    strict: bool = False,
    jobs: int = 1,
    unconverged: bool = False,
) -> Loaded:
    """Like `common.data.loading.load_data`, and also files of densities of states.

    unconverged: accept VASP calculations whose electronic steps did not converge.
    """
    read = partial(read_dos_file, unconverged=unconverged)
    named = [data] if isinstance(data, str) else list(data)
    paths = [Path(name) for name in named]
    files = [file for path in paths for file in _dos_files(path)]
    if not files:
        return loading.load_data(data, target=target, unit=unit, strict=strict, jobs=jobs)
    other = next((path for path in paths if not _dos_files(path)), None)
    if other is not None:
        raise UserError(f"{other} is not a file of densities of states; give it alone")
    if len(paths) == 1 and (paths[0] / "id_prop.csv").exists():
        return _listed(paths[0], files, target, unit, read, strict, jobs)
    if target:
        raise UserError(f"{named[0]} has no values of {target}; put an id_prop.csv beside the files")
    table, left_out = _table(dict(zip(_names(files), files, strict=True)), read, strict, jobs)
    return Loaded(table, left_out)


def _dos_files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file() and is_dos_file(file))
    return [path] if is_dos_file(path) else []


def _names(files: list[Path]) -> list[str]:
    """Ids: the file name without endings, the folder of a file named vasprun, the path where names are equal."""
    stems = [bare(file).rpartition(".")[0] or bare(file) for file in files]
    names = [file.resolve().parent.name if stem == "vasprun" else stem for stem, file in zip(stems, files, strict=True)]
    times = Counter(names)
    return [name if times[name] == 1 else str(file) for name, file in zip(names, files, strict=True)]


def _table(files: dict[str, Path], read: Callable[[Path], DOSReading], strict: bool, jobs: int) -> Loaded:
    names, left_out, found = list(files), {}, {}
    with progress(total=len(names), desc="reading", unit="file") as bar:
        results = map_rows(read, lambda row: files[names[row]], list(range(len(names))), jobs, bar)
        for name, result in zip(names, results, strict=True):
            if isinstance(result, str):
                left_out[str(files[name])] = result
                if strict:
                    raise UserError(f"{files[name]}: {result}")
            else:
                found[name] = result
    table = MaterialsDataset.from_structures(
        list(found),
        [one.crystal for one in found.values()],
        formulas=[one.formula for one in found.values()],
        densities=DensitiesInMemory([one.densities for one in found.values()]),
        origin=str(next(iter(files.values()))) if len(files) == 1 else "files",
    )
    return Loaded(table, left_out)


def _listed(folder: Path, files: list[Path], target: str, unit: str, read, strict: bool, jobs: int) -> Loaded:
    """A folder with the target values in `id_prop.csv`."""
    known = dict(zip(_names(files), files, strict=True)) | {file.name: file for file in files}
    sheet = read_id_prop(folder / "id_prop.csv", target, known)
    values, wrong = sheet.numbers(target, unit)
    wrong |= {name: "the folder has no file of this name" for name in sheet.ids if name not in known}
    if strict and wrong:
        name, reason = next(iter(wrong.items()))
        raise UserError(f"{name}: {reason}")
    table, left_out = _table({name: known[name] for name in sheet.ids if name not in wrong}, read, strict, jobs)
    rows = {name: row for row, name in enumerate(sheet.ids)}
    order = np.array([rows[name] for name in table.ids.tolist()], dtype=np.int64)
    for name, one in values.items():
        table = table.with_target(name, one.values[order], one.unit)
    table.origin = folder.name
    return Loaded(table, {**wrong, **left_out})


def with_computed_densities(table: MaterialsDataset, *, backend: str = "gpaw", **options: Any) -> Loaded:
    """Compute the densities of states of structures; `options` are those of `run_batch`.

    Calculations are stored in the cache, one folder per list of structures, so that an interrupted run resumes and a
    finished one is read. The total energies become a target, since some models take them as input.
    """
    backend_of(backend)  # raises before a folder is created
    folder = cache_root() / "dos" / f"{backend}-{table.digest()}"
    ids = group_names(table.ids.tolist())
    report = run_batch(zip(ids, table.structures(), strict=True), folder, backend=backend, **options)
    note(f"densities of states are stored in {report.path}")
    few = table.select(ids[name] for name in report.finished)
    targets = dict(few.targets)
    if report.finished:
        computed = densities.load(report.path).select(report.finished)
        targets.setdefault(TOTAL_ENERGY, computed.target(TOTAL_ENERGY))
    table = MaterialsDataset.from_structures(
        few.ids,
        few.structures(),
        targets,
        formulas=few.formulas,
        densities=DensitiesInFile(report.path, report.finished),
        origin=table.origin,
    )
    return Loaded(table, {ids[name]: reason for name, reason in report.failed.items()})
