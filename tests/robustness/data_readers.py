"""Readers of structures, tables, densities of states, pictures and published data."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from common.cli.streaming import chunks
from common.data.loading import load_labeled
from common.data.materials import MaterialsDataset
from common.errors import UserError
from common.sources import files, load_source, mini
from common.sources.remote import registry
from diffcomp.composition.element_table import PATH as ELEMENTS
from diffcomp.composition.element_table import element_space
from diffcomp.measured.composition import read_composition
from diffcomp.measured.files import read_picture
from diffcomp.measured.table import samples
from esnet.dos.reading import read_dos_file
from tests.esnet.densities import complete_dos
from tests.esnet.vasprun import vasprun
from tests.robustness.reader import Reader

POSCAR = "NaCl\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
CIF = (
    "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
    "_atom_site_fract_z\nNa1 Na 0 0 0\nCl1 Cl 0.5 0.5 0.5\n"
)
CSV = "id,formula,gap (eV)\na,NaCl,5.0\nb,Si,1.1\nc,CaTiO3,3.2\n"


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


def _folder(path: Path) -> None:
    """`id_prop.csv` and the crystals that it names."""
    for name in "ab":
        (path.parent / f"{name}.cif").write_text(CIF)
    path.write_text("id,gap (eV)\na,1.5\nb,2.5\n")


def _published(name: str) -> Callable[[Path], object]:
    """A reader of the source whose file in the data directory is `name`, with the content of a path."""

    def read(path: Path) -> object:
        file = path.parent / name
        file.parent.mkdir(exist_ok=True)
        data = path.read_bytes()
        file.write_bytes(gzip.compress(data) if file.suffix == ".gz" and path.suffix != ".gz" else data)
        os.environ["MATREPRO_DATA"] = str(path.parent)
        return load_source("matbench-phonons-structures" if "jsonl" in name else "matbench-expt-gap")

    return read


MATBENCH = "id,reduced_formula,target,fold\nmb-1,NaCl,5.0,0\nmb-2,Si,1.1,1\nmb-3,MgO,7.8,2\n"
PHONONS = "".join(
    json.dumps({"id": f"mb-{k}", "reduced_formula": "NaCl", "target": 1.5, "fold": k, "numbers": [11, 17],
                "lattice": [[4, 0, 0], [0, 4, 0], [0, 0, 4]], "frac": [[0, 0, 0], [0.5, 0.5, 0.5]]}) + "\n"
    for k in range(3)
)  # fmt: skip
GAP, DISPLACED = "composition/matbench_expt_gap.csv.gz", "structures_extra/matbench_phonons.jsonl.gz"
MEASURED = 'id,composition,pattern\na,SnO2,a.png\nb,"Sn=33.1+-0.5,O=66.9+-0.5",b.png\n'
CHUNK = 2
REGISTRY = """figshare_api: https://example.org/v2
data:
  alloys:
    title: binary alloys
    licence: none stated
    citation: doi:10.1000/1
    files:
      - {name: alloys.zip, address: "https://example.org/alloys.zip", checksum: "sha256:00", size: 12}
    rows: {structures: 7391}
    makes: [alloys.csv]
    sources: [alloys]
    reader: module:write
"""


def _samples(path: Path) -> None:
    for sample in samples(path):
        with suppress(UserError):  # one row is refused, the others are read
            read_composition(sample.composition)


DATA_READERS = (
    Reader("table.csv", lambda p: p.write_text(CSV), lambda p: load_labeled(str(p), "gap")),
    Reader("table.csv.gz", lambda p: p.write_bytes(gzip.compress(CSV.encode())), files.load, text=False),
    Reader("formulas.csv", lambda p: p.write_text(CSV), lambda p: list(chunks(p, CHUNK))),
    Reader("id_prop.csv", _folder, lambda p: files.load(p.parent, target="gap", strict=True)),
    Reader("structure.cif", lambda p: p.write_text(CIF), _strictly),
    Reader("structure.cif.gz", lambda p: p.write_bytes(gzip.compress(CIF.encode())), _strictly, text=False),
    Reader("POSCAR", lambda p: p.write_text(POSCAR), _strictly),
    Reader("table.h5", _structures, _all_of, text=False),
    Reader("densities.h5", _densities, _all_densities, text=False),
    Reader("dos.json", complete_dos, read_dos_file),
    Reader("dos.json.gz", lambda p: p.write_bytes(gzip.compress(complete_dos(p).read_bytes())), read_dos_file, False),
    Reader("vasprun.xml", vasprun, read_dos_file),
    Reader("picture.png", _picture, read_picture, text=False),
    Reader("picture.jpg", _picture, read_picture, text=False),
    Reader("picture.tif", _picture, read_picture, text=False),
    Reader("measured.csv", lambda p: p.write_text(MEASURED), _samples),
    Reader("elements.csv", lambda p: p.write_bytes(ELEMENTS.read_bytes()), element_space.__wrapped__),
    Reader("matbench.csv", lambda p: p.write_text(MATBENCH), _published(GAP)),
    Reader("matbench.csv.gz", lambda p: p.write_bytes(gzip.compress(MATBENCH.encode())), _published(GAP), text=False),
    Reader("phonons.jsonl", lambda p: p.write_text(PHONONS), _published(DISPLACED)),
    Reader("registry.yaml", lambda p: p.write_bytes(REGISTRY.encode()), registry.load),
)
