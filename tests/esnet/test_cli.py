"""The `esnet` command as a user types it."""

import csv
import gzip
import json
import shutil
import sys

import h5py
import pytest

from common.sources.mini import PATH
from esnet.cli import main
from esnet.spec import SPEC
from tests.esnet.densities import complete_dos

TRAIN = ["train", "mini", "--target", "formation_energy", "--network", "esnet-cnn", "--epochs", "1", "--batch", "64"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("esnet") / "model"
    assert main([*TRAIN, "--model", str(folder)]) == 0
    return folder


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.h5"
    with h5py.File(PATH) as source, h5py.File(path, "w") as file:
        file.attrs.update({name: source.attrs[name] for name in ("channels", "energies_eV", "engine")})
        for name in ("NaCl-B1", "MgO-B1"):
            source.copy(f"materials/{name}", file.require_group("materials"))
    return path


def test_training_stores_what_it_was_trained_on(model):
    card = json.loads((model / "model.json").read_text())
    assert card["model"] == "esnet-cnn" and card["config"]["reference"] == "fermi"
    rows = list(csv.DictReader((model / "test.csv").read_text().splitlines()))
    assert len(rows) == 67 and set(rows[0]) == {"id", "target", "prediction"}


def test_predict_an_own_file(model, own, capsys):
    assert main(["predict", "--model", str(model), str(own)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "formula", "formation_energy", "unit"]
    assert [line.split()[0] for line in lines[1:]] == ["MgO-B1", "NaCl-B1"]
    assert all(line.endswith("eV/atom") for line in lines[1:])


def test_predict_files_and_name_what_is_wrong(model, tmp_path, capsys):
    files = [
        complete_dos(tmp_path / "silicon.json"),
        complete_dos(tmp_path / "short.json", low=12.0),
        complete_dos(tmp_path / "local.json", name="LobsterCompleteDos"),
        tmp_path / "vasprun.xml",
        tmp_path / "DOSCAR.lobster.gz",
        tmp_path / "list.json",
        tmp_path / "text.json",
    ]
    files[3].write_text("<modeling>")
    files[4].write_bytes(gzip.compress(b"x"))
    files[5].write_text("[1, 2]")
    files[6].write_text("{")
    assert main(["predict", "--model", str(model), *map(str, files), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["formula"], one["unit"]) for one in found["predictions"]] == [("silicon", "Si", "eV/atom")]
    for name, words in {
        "short.json": "less than 10 eV of the axis",
        "local.json": "LOBSTER",
        "vasprun.xml": "cannot be read as a vasprun.xml",
        "DOSCAR.lobster.gz": "LOBSTER",
        "list.json": "holds 0 CompleteDos",
        "text.json": "cannot be read as JSON",
    }.items():
        assert words in found["left_out"][str(tmp_path / name)]
        assert str(tmp_path) not in found["left_out"][str(tmp_path / name)]
    assert main(["predict", "--model", str(model), *map(str, files), "--strict"]) == 2


def test_a_list_of_one_record_will_do(model, tmp_path, capsys):
    found = json.loads(complete_dos(tmp_path / "one.json").read_text())
    (tmp_path / "one.json").write_text(json.dumps([found]))
    assert main(["predict", "--model", str(model), str(tmp_path / "one.json"), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("one,Si,")


@pytest.mark.slow
def test_train_on_a_folder_with_id_prop(tmp_path, capsys):
    folder = tmp_path / "data"
    folder.mkdir()
    for number, symbol in enumerate(("Si", "Cu", "Al", "Ag", "Pt")):
        complete_dos(folder / f"m{number}.json", symbol=symbol)
    lines = ["id,energy (eV/atom)", *(f"m{number},{number / 10}" for number in range(5)), "m9,1.0"]
    (folder / "id_prop.csv").write_text("\n".join(lines) + "\n")
    train = ["train", str(folder), "--target", "energy", "--network", "esnet-cnn", "--epochs", "1"]
    assert main([*train, "--split-ratio", "3:1:1", "--model", str(tmp_path / "m")]) == 0
    out, err = capsys.readouterr()
    assert "eV/atom" in out and "left out: m9: the folder has no file of this name" in err
    assert json.loads((tmp_path / "m" / "model.json").read_text())["unit"] == "eV/atom"


@pytest.mark.slow
def test_the_released_variant_says_that_it_sees_the_test_part(own, tmp_path, capsys):
    with h5py.File(PATH) as source, h5py.File(own, "a") as file:
        for name in list(source["materials"])[:8]:
            source.copy(f"materials/{name}", file["materials"])
    train = ["train", str(own), "--target", "formation_energy", "--network", "esnet-cnn", "--epochs", "1"]
    assert main([*train, "--variant", "released", "--model", str(tmp_path / "m")]) == 0
    out, err = capsys.readouterr()
    assert "chooses its epoch on the test set" in err and "validation" not in out
    # Its absolute energies are GPAW's; VASP's need the option.
    path = complete_dos(tmp_path / "si.json")
    predict = ["predict", "--model", str(tmp_path / "m"), str(path)]
    assert main(predict) == 2 and "absolute energies are from VASP" in capsys.readouterr().err
    assert main([*predict, "--accept-other-inputs"]) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("covered_eV", [1.0]),
        ("covered_eV", [50.0, 60.0]),
        ("targets", "[1]"),
        ("targets", '{"a": [1, 2, 3]}'),
        ("targets", '{"a": ["x", 1]}'),
        ("targets", "{"),
        ("band_edges_rel_eV", 1.0),
    ],
)
def test_damaged_attributes_are_one_line(model, own, capsys, name, value):
    with h5py.File(own, "a") as file:
        for group in file["materials"].values():
            group.attrs[name] = value
    assert main(["predict", "--model", str(model), str(own)]) == 2
    err = capsys.readouterr().err.splitlines()
    assert len(err) <= 4 and all(line.startswith(("left out: ", "esnet: ")) for line in err)


def test_dft_options_without_dft(model, own, capsys):
    for option in (["--retry"], ["--time-limit", "5"]):
        assert main(["predict", "--model", str(model), str(own), *option]) == 2
        assert f"{option[0]} is for --dft; leave it out" in capsys.readouterr().err


def test_evaluate(model, own, capsys):
    assert main(["evaluate", "--model", str(model), str(own), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["errors"]["all"]["n"] == 2


def test_structures_have_no_densities(model, tmp_path, capsys):
    (tmp_path / "POSCAR").write_text("Si\n1.0\n3 0 0\n0 3 0\n0 0 3\nSi\n1\ndirect\n0 0 0\n")
    assert main(["predict", "--model", str(model), str(tmp_path / "POSCAR")]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and "no densities of states" in err[0] and "--dft gpaw" in err[0]
    assert main(["predict", "--model", str(model), str(tmp_path / "POSCAR"), "--dft", "abinit"]) == 2
    assert "DFT backend 'abinit' is unknown" in capsys.readouterr().err


SALT = "NaCl\n1.0\n0 2.8 2.8\n2.8 0 2.8\n2.8 2.8 0\nNa Cl\n1 1\ndirect\n0 0 0\n.5 .5 .5\n"


def test_densities_can_be_computed_on_the_way(model, standin, tmp_path, monkeypatch, capsys):
    """They are stored: finished calculations are not repeated, failed ones only with --retry."""
    monkeypatch.setenv("MATREPRO_CACHE", str(tmp_path / "cache"))
    for name, metal in (("salt", "Na"), ("poison", "Po"), ("other", "K")):
        (tmp_path / f"{name}.vasp").write_text(SALT.replace("Na Cl", f"{metal} Cl"))
    files = [str(tmp_path / f"{name}.vasp") for name in ("salt", "poison", "other")]
    arguments = ["predict", "--model", str(model), *files, "--dft", "gpaw", "--json", "--jobs", "2"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [(one["id"], one["formula"]) for one in found["predictions"]] == [("salt", "NaCl"), ("other", "KCl")]
    assert "no PAW dataset for Po" in found["left_out"]["poison"] and "left out: poison" in err
    assert "1 of 3 calculations failed; repeat them with --retry" in err
    stored = err.partition("densities of states are stored in ")[2].split()[0]
    assert main(["predict", "--model", str(model), stored, "--csv"]) == 0
    csv_of_file = capsys.readouterr().out.splitlines()[1:]
    assert main([*arguments, "--time-limit", "60"]) == 0 and len(standin()) == 3
    again = json.loads(capsys.readouterr().out)["predictions"]
    assert sorted(line.split(",")[2] for line in csv_of_file) == sorted(f"{one['value']:.9g}" for one in again)
    assert main([*arguments, "--retry"]) == 0 and len(standin()) == 4
    capsys.readouterr()
    assert main([*arguments, "--strict"]) == 2
    assert "poison: GPAW finds no PAW dataset" in capsys.readouterr().err.splitlines()[-1]
    # A time limit holds here too.
    (tmp_path / "endless.vasp").write_text(SALT.replace("Na Cl", "At Cl"))
    single = ["predict", "--model", str(model), str(tmp_path / "endless.vasp"), "--dft", "gpaw"]
    assert main([*single, "--time-limit", "1"]) == 2
    assert "not finished within the time limit of 1 s" in capsys.readouterr().err


def test_what_densities_do_not_cover_is_said(model, tmp_path, capsys):
    """Of files, and of what was written into HDF5 from them."""
    for number, low in enumerate((-3.0, -5.0)):
        complete_dos(tmp_path / f"m{number}.json", low=low)
    files = [str(tmp_path / f"m{number}.json") for number in (0, 1)]
    words = "2 of 2 densities of states end before the axis of -20 to 10 eV does: m0 covers -4.0 to 10.0 eV, m1 covers"
    assert main(["predict", "--model", str(model), *files]) == 0
    assert words in capsys.readouterr().err
    assert main(["dos", "read", *files, "--output", str(tmp_path / "dos.h5")]) == 0
    assert main(["predict", "--model", str(model), str(tmp_path / "dos.h5")]) == 0
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".json.gz", ".json.GZ", ".json.bz2", ".json.xz"])
def test_compressed_files(model, tmp_path, capsys, ending):
    import bz2
    import lzma

    squeeze = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[ending.rpartition(".")[2].lower()]
    whole = squeeze(complete_dos(tmp_path / "plain.json").read_bytes())
    (tmp_path / f"si{ending}").write_bytes(whole)
    assert main(["predict", "--model", str(model), str(tmp_path / f"si{ending}"), "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("si,Si,")
    spoilt = [whole[: len(whole) // 2], *(whole[:at] + b"\xff\xff" + whole[at + 2 :] for at in range(40, 400, 30))]
    for number, damaged in enumerate([*spoilt, squeeze(b"[" * 100_000)]):
        (tmp_path / f"bad{number}{ending}").write_bytes(damaged)
    files = sorted(tmp_path.glob("bad*"))
    assert main(["predict", "--model", str(model), str(tmp_path / f"si{ending}"), *map(str, files), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # Two bytes of the densities themselves may be damaged without anybody noticing.
    assert len(found["left_out"]) >= len(files) - 4 and "si" in [one["id"] for one in found["predictions"]]
    assert str(tmp_path / f"bad{len(files) - 1}{ending}") in found["left_out"]


def test_help_loads_nothing_heavy():
    import subprocess

    code = (
        "import sys; from esnet.cli import main\n"
        "try: main(['predict', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('tensorflow', 'keras', 'pymatgen', 'sklearn', 'h5py', 'gpaw', 'ase') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and "esnet predict --model energy_model vasprun.xml" in done.stdout


@pytest.mark.real
def test_predict_real_files(model, real_data, tmp_path, capsys):
    """Every example is read or refused for a stated reason, without stopping the others."""
    folder = tmp_path / "files"
    folder.mkdir()
    for path in (real_data / "dos" / "mp_examples").iterdir():
        if path.suffix not in (".md", ".txt"):
            shutil.copy(path, folder)
    assert main(["predict", "--model", str(model), str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    reasons = {
        "lobster_DOSCAR_GaAs_mp-2534.gz": "LOBSTER",
        "lobster_completedos_MnO.json": "LOBSTER",
        "vasprun_CeO2_hse06_spin_f.xml.gz": "without convergence",
        "completedos_WO2_list.json.gz": "holds 2 CompleteDos",
    }
    assert {path.rpartition("/")[2] for path in found["left_out"]} == set(reasons)
    for path, reason in found["left_out"].items():
        assert reasons[path.rpartition("/")[2]] in reason
    formulas = {one["id"]: one["formula"] for one in found["predictions"]}
    assert len(formulas) == 13 and formulas["vasprun_OsO2_pbesol_nospin"] == "OsO2"
    assert formulas["vasprun_CsCl_spin"] == "CsCl" and formulas["completedos_TaZnCo2_mp-865805"] == "TaZnCo2"
    assert main(["predict", "--model", str(model), str(folder), "--json", "--accept-other-inputs"]) == 0
    assert json.loads(capsys.readouterr().out) == found  # the option relaxes checks and changes no input
    single = ["predict", "--model", str(model), str(folder / "vasprun_Si_nospin.xml.gz"), "--csv"]
    assert main(single) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("vasprun_Si_nospin,Si,")


def test_the_paper_knows_its_networks():
    assert SPEC.default == "esnet" and set(SPEC.networks) == {"esnet", "esnet-cnn"}
