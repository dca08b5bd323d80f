"""Projected densities of states of many materials, in HDF5 files that are read material by material.

The layout is that of the embedded dataset: `/materials/<name>/` with `dos_rel` and `dos_abs` (channels, n), energies
from the Fermi level and on the program's own zero, of which one is enough, `cell`, `scaled_positions`, `numbers`, and
as attributes `efermi_eV`, `band_edges_rel_eV`, `spin_polarized`; `channels`, `energies_eV` and "engine" (the program)
as attributes of the file. A material may name its own program, what its densities are per (`normalisation`),
`f_left_out`, and the energies that are known (`covered_eV`, on the program's own zero); the rest is not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from common.errors import UserError
from common.io.hdf5 import guarded, open_hdf5

if TYPE_CHECKING:
    import h5py


class Densities(NamedTuple):
    """One material's densities of states as its file has them.

    values: (channels, n) in states/eV, in a cell unless `per` says otherwise, both spins positive; energies: (n,) eV.
    channels: such as "dxy up". aligned: whether energies count from the Fermi level, not from the program's own zero.
    fermi: eV on the program's own zero. valence_top: eV from the Fermi level. more_orbitals: whether there were f
    orbitals that are not among the channels.
    """

    values: np.ndarray
    energies: np.ndarray
    channels: tuple[str, ...]
    aligned: bool
    fermi: float
    valence_top: float
    polarized: bool
    program: str
    numbers: np.ndarray
    per: str = "cell"
    more_orbitals: bool = False


class DensityStore(Protocol):
    """What a `MaterialsDataset` asks of the place where its densities are."""

    def read(self, row: int, *, aligned: bool = True) -> Densities: ...


class DensitiesInMemory:
    """A few materials that were read from files of their own."""

    def __init__(self, items: Sequence[Densities]):
        self.items = list(items)

    def read(self, row: int, *, aligned: bool = True) -> Densities:
        return self.items[row]


class DensitiesInFile:
    """The groups of one HDF5 file. The file is opened when it is first needed, by every process for itself."""

    def __init__(self, path: str | Path, names: Sequence[str]):
        self.path, self.names = Path(path), list(names)
        self._file: h5py.File | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def read(self, row: int, *, aligned: bool = True) -> Densities:
        with guarded(self.path):
            file = self._file
            if file is None:
                file = self._file = open_hdf5(self.path)
                self._energies, self._channels, self._program = axis_of(file, self.path)
            group = file["materials"][self.names[row]]
            return read_group(group, self._energies, self._channels, program=self._program, aligned=aligned)


def axis_of(file: h5py.File, path: str | Path) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Energies, channels and program common to the materials of a file."""
    try:
        energies = np.asarray(file.attrs["energies_eV"], dtype=np.float64)
        channels = tuple(json.loads(file.attrs["channels"]))
    except (KeyError, ValueError, TypeError):
        raise UserError(f"{path} does not say its energies_eV and channels; it is no file of densities") from None
    return energies, channels, str(file.attrs.get("engine", "unknown")).split()[0]


def read_group(
    group: h5py.Group, energies: np.ndarray, channels: Sequence[str], *, program: str = "GPAW", aligned: bool = True
) -> Densities:
    """One `/materials/<name>`; `aligned` chooses between its two forms where it has both."""
    form = "dos_rel" if aligned else "dos_abs"
    if form not in group:
        form = {"dos_rel": "dos_abs", "dos_abs": "dos_rel"}[form]
    try:
        values, attributes = group[form][:].astype(np.float32), group.attrs
        if values.shape != (len(channels), len(energies)):
            raise UserError(
                f"densities of shape {values.shape} for {len(channels)} channels x {len(energies)} energies"
            )
        fermi, known = float(attributes["efermi_eV"]), slice(None)
        if "covered_eV" in attributes:
            low, high = attributes["covered_eV"] - (fermi if form == "dos_rel" else 0.0)
            known = _within(energies, low, high)
        return Densities(
            values[:, known],
            energies[known],
            tuple(channels),
            form == "dos_rel",
            fermi,
            float(attributes["band_edges_rel_eV"][0]),
            bool(attributes["spin_polarized"]),
            # A row may name its versions and libraries too; energies depend on the program.
            str(attributes.get("engine", program)).partition(" ")[0],
            group["numbers"][:],
            str(attributes.get("normalisation", "cell")),
            bool(attributes.get("f_left_out", False)),
        )
    except (KeyError, OSError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"its densities of states are incomplete or damaged ({error}); compute them again") from None


def _within(energies: np.ndarray, low: float, high: float) -> slice:
    """The rising energies within two ends, and the step in which each end is."""
    half = (energies[1] - energies[0]) / 2
    first, end = np.searchsorted(energies, [low - half, high + half])
    if end - first < 2:
        raise UserError(f"its densities of states cover {low:.1f} to {high:.1f} eV, nothing of the stored energies")
    return slice(int(first), int(end))


def densities_key(densities: Densities) -> str:
    """A content hash: the key under which what is computed from them is cached."""
    plain = [value for value in densities if not isinstance(value, np.ndarray)]
    sha = hashlib.sha1(json.dumps(plain).encode())
    for value in densities:
        if isinstance(value, np.ndarray):
            sha.update(np.ascontiguousarray(value).data)
    return sha.hexdigest()
