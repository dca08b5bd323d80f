"""Feature files for other programs: matrices, or the factorised weights they expand from, as HDF5 or npz."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.chem.formula import normalize_formula
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.features.ragged import Ragged
from common.io.files import replacing
from common.io.hdf5 import writing_hdf5
from profitnet.atoms import VALENCE, atom_vectors
from profitnet.config import ProfitConfig
from profitnet.features import ProfitFeatures

BATCH = 64


def write_features(
    path: str | Path, table: MaterialsDataset, weights: Ragged, config: ProfitConfig, *, factorised: bool = False
) -> None:
    """Write `id`, `formula` and the features of `table` from its cached `weights`.

    Dense: `matrix` (n, side, side) float32, written batch by batch, so memory stays small.
    Factorised: `atom_vectors` V (100, side) and, flattened, `species` and `weights` W with `species_offset` and
    `weights_offset`; the matrix is V[species].T @ W @ V[species] with square W.
    """
    path = Path(path)
    writers = {".h5": _write_hdf5, ".npz": _write_npz}
    if path.suffix not in writers:
        raise UserError(f"{path}: the name of a feature file must end in .h5 or .npz")
    formulas = [normalize_formula(text) for text in table.formulas.tolist()]
    arrays = {"id": np.char.encode(table.ids, "utf-8"), "formula": np.char.encode(formulas, "utf-8")}
    if factorised:
        arrays |= _factors(weights, config)
    writers[path.suffix](path, arrays, None if factorised else ProfitFeatures(weights, config))


def _factors(weights: Ragged, config: ProfitConfig) -> dict[str, np.ndarray]:
    vectors = atom_vectors(config.polarizability)
    arrays = {"atom_vectors": vectors if config.matrix == "profit" else vectors[:, :VALENCE]}
    for name in ("species", "weights"):
        arrays |= {name: weights.field(name).values, f"{name}_offset": weights.field(name).offset}
    if config.rows == "centre":
        count = np.diff(arrays["species_offset"])
        blocks = [weights.field("weights").row(i).reshape(n, n).T.reshape(-1) for i, n in enumerate(count)]
        arrays["weights"] = np.concatenate(blocks)
    return arrays


def _batches(features: ProfitFeatures, side: int) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(features), BATCH):
        rows = np.arange(start, min(start + BATCH, len(features)))
        yield start, features.batch(rows).reshape(len(rows), side, side)


def _side(features: ProfitFeatures) -> int:
    return round(features.batch(np.array([0])).shape[1] ** 0.5)


def _write_hdf5(path: Path, arrays: dict[str, np.ndarray], features: ProfitFeatures | None) -> None:
    with writing_hdf5(path) as file:
        for name, values in arrays.items():
            file[name] = values
        if features is not None:
            side = _side(features)
            # The matrices are sparse; one chunk per material.
            options = {"chunks": (1, side, side), "compression": "gzip", "compression_opts": 1}
            matrix = file.create_dataset("matrix", (len(features), side, side), dtype="f4", **options)
            for start, batch in _batches(features, side):
                matrix[start : start + len(batch)] = batch


def _write_npz(path: Path, arrays: dict[str, np.ndarray], features: ProfitFeatures | None) -> None:
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.ascontiguousarray(values), allow_pickle=False)
        if features is not None:
            side = _side(features)
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(features), side, side)}
            with archive.open("matrix.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, header)
                for _, batch in _batches(features, side):
                    file.write(np.ascontiguousarray(batch, dtype="<f4").tobytes())
