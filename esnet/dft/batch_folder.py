"""The folder of a batch of calculations.

`jobs.jsonl` holds the structures, `settings.json` the level of theory, and `parts` one file per finished or failed
material. The parts are merged into one HDF5 file when a run ends or starts again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from common.chem.crystal import Crystal, as_crystal
from common.data.materials import crystal_key
from common.errors import UserError
from common.io.files import sweep, write_text
from common.io.hdf5 import open_hdf5, writing_hdf5
from esnet.dft.backends import Calculation, Settings
from esnet.dos.file import check_name, start_file, write_failure, write_material

if TYPE_CHECKING:
    import h5py


def read_jobs(folder: str | Path) -> dict[str, Crystal]:
    """The structures of a batch by id, in the order in which they were added."""
    path, crystals = Path(folder) / "jobs.jsonl", {}
    if not path.exists():
        return crystals
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); choose another folder") from None
    for number, line in enumerate(lines, 1):
        try:
            job = json.loads(line)
            check_name(job["id"])
            crystals[job["id"]] = as_crystal((job["numbers"], job["lattice"], job["frac"]))
        except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError, UserError) as error:
            raise UserError(f"{path}, line {number} is damaged ({error}); delete the line") from None
    return crystals


def add_jobs(folder: Path, jobs: Iterable[tuple[str, Crystal]], settings: Settings, output: Path) -> dict[str, Crystal]:
    """Add jobs to the list of the folder and return all of them.

    A batch has one level of theory, and an id always means the same structure.
    """
    stored = folder / "settings.json"
    if not stored.exists() and output.exists():
        raise UserError(f"{output} exists and does not belong to this batch ({folder}); choose another name")
    if stored.exists() and json.loads(stored.read_text()) != asdict(settings):
        raise UserError(f"{folder} was started with other settings ({stored}); choose another folder")
    crystals = read_jobs(folder)
    before = len(crystals)
    for name, crystal in jobs:
        check_name(name)
        if name in crystals and crystal_key(crystals[name]) != crystal_key(crystal):
            raise UserError(f"{name} is another structure in {folder}; rename it or choose another folder")
        crystals.setdefault(name, crystal)
    if len(crystals) > before:
        lines = [
            json.dumps(
                {"id": name, "numbers": c.numbers.tolist(), "lattice": c.lattice.tolist(), "frac": c.frac.tolist()}
            )
            for name, c in crystals.items()
        ]
        write_text(folder / "jobs.jsonl", "\n".join(lines) + "\n")
    write_text(stored, json.dumps(asdict(settings), indent=1) + "\n")
    return crystals


class Parts:
    """One small file per outcome, written atomically, until all are merged into the results file."""

    def __init__(self, folder: Path, output: Path, settings: Settings):
        self.folder, self.output, self.settings = folder, output, settings
        folder.mkdir(exist_ok=True)
        sweep(folder)

    def put(self, name: str, outcome: Calculation | str) -> None:
        """Store a result, or the reason of a failure."""
        with writing_hdf5(self.folder / f"{quote(name, safe='')}.h5") as file:
            if isinstance(outcome, str):
                write_failure(file, name, outcome)
            else:
                program = outcome.attributes.get("engine", outcome.dos.program)
                start_file(file, program, self.settings.file_attributes())
                write_calculation(file, name, outcome)

    def state(self) -> tuple[set[str], dict[str, str]]:
        """Ids of finished jobs and id -> reason of failed ones, after `merge`."""
        if not self.output.exists():
            return set(), {}
        with open_hdf5(self.output) as file:
            failed = {name: str(group.attrs["reason"]) for name, group in file["failed"].items()}
            return set(file["materials"]), failed

    def merge(self) -> None:
        """Move the parts into the results file, which is replaced atomically."""
        parts = sorted(path for path in self.folder.glob("*.h5") if not path.name.startswith("."))
        if not parts:
            return
        with writing_hdf5(self.output, onto=self.output.read_bytes() if self.output.exists() else b"") as results:
            for path in parts:
                with open_hdf5(path) as part:
                    _move(part, results)
        for path in parts:
            path.unlink()


def write_calculation(file: h5py.File, name: str, calculation: Calculation) -> None:
    """Add a calculation to an open HDF5 file as `/materials/<name>`."""
    write_material(file, name, calculation.dos, calculation.crystal, calculation.attributes, total=calculation.total)


def _move(part: h5py.File, results: h5py.File) -> None:
    for name, value in part.attrs.items():
        results.attrs.setdefault(name, value)
    for kind, other in (("materials", "failed"), ("failed", "materials")):
        for name, group in part.get(kind, {}).items():
            for place in (kind, other):
                if name in results.require_group(place):
                    del results[place][name]
            part.copy(group, results.require_group(kind), name)
    results.require_group("materials")
    results.require_group("failed")
