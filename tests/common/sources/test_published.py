"""Files as their publishers write them, fetched from the server and made into those that the sources read."""

import csv
import gzip
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from common.errors import UserError
from common.sources import datadir, load_source
from common.sources.remote import fetching, matbench, tables, writing
from common.splits import Split
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


def archive(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as target:
        for name, text in files.items():
            target.writestr(name, text)
    return held.getvalue()


@pytest.fixture
def get(world, stated):
    """`get(name, {file: bytes}, reader)`: fetch an entry with these files and make its own."""

    def fetch(name: str, files: dict[str, bytes], reader: str = "", makes=(), **more):
        world.files.update(files)
        entry = {"files": [{"name": file} for file in files], "reader": reader, "makes": list(makes), **more}
        made = stated({name: entry})
        return writing.make(made[name], fetching.fetch(made[name], made), renew=True)

    return fetch


def rows(path) -> list[dict]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


# --- lists ---------------------------------------------------------------------------------------

GAPS = (
    "Material,MP_ID,ICSD_ID,Calculated and experimental band gaps.,,,,,DOI\n"
    ",,,LDA,PBE,HSE06,PBE0_mix,Experimental,\n"
    'Ag2O,mp-353,247821,0.01,0.03,1.20,2.63,1.30,"10.1103/a, b",\n'
    "Ar,mp-23155,24788,8.18,8.71,10.34,12.96,14.15,,\n"
)
ENTHALPIES = "material_id,exp,mp,diff\nmp-1,-0.42,-0.96,0.54\nmvc-2,-0.24,-0.76,0.51\n"


def test_lists_of_profit(get):
    files = {
        "ct9b00322_si_002.csv": GAPS.encode(),
        "experimental_dataset.csv": ENTHALPIES.encode(),
        "mp-ids-46744.csv": b"mp-1\nmp-353\nmvc-2\n",
    }
    ids, gaps, enthalpies = (rows(path) for path in get("profit-lists", files, "lists:profit", ["mp/none"]))
    assert [row["material_id"] for row in ids] == ["mp-1", "mp-353", "mvc-2"]
    assert [(row["material_id"], row["formula"], row["Eg_exp"], row["HSE06"]) for row in gaps] == [
        ("mp-353", "Ag2O", "1.30", "1.20"),
        ("mp-23155", "Ar", "14.15", "10.34"),
    ]
    assert [(row["material_id"], row["dHf_exp"], row["dHf_mp"]) for row in enthalpies] == [
        ("mp-1", "-0.42", "-0.96"),
        ("mvc-2", "-0.24", "-0.76"),
    ]


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("ct9b00322_si_002.csv", GAPS.replace("MP_ID", "id"), "its header lacks MP_ID"),
        ("experimental_dataset.csv", ENTHALPIES.replace("exp,", "measured,"), "its header is material_id, measured"),
        ("mp-ids-46744.csv", "a,b\n1,2\n", "it has no ids such as mp-149"),
    ],
)
def test_a_list_that_changed_is_named(get, file, text, words):
    files = {
        "ct9b00322_si_002.csv": GAPS.encode(),
        "experimental_dataset.csv": ENTHALPIES.encode(),
        "mp-ids-46744.csv": b"mp-1\n",
    }
    with pytest.raises(UserError, match=rf"{file}: {words}.*; its publisher changed it"):
        get("profit-lists", {**files, file: text.encode()}, "lists:profit", ["mp/none"])


def test_test_materials_of_the_diffraction_paper(get):
    row = '"./Data/DiffractionPatterns/{}.jpg",{},' + ",".join(["0.5"] * 60) + "\n"
    files = {
        "1_test_Ef.dat": (row.format("mp-975422", -1.66) + row.format("mvc-15907", -2.4)).encode(),
        "1_test_Eg.dat": row.format("mp-230", 3.5).encode(),
    }
    energies, gaps = (rows(path) for path in get("diffcomp-test", files, "lists:diffcomp", ["mp/none"]))
    assert [(r["material_id"], r["target"], r["v60"]) for r in energies] == [
        ("mp-975422", "-1.66", "0.5"),
        ("mvc-15907", "-2.4", "0.5"),
    ]
    assert gaps[0]["material_id"] == "mp-230" and len(gaps[0]) == 62
    with pytest.raises(UserError, match="a row of it begins with 'nothing'"):
        get("diffcomp-new", {**files, "1_test_Eg.dat": b"nothing,1\n"}, "lists:diffcomp", ["mp/none"])


# --- Matbench ------------------------------------------------------------------------------------


@pytest.fixture
def task(world, tmp_path, monkeypatch):
    """A small `matbench_phonons` and `matbench_expt_gap` on the server, of which matminer's metadata say the hash."""
    import pandas
    from matminer.datasets import dataset_retrieval
    from matminer.utils.io import store_dataframe_as_json
    from pymatgen.core import Lattice, Structure

    structures = [Structure(Lattice.cubic(4 + k), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]) for k in range(7)]
    frames = {
        "matbench_phonons": {"structure": structures, "last phdos peak": np.arange(7.0) * 100},
        "matbench_expt_gap": {
            "composition": ["Ag(AuS)2", "Si", "NaCl", "Fe0.5O", "MgO"],
            "gap expt": [0.0, 1, 8, 2, 7],
        },
    }
    known = {}
    for name, columns in frames.items():
        path = tmp_path / f"{name}.json.gz"
        store_dataframe_as_json(pandas.DataFrame(columns), str(path), compression="gz")
        world.files[path.name] = path.read_bytes()
        known[name] = {
            "url": f"{world.address}/files/{path.name}",
            "hash": hashlib.sha256(path.read_bytes()).hexdigest(),
            "file_type": "json.gz",
        }
    monkeypatch.setattr(dataset_retrieval, "_dataset_dict", known)
    return known


def test_a_task_with_structures_and_folds(get, world, task):
    name = "matbench_phonons.json.gz"
    get("matbench-phonons", {name: world.files[name]}, "matbench:write", ["composition/none"])
    table = load_source("matbench-phonons-structures")
    assert table.ids.tolist() == [f"mb-phonons-{k}" for k in range(1, 8)]
    assert table.target("last_phdos_peak").values.tolist() == [100.0 * k for k in range(7)]
    assert table.formulas.tolist() == ["NaCl"] * 7 and np.allclose(table.structure(2).lattice, np.eye(3) * 6)
    assert np.array_equal(table.target("fold").values, matbench.folds(7))
    assert np.array_equal(load_source("matbench-phonons").target("fold").values, matbench.folds(7))


def test_a_task_of_formulas(get, world, task):
    name = "matbench_expt_gap.json.gz"
    get("matbench-expt-gap", {name: world.files[name]}, "matbench:write", ["composition/none"])
    table = load_source("matbench-expt-gap")
    assert table.formulas.tolist() == ["S2Ag1Au2".replace("1", ""), "Si", "NaCl", "O2Fe", "OMg"]
    assert table.target("Eg_exp").values.tolist() == [0.0, 1.0, 8.0, 2.0, 7.0]


def test_matminer_itself_loads_the_same_from_the_server(world, task, tmp_path):
    """matminer's own download, without ours: the server speaks to it too."""
    from matminer.datasets import load_dataset

    theirs = load_dataset("matbench_phonons", data_home=str(tmp_path / "theirs"))
    assert len(theirs) == 7 and world.requests("/files/matbench_phonons") == [""]
    assert matbench.read(tmp_path / "theirs/matbench_phonons.json.gz").equals(theirs)


@pytest.mark.parametrize("data", [gzip.compress(b"{}"), gzip.compress(b"{"), b"none"], ids=["empty", "cut", "other"])
def test_a_task_that_matminer_cannot_read(tmp_path, task, data):
    path = tmp_path / "matbench_phonons.json.gz"
    path.write_bytes(data)
    with pytest.raises(UserError, match="matminer cannot read it"):
        matbench.read(path)


@pytest.mark.real
@pytest.mark.parametrize("name", datadir.MATBENCH)
def test_folds_and_ids_are_those_that_matbench_publishes(real_data, name):
    listed = rows(real_data / f"composition/matbench_{name}.csv.gz")
    assert [row["id"] for row in listed] == matbench.ids(name, len(listed))
    assert [int(row["fold"]) for row in listed] == matbench.folds(len(listed)).tolist()


# --- archives ------------------------------------------------------------------------------------


def test_the_archive_of_finder(get, capsys):
    header = "ID,formula,target,cif\n"

    def part(*names):
        return header + "".join(f'{name},NaCl,{k}.5,"{CIF}"\n' for k, name in enumerate(names))

    files = {
        f"MP_2021_July_no_polymorph/{folder}/{name}.csv": part(*ids)
        for folder in ("formation_energy", "bandgap", "shear_modulus", "poisson")
        for name, ids in {"train": ("mp-1", "mp-2"), "val": ("mp-3",), "test": ("mp-4",)}.items()
    }
    get("finder", {"data.zip": archive(files)}, "finder_archive:write", ["finder/none"])
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
        get("finder", {"data.zip": data}, "finder_archive:write", ["finder/none"])


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
    get("orr", alloys(), "orr_archive:write", ["dos/none"])
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
        get("orr", alloys(**{"D/2eORR_fin/100000.cif": swapped}), "orr_archive:write", ["dos/none"])
    more = CELL.format(a=4).replace("  'x, y, z'\n", "  'x, y, z'\n  '-x, -y, -z'\n")
    with pytest.raises(UserError, match="100000: its CIF does not write every atom out"):
        get("orr2", alloys(**{"D/2eORR_ini/100000.cif": more}), "orr_archive:write", ["dos/none"])
    with pytest.raises(UserError, match="it is not the archive of the repository"):
        get("orr3", {**alloys(), "D-CGCNN-5107e1a.zip": b"PK"}, "orr_archive:write", ["dos/none"])


# --- JSON lists ----------------------------------------------------------------------------------


def atoms(*symbols: str) -> dict:
    coords = [[0.1 * k, 0.0, 0.0] for k in range(len(symbols))]
    return {"lattice_mat": (np.eye(3) * 4).tolist(), "elements": list(symbols), "coords": coords, "cartesian": False}


def test_snumat_and_its_steps(get, capsys):
    records = [
        {"SNUMAT_id": "A", "Band_gap_HSE": 1.5, "Band_gap_GGA": 0.9, "atoms": atoms("Na", "Cl")},
        {"SNUMAT_id": "B", "Band_gap_HSE": 2.5, "Band_gap_GGA": "na", "atoms": atoms("D", "O")},
        {"SNUMAT_id": "A", "Band_gap_HSE": 9.9, "Band_gap_GGA": 9.9, "atoms": atoms("Na", "Cl")},
        {"SNUMAT_id": "C", "Band_gap_HSE": "na", "Band_gap_GGA": 0.1, "atoms": atoms("Si")},
    ]
    get("snumat", {"snumat.json.zip": archive({"snumat.json": json.dumps(records)})})
    table = load_source("snumat-hse")
    assert table.ids.tolist() == ["A", "C"] and table.target("band_gap_hse").unit == "eV"
    assert table.target("band_gap_hse").values[0] == 1.5, "of records with the same id the first counts"
    assert "left out: B: holds deuterium (D)" in capsys.readouterr().err
    traced = tables.snumat_traced()
    assert [(step.name, step.after) for step in traced.steps] == [
        ("duplicates", 3),
        ("without deuterium", 2),
        ("structure can be read", 2),
        ("band_gap_hse known", 1),
    ]
    assert traced.rows == 4
    capsys.readouterr()
    assert len(load_source("snumat-hse")) == 2 and not capsys.readouterr().err, "it is read once"


def test_jarvis_and_megnet(get, capsys):
    records = [{"jid": "JVASP-1", "formation_energy_peratom": -1.5, "ehull": 0.1, "atoms": atoms("Mg", "O")}]
    get("jarvis-dft-3d", {"j.json.zip": archive({"j.json": json.dumps(records)})})
    table = load_source("jarvis-dft-3d")
    assert table.target("formation_energy").values.tolist() == [-1.5] and table.formulas.tolist() == ["OMg"]
    assert np.isnan(table.target("bulk_modulus").values[0]) and table.target("bulk_modulus").unit == "GPa"
    records = [
        {"material_id": "mp-1", "structure": CIF, "formation_energy_per_atom": -2.0, "band_gap": 5.0},
        {"material_id": "mp-2", "structure": "data_nothing", "formation_energy_per_atom": 0.0, "band_gap": 0.0},
    ]
    get("megnet-2018", {"m.json.zip": archive({"m.json": json.dumps(records)})})
    table = load_source("megnet-2018")
    assert table.ids.tolist() == ["mp-1"] and table.target("band_gap").values.tolist() == [5.0]
    assert "left out: mp-2" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"none", archive({"a.txt": ""}), archive({"a.json": "{"}), archive({"a.json": "{}"})])
def test_an_archive_without_a_list(get, data):
    get("snumat", {"snumat.json.zip": data})
    with pytest.raises(UserError, match=r"snumat\.json\.zip .*fetch it again"):
        load_source("snumat-hse")


def test_what_is_not_fetched_says_how(world):
    with pytest.raises(UserError, match="snumat is not fetched yet; run matrepro data get snumat"):
        load_source("snumat-hse")
    with pytest.raises(UserError, match=r"mp-binaries\.h5 is not there; run matrepro data get mp-binaries"):
        load_source("mp-binaries")


def test_files_that_are_there_stay(get, world):
    files = {"1_test_Ef.dat": b"", "1_test_Eg.dat": b""}
    path = datadir.place("mp/mine.csv")
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    world.files.update(files)
    from common.sources.remote.registry import Entry

    entry = Entry("x", "t", "l", "c", makes=("mp/mine.csv",), reader="lists:diffcomp")
    assert writing.make(entry, []) == [path] and path.read_text() == "mine"
