"""The `diffcomp` command as a user types it."""

import csv
import json
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from diffcomp.cli import main
from diffcomp.simulate_command import file_names


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diffcomp") / "model"
    train = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--shares", "2:1:7"]
    assert main([*train, "--model", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def cif(tmp_path):
    from pymatgen.core import Lattice, Structure

    path = tmp_path / "SnO2.cif"
    lattice = Lattice.tetragonal(4.737, 3.186)
    Structure.from_spacegroup("P4_2/mnm", lattice, ["Sn", "O"], [[0, 0, 0], [0.306, 0.306, 0]]).to(str(path))
    return str(path)


def test_simulate_then_predict_from_the_picture(model, cif, tmp_path, capsys):
    """The picture of a structure, given as measured, gives what the structure gives; merged or three grey ones."""
    picture, sheet = tmp_path / "pattern.png", tmp_path / "sheet.png"
    assert main(["simulate", cif, "--output", str(picture), "--size", "256"]) == 0
    assert main(["predict", "--model", model, cif, "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)["predictions"][0]["value"]
    grey = []
    for k, name in enumerate("xyz"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.asarray(Image.open(picture))[..., k]).save(path)
        grey.append(str(path))
    for pictures in ([str(picture)], grey):
        measured = ["--composition", "SnO2", "--pattern", *pictures, "--sheet", str(sheet)]
        assert main(["predict", "--model", model, *measured, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["predictions"][0]["value"] == pytest.approx(expected, abs=1e-3) and found["unit"] == "eV/atom"
    assert Image.open(sheet).size == (398, 156)


def test_atomic_per_cent(model, cif, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    main(["simulate", cif, "--output", picture])
    values = []
    for composition in ("SnO2", "Sn=33.3,O=66.7"):
        assert main(["predict", "--model", model, "--composition", composition, "--pattern", picture, "--csv"]) == 0
        values.append(float(next(csv.DictReader(capsys.readouterr().out.splitlines()))["value"]))
    assert values[0] == pytest.approx(values[1], abs=5e-3)


def test_a_folder_of_structures_and_its_sheet(cif, tmp_path, capsys):
    output, sheet = tmp_path / "patterns", tmp_path / "sheet.png"
    (tmp_path / "bad.cif").write_text("nothing")
    files = [cif, str(tmp_path / "bad.cif")]
    assert main(["simulate", *files, "--output", str(output), "--sheet", str(sheet), "--picture", "released"]) == 0
    assert [path.name for path in output.iterdir()] == ["SnO2.png"] and sheet.exists()
    assert "left out" in capsys.readouterr().err


def test_ids_that_differ_in_a_slash_alone(cif, tmp_path, capsys):
    """Every picture is written, and what is not called by its id is said."""
    rows = "".join(f"{name},{cif}\n" for name in ("a/b", "a_b", "a/b/c", "d"))
    (tmp_path / "table.csv").write_text(f"id,cif\n{rows}")
    assert main(["simulate", str(tmp_path / "table.csv"), "--output", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a_b.png", "a_b-2.png", "a_b_c.png", "d.png"}
    assert "a/b is written as a_b-2.png" in capsys.readouterr().err
    assert file_names(["x/y", "x_y-2", "x_y"]) == {"x_y-2": "x_y-2.png", "x_y": "x_y.png", "x/y": "x_y-3.png"}


def test_simulate_takes_a_capital_ending(cif, tmp_path):
    assert main(["simulate", cif, "--output", str(tmp_path / "PATTERN.PNG")]) == 0
    assert Image.open(tmp_path / "PATTERN.PNG").size == (128, 128)


def test_the_bar_moves_within_a_large_cell(tmp_path, monkeypatch):
    """One crystal, many steps, which add up to what was announced."""
    from pymatgen.core import Lattice, Structure

    sites = np.random.default_rng(0).random((150, 3))
    Structure(Lattice.cubic(15), ["Sn"] * 150, sites).to(str(tmp_path / "large.vasp"), fmt="poscar")
    steps, totals = [], []

    @contextmanager
    def recorded(total, **rest):
        totals.append(total)
        yield SimpleNamespace(update=steps.append)

    monkeypatch.setattr("common.progress.progress", recorded)
    assert main(["simulate", str(tmp_path / "large.vasp"), "--output", str(tmp_path / "large.png")]) == 0
    assert totals[-1] == sum(steps) == 450 and len(steps) >= 6


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "--model", "MODEL"], "give structure files, or a measured material"),
        (["predict", "--model", "MODEL", "x.cif", "--composition", "SnO2"], "give structure files, or a measured"),
        (["predict", "--model", "MODEL", "--composition", "SnO2"], "needs a diffraction pattern"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--pattern", "p.png"], "p.png does not exist"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--pattern", "a.png", "b.png"], "a.png does not"),
        (["simulate", "mini", "--output", "one.png"], "there are 336 structures; name a folder"),
        (["predict", "--model", "MODEL", "x.cif", "--crop", "64"], "--crop is for measured pictures"),
        (["predict", "--model", "MODEL", "x.cif", "--sheet", "s.png"], "--sheet is for measured pictures"),
        (["predict", "--model", "MODEL", "x.cif", "--scale", "linear"], "--scale is for measured pictures"),
        (["predict", "--model", "MODEL", "--composition", "SnO2", "--centre", "1,1"], "--centre is for measured"),
        (["predict", "--model", "MODEL", "--pattern", "p.png", "--crop", "5"], "a crop of 5 pixels is too small"),
        (["simulate", "mini", "--output", "one.PNG"], "there are 336 structures; name a folder"),
        (["simulate", "mini", "--output", "one.jpg"], "--output one.jpg: pictures are written as PNG; name a .png"),
        (["simulate", "mini", "--output", "o", "--sheet", "s.tif"], "--sheet s.tif: pictures are written as PNG"),
    ],
)
def test_bad_input_ends_with_one_line(model, arguments, reason, capsys):
    assert main([model if word == "MODEL" else word for word in arguments]) == 2
    err = capsys.readouterr().err.strip().splitlines()
    assert len(err) == 1 and reason in err[0]


@pytest.mark.parametrize("text", ["1:2", "9", "a:b", "0:0", "-1:11", "9:1:0"])
def test_what_is_no_ratio(text, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "mini", f"--ratio={text}", "--model", "m"])
    assert "is no ratio in tenths, composition to pattern" in capsys.readouterr().err


def test_a_ratio_of_composition_alone_and_errors_of_compositions(tmp_path, capsys):
    """An ensemble of it: what the members differ by, and what the errors make of the composition."""
    folder = str(tmp_path / "model")
    train = ["train", "mini", "--target", "formation_energy", "--epochs", "2", "--shares", "2:1:7", "--ratio", "100:0"]
    assert main([*train, "--ensemble", "2", "--model", folder]) == 0
    card = json.loads((tmp_path / "model" / "member-0" / "model.json").read_text())
    assert card["config"]["cv_nodes"] == 10
    capsys.readouterr()
    found = {}
    for model in (folder, f"{folder}/member-0"):
        for composition in ("Sn=33+-1,O=67+-1", "Sn=33+-2,O=67+-2", "Sn=33,O=67"):
            assert main(["predict", "--model", model, "--composition", composition, "--json"]) == 0
            found[model[-1], composition[5:8]] = json.loads(capsys.readouterr().out)["predictions"][0]
    single, double, plain = (found["0", name] for name in ("+-1", "+-2", ",O="))
    assert double["std"] == pytest.approx(2 * single["std"], rel=0.05) and single["std"] > 0 and "std" not in plain
    both, members = found["l", "+-1"], found["l", ",O="]
    assert both["std"] == pytest.approx(np.hypot(both["aleatoric"], members["epistemic"])) and both["aleatoric"] > 0
    # In a table, a composition without errors has no deviation.
    (tmp_path / "many.csv").write_text('id,composition\na,"Sn=33+-1,O=67"\nb,SnO2\n')
    assert main(["predict", "--model", f"{folder}/member-0", "--measured", str(tmp_path / "many.csv"), "--json"]) == 0
    one, other = json.loads(capsys.readouterr().out)["predictions"]
    assert one["std"] > 0 and other["std"] is None
    # Pictures are not looked at, and there is nothing to show of them.
    (tmp_path / "many.csv").write_text("id,composition,pattern\nb,SnO2,none.png\n")
    measured = ["--measured", str(tmp_path / "many.csv"), "--sheet", str(tmp_path / "sheet.png")]
    assert main(["predict", "--model", f"{folder}/member-0", *measured]) == 0
    assert "sheet.png is not written: this model looks at the composition alone" in capsys.readouterr().err


@pytest.mark.slow
def test_a_model_of_the_pattern_alone_needs_no_formulas(cif, tmp_path, capsys):
    train = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--shares", "1:1:30", "--ratio", "0:10"]
    assert main([*train, "--model", str(tmp_path / "model")]) == 0
    (tmp_path / "scans").mkdir()
    assert main(["simulate", cif, "--output", str(tmp_path / "scans" / "scan_1.png")]) == 0
    capsys.readouterr()
    assert main(["predict", "--model", str(tmp_path / "model"), "--measured", str(tmp_path / "scans"), "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["predictions"]] == ["scan_1.png"]


def test_percentages_that_do_not_sum(model, cif, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    main(["simulate", cif, "--output", picture])
    capsys.readouterr()
    assert main(["predict", "--model", model, "--composition", "Sn=33,O=60", "--pattern", picture]) == 2
    assert "the percentages sum to 93, not to 100" in capsys.readouterr().err


def spoilt(folder, picture):
    """A folder of pictures, most of them spoilt, each in its own way; name -> the words that tell so."""
    good = np.asarray(Image.open(picture))
    folder.mkdir()
    Image.fromarray(good).save(folder / "SnO2.png")
    Image.fromarray(good).save(folder / "SnO2_2.tif")
    Image.fromarray(np.zeros_like(good)).save(folder / "SnO2_empty.png")
    Image.fromarray(np.clip(1000 * good.astype(int), 0, 255).astype(np.uint8)).save(folder / "SnO2_saturated.png")
    Image.fromarray(good[:16, :16]).save(folder / "SnO2_tiny.png")
    whole = (folder / "SnO2.png").read_bytes()
    (folder / "SnO2_truncated.png").write_bytes(whole[: len(whole) // 2])
    Image.fromarray(good).save(folder / "SnO2_moving.png", save_all=True, append_images=[Image.fromarray(good[::-1])])
    clear = np.dstack([good, np.full(good.shape[:2], 255, np.uint8)])
    clear[:9, :, 3] = 0
    Image.fromarray(clear).save(folder / "SnO2_clear.png")
    Image.fromarray(good).save(folder / "Xx2_1.png")
    Image.fromarray(good).save(folder / "SrTiO3_1.png")
    (folder / "notes.txt").write_text("not a picture")
    for ending in ("gif", "bmp", "webp"):
        Image.fromarray(good).save(folder / f"SnO2_other.{ending}")
    words = {"empty": "is empty", "saturated": "is saturated", "tiny": "too few", "truncated": "is truncated"}
    words |= {"moving": "holds 2 pictures", "clear": "is transparent"}
    others = {f"SnO2_other.{ending}": "save it as PNG, JPEG or TIFF" for ending in ("gif", "bmp", "webp")}
    elements = {"Xx2_1.png": "Xx is not a chemical element", "SrTiO3_1.png": "3 elements; this model takes two"}
    return {f"SnO2_{name}.png": text for name, text in words.items()} | elements | others


def test_a_folder_of_good_and_bad_pictures(model, cif, tmp_path, capsys):
    """Every bad one is named with its reason, and nothing good is lost."""
    picture, folder, sheet = tmp_path / "p.png", tmp_path / "pictures", tmp_path / "sheet.png"
    assert main(["simulate", cif, "--output", str(picture)]) == 0
    words = spoilt(folder, picture)
    capsys.readouterr()
    measured = ["predict", "--model", model, "--measured", str(folder)]
    assert main([*measured, "--json", "--sheet", str(sheet)]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert [one["id"] for one in found["predictions"]] == ["SnO2.png", "SnO2_2.tif"] and sheet.exists()
    assert found["predictions"][0]["value"] == pytest.approx(found["predictions"][1]["value"], abs=1e-6)
    assert found["left_out"].keys() == words.keys() and err.count("left out: ") == len(words)
    assert all(text in found["left_out"][name] for name, text in words.items())
    assert main([*measured, "--strict"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_table_of_measured_materials(model, cif, tmp_path, capsys):
    assert main(["simulate", cif, "--output", str(tmp_path / "p.png")]) == 0
    colours = np.asarray(Image.open(tmp_path / "p.png"))
    for k, name in enumerate("xyz"):
        Image.fromarray(colours[..., k]).save(tmp_path / f"{name}.png")
    merged, single, output = tmp_path / "merged.csv", tmp_path / "single.csv", tmp_path / "out.csv"
    merged.write_text('id,composition,pattern\na,SnO2,p.png\nb,"Sn=33,O=60",p.png\nc,SnO2,\nd,SnO2\n')
    single.write_text('composition,x,y,z\n"Sn=33.3,O=66.7",x.png,y.png,z.png\nSnO2,x.png,,z.png\n')
    values = []
    for path, good in ((merged, "a"), (single, "1")):
        assert main(["predict", "--model", model, "--measured", str(path), "--output", str(output)]) == 0
        (row,) = csv.DictReader(output.read_text().splitlines())
        assert row["id"] == good
        values.append(float(row["value"]))
        err = capsys.readouterr().err
        reasons = ["b: the percentages sum to 93", "c: this model needs a diffraction pattern", "d: row 4 has 2 cells"]
        assert all(text in err for text in (reasons if good == "a" else ["2: 2 pictures; give three"]))
    assert values[0] == pytest.approx(values[1], abs=5e-3)
    for text, reason in (
        ("id,pattern\na,p.png\n", "a: this model needs a composition"),
        ("id,composition\na,SnO2\n", "a: this model needs a diffraction pattern"),
        ("id,gap\na,3\n", "has no column 'composition'"),
        ("id,composition,x,z\na,SnO2,x.png,z.png\n", "has no column 'y'"),
        ("id,composition,pattern,x\na,SnO2,p.png,x.png\n", "has the columns pattern and x; give merged pictures or"),
    ):
        merged.write_text(text)
        assert main(["predict", "--model", model, "--measured", str(merged)]) == 2
        assert reason in capsys.readouterr().err
    (tmp_path / "none").mkdir()
    assert main(["predict", "--model", model, "--measured", str(tmp_path / "none")]) == 2
    assert "has no pictures" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["embed", "simulate", "train", "predict", "evaluate"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert f"example:\n  diffcomp {command}" in capsys.readouterr().out
