"""`esnet dos`: compute in a batch, read VASP's and the Materials Project's files."""

import json

import h5py
import numpy as np
import pytest

from common.cli import parser as cli
from common.sources import densities
from esnet.commands.parsers import add_dos
from tests.esnet.densities import complete_dos
from tests.structure_files import CIF, POSCAR


@pytest.fixture
def run(capsys):
    def call(*arguments):
        parser = cli.make_parser("esnet", "", "")
        add_dos(parser.add_subparsers(metavar="COMMAND"))
        status = cli.run(parser, ["dos", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def structures(tmp_path):
    folder = tmp_path / "structures"
    folder.mkdir()
    (folder / "NaCl.cif").write_text(CIF)
    (folder / "POSCAR_KCl").write_text(POSCAR.replace("Na Cl", "K Cl"))
    (folder / "bad.cif").write_text("hello")
    return folder


def test_compute(run, standin, structures, tmp_path):
    status, out, err = run("compute", structures, "--output", tmp_path / "dos.h5", "--time-limit", 60)
    assert status == 0 and "left out:" in err and "bad.cif" in err
    header, *rows = out.splitlines()
    assert "total energy (eV/atom)" in header and "Fermi level (eV)" in header and len(rows) == 2
    assert "-3.0000" in rows[0] and "5.000" in rows[0]
    assert f"wrote {tmp_path / 'dos.h5'}, materials: 2, failed: 0" in err
    assert len(densities.load(tmp_path / "dos.h5")) == 2
    # Again: nothing is left to do.
    assert run("compute", structures, "--output", tmp_path / "dos.h5")[1] == out and len(standin()) == 2


def test_compute_of_relaxed_structures(run, standin, structures, tmp_path):
    status, _, _ = run("compute", structures / "NaCl.cif", "--output", tmp_path / "dos.h5", "--relax")
    assert status == 0 and standin()[0]["relax"] == 0.02
    with h5py.File(tmp_path / "dos.h5") as file:
        (found,) = file["materials"].values()
        assert "relaxed until no force is above 0.02" in file.attrs["structures"]
        assert found.attrs["relaxation_steps"] == 4 and found.attrs["volume_change"] == pytest.approx(1.1**3 - 1)
        assert found["cell"][:] == pytest.approx(1.1 * np.array(standin()[0]["cell"]))
    # A file holds structures of one kind.
    status, _, err = run("compute", structures / "NaCl.cif", "--output", tmp_path / "dos.h5")
    assert status == 2 and "was started with other settings" in err


def test_compute_as_json_with_failures(run, standin, structures, tmp_path):
    (structures / "POSCAR_PoCl").write_text(POSCAR.replace("Na Cl", "Po Cl"))
    status, out, err = run("compute", structures, "--output", tmp_path / "dos.h5", "--json", "--jobs", 2)
    found = json.loads(out)
    assert status == 0 and len(found["materials"]) == 2 and len(found["left_out"]) == 2
    assert "Po" in err and "1 of 3 calculations failed; repeat them with --retry" in err
    assert found["materials"][0]["total energy (eV/atom)"] == -3.0
    assert run("compute", structures, "--output", tmp_path / "dos.h5")[0] == 0 and len(standin()) == 3
    run("compute", structures, "--output", tmp_path / "dos.h5", "--retry")
    assert len(standin()) == 4
    # Where nothing succeeds, the way out is told too.
    status, out, err = run("compute", structures / "POSCAR_PoCl", "--output", tmp_path / "po.h5")
    assert status == 2 and not out and "1 of 1 calculations failed; repeat them with --retry" in err
    status, _, err = run("compute", structures, "--output", tmp_path / "dos.h5", "--strict")
    assert status == 2 and "bad.cif" in err.splitlines()[-1]


def test_files_of_one_name(run, standin, tmp_path):
    """The layout of VASP's runs: a folder each."""
    for name in ("Na", "K"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "POSCAR").write_text(POSCAR.replace("Na Cl", f"{name} Cl"))
    status, out, _ = run("compute", tmp_path / "runs", "--output", tmp_path / "dos.h5", "--csv")
    assert status == 0 and [line.split(",")[:2] for line in out.splitlines()[1:]] == [
        ["K-POSCAR", "KCl"],
        ["Na-POSCAR", "NaCl"],
    ]


def test_bad_input(run, monkeypatch, structures, tmp_path):
    monkeypatch.setenv("MATREPRO_GPAW_PYTHON", str(tmp_path / "nothing"))
    lines = {
        ("compute", structures, "--output", tmp_path / "dos.h5"): "cannot import gpaw; install it",
        ("compute", structures, "--output", tmp_path / "dos.txt"): "the name must end in .h5",
        ("compute", tmp_path / "none.cif", "--output", tmp_path / "dos.h5"): "does not exist",
        ("compute", structures, "--output", tmp_path / "vasp.h5", "--dft", "vasp"): "DFT backend 'vasp' is unknown",
        ("read", tmp_path / "vasprun.xml"): "does not exist",
    }
    for arguments, words in lines.items():
        status, _, err = run(*arguments)
        assert status == 2 and words in err.splitlines()[-1], arguments
    with pytest.raises(SystemExit) as stopped:
        run("compute", structures, "--output", "dos.h5", "--time-limit", "soon")
    assert stopped.value.code == 2


def test_alone_it_asks_for_more(run, capsys):
    with pytest.raises(SystemExit) as stopped:
        run()
    assert stopped.value.code == 2 and "COMMAND; see esnet dos --help" in capsys.readouterr().err


def test_read_goes_on_past_bad_materials(run, tmp_path):
    """What cannot be read or written is named, and the others are in the file, with the range that they cover."""
    files = tmp_path / "files"
    files.mkdir()
    complete_dos(files / "good.json")
    complete_dos(files / "narrow.json", low=-4.0)
    found = json.loads(complete_dos(files / "huge.json").read_text())
    for one in found["pdos"][0].values():
        one["densities"] = {"1": [1e6] * 600}
    (files / "huge.json").write_text(json.dumps(found))
    status, out, err = run("read", files, "--output", tmp_path / "dos.h5", "--json")
    assert status == 0 and set(json.loads(out)["left_out"]) == {"huge"} and "exceed half precision" in err
    # Zeros in the file beyond what VASP gave are not read as states that are not there.
    for form, low, high in ((False, -4.0, 10.0), (True, -5.0, 10.0)):
        energies = densities.load(tmp_path / "dos.h5").select(["narrow"]).dos(0, aligned=form).energies
        assert energies[0] == pytest.approx(low, abs=0.021) and energies[-1] == high
    status, out, _ = run("read", tmp_path / "dos.h5", "--json")
    rows = {row["id"]: row for row in json.loads(out)["materials"]}
    assert rows["narrow"]["from (eV)"] == pytest.approx(-4, abs=0.021) and rows["good"]["from (eV)"] == -15
    # A row of a file that went bad costs that row alone.
    with h5py.File(tmp_path / "dos.h5", "a") as file:
        file["materials/good/dos_abs"][3, 600] = np.nan
    status, out, err = run("read", tmp_path / "dos.h5", "--csv")
    assert status == 0 and "left out: good: " in err and "values that are not finite" in err
    assert [line.split(",")[0] for line in out.splitlines()[1:]] == ["narrow"]
    # Such a file has energies on two zeros, one of which a copy would lose.
    status, _, err = run("read", tmp_path / "dos.h5", "--output", tmp_path / "again.h5")
    assert status == 2 and "dos.h5 needs no conversion" in err and not (tmp_path / "again.h5").exists()


def test_read_keeps_the_values_of_a_folder(run, tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    for name in ("a", "b"):
        complete_dos(files / f"{name}.json")
    (files / "id_prop.csv").write_text("id,energy (eV/atom),band_gap (eV),hardness (GPa)\na,-1.5,0.7,\nb,-2.5,,12\n")
    assert run("read", files, "--output", tmp_path / "dos.h5")[0] == 0
    table = densities.load(tmp_path / "dos.h5")
    known = {name: (target.values.tolist(), target.unit) for name, target in table.targets.items()}
    assert known["energy"] == ([-1.5, -2.5], "eV/atom") and known["hardness"][1] == "GPa"
    assert known["band_gap"][0][0] == 0.7 and known["hardness"][0][1] == 12 and np.isnan(known["hardness"][0][0])


def test_structures_have_no_densities(run, structures):
    status, _, err = run("read", structures / "NaCl.cif")
    assert status == 2 and "no densities of states; compute them with esnet dos compute" in err


@pytest.mark.real
def test_a_run_that_did_not_converge(run, real_data):
    path = real_data / "dos" / "mp_examples" / "vasprun_CeO2_hse06_spin_f.xml.gz"
    status, _, err = run("read", path)
    assert status == 2 and "or read it with esnet dos read --unconverged" in err
    status, out, _ = run("read", path, "--unconverged", "--json")
    assert status == 0 and json.loads(out)["materials"][0]["note"] == "f left out"


@pytest.mark.real
def test_read(run, real_data, tmp_path):
    examples = real_data / "dos" / "mp_examples"
    names = ["vasprun_CsCl_spin.xml.gz", "completedos_Si.json", "lobster_completedos_MnO.json"]
    status, out, err = run("read", *(examples / name for name in names), "--output", tmp_path / "dos.h5", "--json")
    found = {row["id"]: row for row in json.loads(out)["materials"]}
    assert status == 0 and set(found) == {"vasprun_CsCl_spin", "completedos_Si"} and "LOBSTER" in err
    si = found["completedos_Si"]
    assert si["spins"] == 1 and si["points"] == 601 and si["Fermi level (eV)"] == pytest.approx(5.626, abs=1e-3)
    assert si["from (eV)"] == pytest.approx(-7.54, abs=0.01) and si["to (eV)"] == pytest.approx(21.92, abs=0.01)
    table = densities.load(tmp_path / "dos.h5")
    assert table.dos(table.ids.tolist().index("vasprun_CsCl_spin")).polarized and table.dos(0).program == "VASP"


@pytest.mark.real
def test_states_are_kept_on_the_way_into_the_file(run, real_data, tmp_path):
    """What the file of CsCl holds between -19 eV and 9 eV of its Fermi level is what is written."""
    from esnet.dos.vasp import from_vasprun

    path = real_data / "dos" / "mp_examples" / "vasprun_CsCl_spin.xml.gz"
    assert run("read", path, "--output", tmp_path / "dos.h5")[0] == 0
    dos = from_vasprun(path).referred_to("fermi")
    inside = (dos.energies > -20) & (dos.energies < 10)
    with h5py.File(tmp_path / "dos.h5") as file:
        written = file["materials/vasprun_CsCl_spin/dos_rel"][:].astype(float).sum() * 0.02
    step = dos.energies[1] - dos.energies[0]
    assert written == pytest.approx(dos.densities[..., inside].sum() * step, rel=0.01)
