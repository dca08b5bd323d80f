"""Lists and JSON records as their publishers write them, fetched from the server and made into sources."""

import json

import numpy as np
import pytest

from common.errors import UserError
from common.sources import datadir, load_source
from common.sources.remote import tables, writing
from tests.common.sources.published import archive, rows
from tests.structure_files import CIF

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
    assert table.target("formation_energy").values.tolist() == [-1.5] and table.formulas.tolist() == ["MgO"]
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
