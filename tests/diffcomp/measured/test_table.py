"""`diffcomp predict` of measured materials: one, a table, a folder of good and bad pictures, errors of compositions."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from diffcomp.cli import main


def test_atomic_per_cent(model, cif, tmp_path, capsys):
    picture = str(tmp_path / "p.png")
    main(["simulate", cif, "--output", picture])
    values = []
    for composition in ("SnO2", "Sn=33.3,O=66.7"):
        assert main(["predict", "--model", model, "--composition", composition, "--pattern", picture, "--csv"]) == 0
        values.append(float(next(csv.DictReader(capsys.readouterr().out.splitlines()))["value"]))
    assert values[0] == pytest.approx(values[1], abs=5e-3)


def test_a_ratio_of_composition_alone_and_errors_of_compositions(tmp_path, capsys):
    """An ensemble of it: what the members differ by, and what the errors make of the composition."""
    folder = str(tmp_path / "model")
    train = [
        "train",
        "mini",
        "--target",
        "formation_energy",
        "--epochs",
        "2",
        "--split-ratio",
        "2:1:7",
        "--ratio",
        "100:0",
    ]
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
    err = capsys.readouterr().err
    assert "this model uses the composition alone; the pictures are not read" in err and "sheet.png is not" in err


@pytest.mark.slow
def test_a_model_of_the_pattern_alone_needs_no_formulas(cif, tmp_path, capsys):
    train = [
        "train",
        "mini",
        "--target",
        "formation_energy",
        "--epochs",
        "1",
        "--split-ratio",
        "1:1:30",
        "--ratio",
        "0:10",
    ]
    assert main([*train, "--model", str(tmp_path / "model")]) == 0
    (tmp_path / "scans").mkdir()
    assert main(["simulate", cif, "--output", str(tmp_path / "scans" / "scan_1.png")]) == 0
    capsys.readouterr()
    assert main(["predict", "--model", str(tmp_path / "model"), "--measured", str(tmp_path / "scans"), "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["predictions"]] == ["scan_1.png"]
    single = ["--composition", "SnO2", "--pattern", str(tmp_path / "scans" / "scan_1.png")]
    assert main(["predict", "--model", str(tmp_path / "model"), *single]) == 0
    assert "uses the pattern alone; the composition is not used" in capsys.readouterr().err


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
