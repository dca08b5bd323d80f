"""Tables of archives with one JSON list: JARVIS dft_3d, SNUMAT's hybrid gaps, MEGNet's Materials Project of 2018.

Reading the text of tens of thousands of structures takes minutes; it is done once and stored as HDF5 in the cache.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.compute.executor import map_rows
from common.data.materials import MaterialsDataset, Target
from common.errors import UserError
from common.io.files import cache_root, file_digest, write_text
from common.io.messages import note, report_left_out
from common.io.progress import progress
from common.sources.filter_log import Traced
from common.sources.jarvis import crystal_of, number_of
from common.sources.reading import read_cif
from common.sources.remote import download_record as fetched_files
from common.sources.remote import registry

#: Key of a record -> name of the target and unit.
DFT_3D = {
    "formation_energy_peratom": ("formation_energy", "eV/atom"),
    "optb88vdw_bandgap": ("band_gap", "eV"),
    "ehull": ("hull_distance", "eV/atom"),
    "epsx": ("eps_xx", "1"),
    "bulk_modulus_kv": ("bulk_modulus", "GPa"),
    "shear_modulus_gv": ("shear_modulus", "GPa"),
}
SNUMAT = {"Band_gap_HSE": ("band_gap_hse", "eV"), "Band_gap_GGA": ("band_gap_pbe", "eV")}
MEGNET = {"formation_energy_per_atom": ("formation_energy", "eV/atom"), "band_gap": ("band_gap", "eV")}


def jarvis_dft_3d() -> MaterialsDataset:
    """JARVIS-DFT (OptB88vdW): energies, gaps, hull distances, moduli, 76 thousand structures."""
    return _table("jarvis-dft-3d", "jid", DFT_3D, _jarvis_crystal)


def snumat_hse() -> MaterialsDataset:
    """SNUMAT hybrid-functional gaps with structures; those with deuterium are listed and left out."""
    return _table("snumat", "SNUMAT_id", SNUMAT, _jarvis_crystal)


def megnet_2018() -> MaterialsDataset:
    """MEGNet's Materials Project of 2018.6.1: 69,239 structures with formation energies and gaps."""
    return _table("megnet-2018", "material_id", MEGNET, _cif_crystal)


def _jarvis_crystal(found: dict):
    try:
        return crystal_of(found["atoms"])
    except KeyError as error:
        name = str(error).strip("'")
        reason = "holds deuterium (D), which no model here knows" if name == "D" else f"{name} is missing or no element"
        raise UserError(reason) from None


def _cif_crystal(found: dict):
    return read_cif(found["structure"]).crystal


def _table(entry: str, key: str, targets: dict[str, tuple[str, str]], crystal: Callable) -> MaterialsDataset:
    path = _fetched(entry)
    cached = _cached(entry, path)
    if not cached.exists():
        note(f"reading the structures of {path} once; this takes minutes for a large file")
        table, counts, left_out = records(path, key, targets, crystal)
        report_left_out(left_out, len(table))
        write_text(cached.with_suffix(".json"), json.dumps({**counts, "left_out": left_out}, indent=1) + "\n")
        table.to_hdf5(cached)
    table = MaterialsDataset.from_hdf5(cached)
    table.origin = entry
    return table


def _cached(entry: str, path: Path) -> Path:
    return cache_root() / "tables" / f"{entry}-{file_digest(path)}.h5"


def snumat_traced() -> Traced:
    """The steps from SNUMAT's records to the gaps that are used."""
    table = snumat_hse()
    report = json.loads(_cached("snumat", _fetched("snumat")).with_suffix(".json").read_text())
    heavy = sum("deuterium" in reason for reason in report["left_out"].values())
    traced = Traced("records", report["records"]).count("duplicates", report["distinct"])
    traced.count("without deuterium", report["distinct"] - heavy)
    return traced.to("structure can be read", table).known("band_gap_hse")


def _fetched(entry: str) -> Path:
    """The file with the list, fetched before; a source never starts a download of hundreds of megabytes by itself."""
    stated = registry.load()
    folder = fetched_files.folder_of(stated[entry])
    names = [file.name for file in stated[entry].files] or [path.name for path in folder.glob("*.zip")]
    path = folder / (names[0] if names else "")
    if not path.is_file():
        raise UserError(f"{entry} is not fetched yet; run matrepro data get {entry}")
    return path


def records(
    path: Path, key: str, targets: dict[str, tuple[str, str]], crystal: Callable
) -> tuple[MaterialsDataset, dict[str, int], dict[str, str]]:
    """The table of a zip archive with a JSON list, how many records there were, and id -> reason of what is left out.

    Of records with the same id the first is used.
    """
    listed, found, left_out = _read(path), {}, {}
    for record in listed:
        found.setdefault(str(record.get(key, "")), record)
    names, valid, crystals = list(found), [], []
    with progress(total=len(names), desc="reading", unit="structure") as bar:
        results = map_rows(crystal, lambda row: found[names[row]], list(range(len(names))), 1, bar)
        for name, result in zip(names, results, strict=True):
            if isinstance(result, str):
                left_out[name] = result
            else:
                valid.append(name)
                crystals.append(result)
    columns = {
        new: Target(np.array([number_of(found[name].get(old)) for name in valid]), unit)
        for old, (new, unit) in targets.items()
    }
    table = MaterialsDataset.from_structures(valid, crystals, columns, origin=path.name)
    return table, {"records": len(listed), "distinct": len(found)}, left_out


def _read(path: Path) -> list[dict]:
    try:
        with zipfile.ZipFile(path) as files:
            name = next(name for name in files.namelist() if name.endswith(".json") and "__MACOSX" not in name)
            with files.open(name) as file:
                found = json.load(file)
    except (zipfile.BadZipFile, StopIteration, ValueError, EOFError) as error:
        raise UserError(f"{path} is no archive with a JSON list ({error}); fetch it again") from None
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        raise UserError(f"{path} has no list of records; fetch it again")
    return found


SOURCES = {"jarvis-dft-3d": jarvis_dft_3d, "snumat-hse": snumat_hse, "megnet-2018": megnet_2018}
