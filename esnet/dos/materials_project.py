"""Download projected densities of states of the Materials Project, a hundred materials per file.

Files are written atomically, so an interrupted download resumes. Materials without projected densities in the database
are recorded under `/failed` of their file and not requested again.
"""

from __future__ import annotations

from pathlib import Path

from common.chem.crystal import Crystal
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.io.files import sweep, write_text
from common.io.hdf5 import open_hdf5, reading_hdf5, writing_hdf5
from common.io.locks import in_turn
from common.io.messages import note
from common.io.progress import progress
from common.sources.remote.materials_project import densities_of, path_of
from common.sources.remote.mp_client import Client, NotThere
from esnet.dos.file import start_file, write_failure, write_material
from esnet.dos.vasp import from_complete_dos

#: Materials per file, which an interruption may lose.
SHARD = 100
#: File with the ids of all materials, in the order of the files.
IDS = "ids.txt"


def get(name: str, client: Client) -> Path:
    """Download the densities of the materials of a query that have a formation energy."""
    table = MaterialsDataset.from_hdf5(path_of(name)).known("formation_energy_per_atom")
    folder = densities_of(name)
    with in_turn(folder / ".lock", f"the densities of {name}"):
        sweep(folder)
        _same_list(folder, table)
        with progress(total=len(table), desc=f"{name} densities", unit="material") as bar:
            for start in range(0, len(table), SHARD):
                rows = range(start, min(start + SHARD, len(table)))
                path = folder / f"{start // SHARD:05}.h5"
                if _readable(path):
                    bar.update(len(rows))
                else:
                    _write(path, table, rows, client, bar)
    failed = failures(folder)
    if failed:
        first = next(iter(failed))
        note(f"{name}: {len(failed):,} of {len(table):,} materials have no densities; {first}: {failed[first]}")
    return folder


def complete(name: str) -> bool:
    """Whether all files exist, judged by their number."""
    folder = densities_of(name)
    listed = folder / IDS
    wanted = -(-len(listed.read_text().splitlines()) // SHARD) if listed.exists() else 1
    return len(list(folder.glob("[0-9]*.h5"))) >= wanted


def _readable(path: Path) -> bool:
    """Whether a file exists and can be opened."""
    if not path.exists():
        return False
    try:
        open_hdf5(path).close()
    except UserError:
        note(f"{path} is damaged; downloading it again")
        return False
    return True


def _same_list(folder: Path, table: MaterialsDataset) -> None:
    """Raise if the folder belongs to another list of ids, since files are numbered by row."""
    listed = folder / IDS
    text = "\n".join(table.ids.tolist()) + "\n"
    if not listed.exists():
        write_text(listed, text)
    elif listed.read_text() != text:
        raise UserError(f"{folder} belongs to another list of materials; move it away and repeat the command")


def _write(path: Path, table: MaterialsDataset, rows: range, client: Client, bar) -> None:
    energies, gaps = (table.target(name).values for name in ("formation_energy_per_atom", "band_gap"))
    with writing_hdf5(path) as file:
        start_file(file, "VASP")
        for row in rows:
            name = str(table.ids[row])
            known = {
                "formation_energy_eV_per_atom": energies[row],
                "band_gap_eV": gaps[row],
                "database": client.version,
            }
            try:
                found = client.densities(name)
            except NotThere as error:
                write_failure(file, name, str(error))
            else:
                _add(file, name, found, table.structure(row), known)
            bar.update(1)


def _add(file, name: str, found, crystal: Crystal, known: dict) -> None:
    try:
        dos = from_complete_dos(found)
        if dos.f_left_out:
            raise UserError("has f states")
        write_material(file, name, dos, crystal, known)
    except UserError as error:  # one of 63,000 materials must not stop the download
        write_failure(file, name, " ".join(str(error).split()))


def failures(folder: Path) -> dict[str, str]:
    """Id -> reason for all materials without densities."""
    found = {}
    for path in sorted(folder.glob("[!.]*.h5")):
        with reading_hdf5(path) as file:
            found |= {name: str(group.attrs["reason"]) for name, group in file["failed"].items()}
    return found
