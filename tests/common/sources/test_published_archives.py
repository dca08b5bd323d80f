"""Archives as their publishers write them, fetched from the server and made into sources."""

import numpy as np
import pytest

from common.data.splits import Split
from common.errors import UserError
from common.sources import datadir, load_source
from tests.common.sources.published import archive, rows
from tests.structure_files import CIF

CELL = """data_image0
_cell_length_a {a}
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
loop_
  _space_group_symop_operation_xyz
  'x, y, z'
loop_
  _atom_site_type_symbol
  _atom_site_label
  _atom_site_fract_x
  _atom_site_fract_y
  _atom_site_fract_z
  Bi Bi1 0.5 0.25 0.0
  Au Au1 0.0 0.5 0.5
"""


def test_the_archive_of_finder(get, capsys):
    header = "ID,formula,target,cif\n"

    def part(*names):
        return header + "".join(f'{name},NaCl,{k}.5,"{CIF}"\n' for k, name in enumerate(names))

    files = {
        f"MP_2021_July_no_polymorph/{folder}/{name}.csv": part(*ids)
        for folder in ("formation_energy", "bandgap", "shear_modulus", "poisson")
        for name, ids in {"train": ("mp-1", "mp-2"), "val": ("mp-3",), "test": ("mp-4",)}.items()
    }
    get("finder", {"data.zip": archive(files)}, "finder.datasets.archive:write", ["finder/none"])
    table = load_source("finder-e-form")
    assert table.ids.tolist() == ["mp-1", "mp-2", "mp-3", "mp-4"] and table.has_structures
    assert table.target("formation_energy").values.tolist() == [0.5, 1.5, 0.5, 0.5]
    assert len(rows(datadir.place("finder/log_g.csv"))) == 4
    assert "the folder poisson is none of the paper's six properties" in capsys.readouterr().err
    split = Split.load(datadir.place("finder/e_form-split.json"))
    assert (split.train, split.validation, split.test) == (("mp-1", "mp-2"), ("mp-3",), ("mp-4",))
    with pytest.raises(UserError, match=r"finder/n\.csv is not there"):
        load_source("finder-n")


@pytest.mark.parametrize("data", [b"no archive", archive({"a/train.csv": "x\n1\n"})])
def test_an_archive_of_finder_that_changed(get, data):
    with pytest.raises(UserError, match=r"no archive has folders with train\.csv.*its publisher changed it"):
        get("finder", {"data.zip": data}, "finder.datasets.archive:write", ["finder/none"])


def alloys(**changed) -> dict[str, bytes]:
    files = {
        "D/README.md": "x",
        "D/2eORR_fin/id_prop.csv": "100000,-0.021111335\n100001,-0.106557353\n",
        **{f"D/2eORR_{s}/10000{k}.cif": CELL.format(a=4 + k / 10) for s in ("ini", "fin") for k in (0, 1)},
        **changed,
    }
    published = ",name,target,prediction\n0,Bi_Au_mp-1,-0.1065573531,-0.2\n"
    return {"D-CGCNN-5107e1a.zip": archive(files), "ESNet_IS2RE_results.csv": published.encode()}


def test_the_archive_of_the_alloys(get):
    get("orr", alloys(), "esnet.datasets.orr_archive:write", ["dos/none"])
    table = load_source("orr-relaxed")
    assert table.ids.tolist() == ["100001"], "the other one is not in the published test"
    assert table.target("formation_energy").values.tolist() == [-0.106557353]
    crystal = table.structure(0)
    assert crystal.numbers.tolist() == [83, 79] and np.linalg.norm(crystal.lattice, axis=1) == pytest.approx(
        [4.1, 4, 4]
    )
    assert crystal.lattice[0] @ crystal.lattice[1] == pytest.approx(-0.5 * 4.1 * 4)
    assert crystal.frac.tolist() == [[0.5, 0.25, 0.0], [0.0, 0.5, 0.5]]


def test_alloys_that_cannot_be_used(get):
    swapped = CELL.format(a=4).replace("Bi Bi1", "Xx").replace("Au Au1", "Bi Bi1").replace("Xx", "Au Au1")
    with pytest.raises(UserError, match="the atoms of 100000 change their order"):
        get("orr", alloys(**{"D/2eORR_fin/100000.cif": swapped}), "esnet.datasets.orr_archive:write", ["dos/none"])
    more = CELL.format(a=4).replace("  'x, y, z'\n", "  'x, y, z'\n  '-x, -y, -z'\n")
    with pytest.raises(UserError, match="100000: its CIF does not write every atom out"):
        get("orr2", alloys(**{"D/2eORR_ini/100000.cif": more}), "esnet.datasets.orr_archive:write", ["dos/none"])
    with pytest.raises(UserError, match="it is not the archive of the repository"):
        get("orr3", {**alloys(), "D-CGCNN-5107e1a.zip": b"PK"}, "esnet.datasets.orr_archive:write", ["dos/none"])
