"""`train` and `predict` with a small network: recipes, locks, warnings, elements absent from training."""

import csv
import json
from argparse import Namespace

import pytest

from common.cli import output as printing
from common.cli import recipes
from common.cli.package_spec import PackageSpec
from common.errors import UserError
from common.io.locks import alone
from common.io.text import choices, unit_of
from common.train.strategy import select
from finder.cli import main
from finder.regressor import Finder

TRAIN = ["train", "mini", "--target", "formation_energy", "--epochs", "1", "--split-ratio", "1:1:20"]


class Net:
    name = "net"
    recipes = {"paper": {}, "fast": {"epochs": 3}}


class Slow:
    name = "slow"


class Tool(PackageSpec):
    def regressor(self, name):
        return {"net": Net, "slow": Slow}[name]


def settings(network: str, recipe: str | None, **options):
    given = {"epochs": None, "batch": None, "learning_rate": None, "precision": None, "variant": None, **options}
    spec = Tool("tool", "", {"net": "x:Net", "slow": "x:Slow"})
    return recipes.settings_from(Namespace(network=network, recipe=recipe, **given), spec)[1]


@pytest.mark.parametrize(
    ("recipe", "variant", "changes", "line"),
    [
        (None, "corrected", {"epochs": 3}, "recipe: fast; --recipe paper trains as in the paper"),
        (None, "released", {}, "recipe: paper; --recipe fast takes less time"),
        ("fast", "released", {"epochs": 3}, "recipe: fast; --recipe paper trains as in the paper"),
        ("paper", "corrected", {}, "recipe: paper; --recipe fast takes less time"),
    ],
)
def test_the_recipe_is_named_with_the_other_one(recipe, variant, changes, line):
    assert settings("net", recipe, variant=variant) == changes
    assert recipes.recipe_line(recipe, Net, variant) == line
    assert settings("net", recipe, variant=variant, epochs=9) == {**changes, "epochs": 9}


def test_networks_without_a_fast_recipe():
    assert settings("slow", None) == settings("slow", "paper") == {}
    assert recipes.recipe_line(None, Slow, "corrected") == ""
    with pytest.raises(UserError, match="slow has no recipe 'fast'; choose --recipe paper, or name a file"):
        settings("slow", "fast")
    with pytest.raises(UserError, match=r"there is no recipe or file 'papr'.*did you mean 'paper'"):
        settings("net", "papr")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of 15 materials, and what its training printed on standard error."""
    folder = tmp_path_factory.mktemp("trained") / "m"
    with pytest.MonkeyPatch.context() as patch:
        lines = []
        patch.setattr("common.cli.train.note", lines.append)
        assert main([*TRAIN, "--model", str(folder)]) == 0
    return folder, lines


def test_a_small_training_set_is_warned_of(trained):
    assert any(line.startswith("warning: only 15 training materials") for line in trained[1])


def test_elements_absent_from_training(trained, tmp_path, capsys):
    folder, _ = trained
    known = json.loads((folder / "model.json").read_text())["elements"]
    assert known == sorted(known) and "O" in known and "Pu" not in known
    predict = ["predict", "--model", str(folder)]
    assert main([*predict, "PuO2", known[0]]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].endswith("unit     unseen_elements") and out.splitlines()[1].endswith("Pu")
    assert "warning: 1 of 2 materials contain elements that are absent from training, the first PuO2 (Pu)" in err
    assert main([*predict, known[0]]) == 0
    out, err = capsys.readouterr()
    assert "unseen" not in out and "warning" not in err
    (tmp_path / "x.csv").write_text(f"id,formula\na,PuO2\nb,{known[0]}\n")
    assert main([*predict, str(tmp_path / "x.csv"), "--output", str(tmp_path / "y.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "y.csv").read_text().splitlines()))
    assert [row["unseen_elements"] for row in rows] == ["Pu", ""]
    assert "1 of 2 formulas contain elements that are absent" in capsys.readouterr().err


def test_models_of_earlier_versions_know_no_elements(trained, tmp_path):
    assert Finder.load(trained[0]).unseen_elements(["PuO2"]) == ["Pu"]
    assert Finder().unseen_elements(["PuO2"]) is None


def test_the_failures_of_a_list_do_not_replace_it(trained, tmp_path, capsys):
    path = tmp_path / "y.failed.csv"
    path.write_text("id,formula\na,NaCl\n")
    assert main(["predict", "--model", str(trained[0]), str(path), "--output", str(tmp_path / "y.csv")]) == 2
    assert "is an input of this command" in capsys.readouterr().err and path.read_text() == "id,formula\na,NaCl\n"


def test_a_second_training_in_a_folder_is_refused_before_it_begins(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Finder, "fit", lambda *_, **__: pytest.fail("it trained"))
    with alone(tmp_path / "m"):
        assert main([*TRAIN, "--model", str(tmp_path / "m")]) == 2
    assert "another run" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_refused_before_reading(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("common.cli.train.labeled_data", lambda *_, **__: pytest.fail("the data were read"))
    (tmp_path / "file").write_text("")
    assert main([*TRAIN, "--model", str(tmp_path / "file" / "m")]) == 2
    assert "is not a folder; choose another place" in capsys.readouterr().err


def test_training_does_not_replace_its_data(tmp_path, capsys):
    (tmp_path / "test.csv").write_text("formula,gap\nSi,1.1\n")
    assert main(["train", str(tmp_path / "test.csv"), "--model", str(tmp_path)]) == 2
    assert "test.csv, which --model" in capsys.readouterr().err


def test_several_devices_without_an_accelerator(capsys):
    assert select._checked(["CPU:0", "CPU:1"]) == ["CPU:0", "CPU:1"]
    assert "warning: no accelerator found; 2 virtual CPU devices train" in capsys.readouterr().err
    assert select._checked(["GPU:0", "GPU:1"]) and select._checked(["CPU:0"])
    assert capsys.readouterr().err == ""


def test_units_and_suggestions():
    assert unit_of("MSE", "1") == unit_of("MAE", "1") == "" and unit_of("MSE", "eV") == " (eV^2)"
    assert choices("learning_rat", ["learning_rate", "epochs"]).endswith("did you mean 'learning_rate'?")
    assert choices("xyz", ["learning_rate", "epochs"]) == "; there are: epochs, learning_rate"
    with pytest.raises(UserError, match=r"no such setting: 'learning_rat'.*did you mean 'learning_rate'"):
        Finder(learning_rat=1.0)
    header = printing.errors({"test": {"n": 1, "MSE": 2.0}}, "eps", "1", "text").splitlines()[0]
    assert header.split() == ["eps", "n", "MSE"]
