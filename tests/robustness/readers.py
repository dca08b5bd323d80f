"""Every reader with a small file that it accepts. `make` writes the file, `read` reads it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from PIL import Image

from common.data.loading import load_labeled
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.data.splits import Split
from common.sources import files, load_source, mini
from common.train import checkpoints, recipe_file, saved_model
from diffcomp.composition.element_table import PATH as ELEMENTS
from diffcomp.composition.element_table import element_space
from diffcomp.measured.files import read_picture
from esnet.dos.reading import read_dos_file
from tests.esnet.densities import complete_dos

POSCAR = "NaCl\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
CIF = (
    "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\nNa1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"
)
CSV = "id,formula,gap (eV)\na,NaCl,5.0\nb,Si,1.1\nc,CaTiO3,3.2\n"
CARD = {
    "format": 1, "model": "ofmcnn", "variant": "corrected", "config": {"matrix": "ofm"}, "recipe": {"epochs": 3},
    "seed": 0, "target": "gap", "unit": "eV", "weights": "00", "scale": {"shift": 0.0, "factor": 1.0},
}  # fmt: skip


class Reader(NamedTuple):
    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    text: bool = True


def _structures(path: Path) -> None:
    table = load_source("mini").take(np.arange(6))
    MaterialsDataset.from_structures(table.ids, list(table.structures()), dict(table.targets)).to_hdf5(path)


def _strictly(path: Path) -> None:
    """What cannot be read is an error instead of a line in `left_out`."""
    files.load(path, strict=True)


def _all_of(path: Path) -> None:
    """A table is read lazily: read its structures too."""
    table = files.load(path).table
    list(table.structures() if table.has_structures else ())


def _densities(path: Path) -> None:
    """Three materials of the embedded dataset."""
    with h5py.File(mini.PATH) as whole, h5py.File(path, "w") as file:
        file.attrs.update(whole.attrs)
        for name in list(whole["materials"])[:3]:
            whole.copy(f"materials/{name}", file.require_group("materials"))


def _all_densities(path: Path) -> None:
    table = files.load(path).table
    for row in range(len(table)):
        table.dos(row)


def _picture(path: Path) -> None:
    values = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64) % 251
    Image.fromarray(values.astype(np.uint8)).save(path)


def _predictions(path: Path) -> None:
    Predictions(np.array(["a", "b"]), np.array([1.0, 2.0]), np.array([1.5, 2.5])).save(path)


def _checkpoint(path: Path) -> None:
    checkpoints.save_checkpoint(path, [np.zeros((2, 3))], checkpoints.State("x", 1), [np.ones(4)])


class _Variable:
    shape = (2, 3)

    def assign(self, value: np.ndarray) -> None:
        np.zeros(self.shape)[...] = value


READERS = (
    Reader("table.csv", lambda p: p.write_text(CSV), lambda p: load_labeled(str(p), "gap")),
    Reader("table.csv.gz", lambda p: p.write_bytes(gzip.compress(CSV.encode())), files.load, text=False),
    Reader("structure.cif", lambda p: p.write_text(CIF), _strictly),
    Reader("structure.cif.gz", lambda p: p.write_bytes(gzip.compress(CIF.encode())), _strictly, text=False),
    Reader("POSCAR", lambda p: p.write_text(POSCAR), _strictly),
    Reader("table.h5", _structures, _all_of, text=False),
    Reader("densities.h5", _densities, _all_densities, text=False),
    Reader("dos.json", complete_dos, read_dos_file),
    Reader("picture.png", _picture, read_picture, text=False),
    Reader("picture.tif", _picture, read_picture, text=False),
    Reader("elements.csv", lambda p: p.write_bytes(ELEMENTS.read_bytes()), element_space.__wrapped__),
    Reader("split.json", lambda p: Split(("a", "b"), ("c",), ("d",)).save(p), Split.load),
    Reader("predictions.csv", _predictions, Predictions.load),
    Reader("predictions.csv.gz", _predictions, Predictions.load, text=False),
    Reader("model.json", lambda p: p.write_text(json.dumps(CARD)), lambda p: saved_model.read_card(p.parent)),
    Reader(
        "recipe.json",
        lambda p: recipe_file.RecipeFile("finder", "corrected", {"epochs": 3}).save(p),
        recipe_file.RecipeFile.load,
    ),
    Reader("checkpoint.npz", _checkpoint, lambda p: checkpoints.restore_checkpoint(p, [_Variable()], "x"), text=False),
)
