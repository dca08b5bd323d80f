"""`matrepro tune` searches on the validation set alone, and what it finds trains a model."""

import json
from argparse import Namespace

import numpy as np
import pytest

from common.cli import parser as cli
from common.data.loading import make_split
from common.data.predictions import Predictions
from common.errors import UserError
from common.features.featurized import Featurized
from common.sources import load_source
from common.train.recipes.recipe_file import RecipeFile
from diffcomp.regressor import DiffComp
from experiments.cli.main import main
from experiments.run import trials
from profitnet.cli import main as profitnet

OFMCNN = ["tune", "ofmcnn", "mini", "--target", "band_gap", "--epochs", "1"]


@pytest.mark.slow
def test_a_search_and_a_training_with_what_it_found(tmp_path, capsys):
    folder = tmp_path / "search"
    command = [*OFMCNN, "--method", "grid", "--search", "batch=32,128", "--output", str(folder)]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [trial["settings"] for trial in sorted(found["trials"], key=lambda t: t["number"])] == [
        {"batch": 32},
        {"batch": 128},
    ]
    assert found["unit"] == "eV" and found["failed"] == {} and found["best"]["epochs"] == 1
    assert (folder / "trials.png").read_bytes().startswith(b"\x89PNG")
    recipe = RecipeFile.load(folder / "best.json")
    assert (recipe.network, recipe.variant, recipe.settings) == ("ofmcnn", "corrected", found["best"]["settings"])

    written = (folder / "trials.jsonl").read_text()
    assert main(command) == 0  # finished: nothing is trained, the same is said
    out, err = capsys.readouterr()
    assert (folder / "trials.jsonl").read_text() == written and "wrote best.json" in err
    assert "validation MAE (eV)" in out and "time (s)" in out

    model = ["--model", str(tmp_path / "model"), "--recipe", str(folder / "best.json"), "--epochs", "1"]
    assert profitnet(["train", "mini", "--target", "band_gap", *model]) == 0
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["model"] == "ofmcnn" and card["recipe"]["batch"] == found["best"]["settings"]["batch"]
    # The same split and seed: the error of the trial is that of this model on its validation set.
    error = Predictions.load(tmp_path / "model" / "validation.csv").metrics()["MAE"]
    assert error == pytest.approx(found["best"]["error"], rel=1e-3)


def arguments(**changes) -> Namespace:
    parser = cli.make_parser("t", "t", "t")
    from experiments.cli.parsers import add_tune

    add_tune(parser.add_subparsers())
    given = parser.parse_args([*OFMCNN, "--output", "x", "--method", "random", "--search", "batch=32:128"])
    return Namespace(**vars(given) | changes)


def test_the_test_part_takes_no_part():
    given = arguments()
    search = trials.prepare(given)
    mini = load_source("mini").known("band_gap")
    split = make_split(mini, ratio=given.split_ratio, seed=given.seed)
    assert len(split.test) > 50
    table, target, inner = trials._table(search.fixed)
    assert target == "band_gap" and inner.test == ()
    assert set(table.ids.tolist()) == {*split.train, *split.validation}
    told = json.dumps(search.fixed)
    assert not any(f'"{name}"' in told for name in split.test)


@pytest.mark.slow
def test_a_trial_is_a_training_with_its_settings(capsys):
    """Without a process of its own."""
    search = trials.prepare(arguments(epochs=2))
    found = trials.train(search.fixed, 0, {"batch": 64})
    assert found["epochs"] == 2 and found["best_epoch"] in (1, 2) and 0 < found["error"] < 10
    other = trials.train(search.fixed, 0, {"batch": 200})
    assert other["error"] != found["error"]


@pytest.mark.parametrize("method", ["random", "bayesian"])
def test_few_settings_are_tried_once_each(tmp_path, monkeypatch, capsys, method):
    """Without trainings: six trials are asked for, and there are four settings."""
    from common.tuning import bayesian, journal

    monkeypatch.setattr(bayesian, "check", lambda: None)
    given = arguments(method=method, trials=6, search=["batch=16:17", "learning_rate=0.001,0.002"])
    search = trials.prepare(given)
    assert search.count == 4 and "there are 4 different settings, so there are 4 trials" in capsys.readouterr().err
    kept = journal.Journal(tmp_path, {})
    for number in range(search.count):
        settings = search.propose(kept, number)
        assert settings not in kept.tried()
        kept.begin(number, settings)
        if number != 1:  # one stays under way
            kept.end(journal.Trial(number, settings, 1.0, reason="failed" if number == 2 else ""))
    assert len(kept.tried()) == 4


def test_the_search_of_the_paper_for_esnet():
    search = trials.prepare(arguments(network="esnet", target="formation_energy", search=None))
    assert [axis.plain() for axis in search.axes] == ["batch=16:65", "learning_rate=0.0005:0.002"]
    assert search.unit == "eV/atom" and search.count == 20


def test_settings_that_are_right_only_together():
    """Finder's recipe decays its learning rate, which a schedule excludes."""
    fixed = ["schedule=cosine", "decay=1.0"]
    search = trials.prepare(arguments(network="finder", method="grid", points=2, search=["batch=16:32", *fixed]))
    assert search.count == 2 and search.propose(None, 0) == {"batch": 16, "schedule": "cosine", "decay": 1.0}
    with pytest.raises(UserError, match="leave out plateau, drop_at, decay"):
        trials.prepare(arguments(network="finder", search=["batch=16:32", "schedule=cosine"]))


def test_features_are_made_once_for_the_settings_of_the_trials(monkeypatch):
    """The composition alone needs no diffraction images, which take long."""
    given = arguments(network="diffcomp", target="formation_energy", search=["cv_nodes=10", "batch=16,32"])
    made = []

    def features(self, table, jobs):
        made.append(self.config.cv_nodes)
        return Featurized(None, np.arange(len(table)), {})

    monkeypatch.setattr(DiffComp, "features", features)
    trials.warm_up(trials.prepare(given), 1)
    assert made == [10]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--search", "bach=1:2"], "there is no such setting: 'bach'"),
        (["--search", "epochs=1:2"], "there is no such setting: 'epochs'"),
        (["--search", "batch=2:1"], "batch is a whole number; write a range"),
        (["--search", "batch=1:2", "--search", "batch=3:4"], "a setting stands in two of --search"),
        (["--search", "optimizer=adam,eve"], "optimizer 'eve' is unknown; choose one of adam, sgd, adamw"),
        ([], "give --search, such as --search batch=16:128"),
        (["--search", "batch=1:2", "--split-ratio", "8:0:2"], "the split has no validation set"),
        (["--search", "batch=1:2", "--method", "grid", "--trials", "3"], "leave out --trials"),
        (["--search", "batch=1:2", "--points", "3"], "--points belongs to --method grid"),
        (["--search", "batch=1:2", "--variant", "best"], "variant 'best' is unknown"),
        (["--search", "batch=1:2", "--executor", "spark"], "there is no executor 'spark'"),
    ],
)
def test_what_cannot_be_searched_is_one_line(tmp_path, capsys, monkeypatch, changes, message):
    monkeypatch.setenv("MATREPRO_EXECUTOR", "local")
    assert main([*OFMCNN, "--output", str(tmp_path / "search"), "--method", "random", *changes]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("matrepro: ") and message in line
    assert not (tmp_path / "search").exists()


def test_a_variant_that_chooses_by_the_test_part_is_refused(tmp_path, capsys):
    command = ["tune", "esnet", "mini", "--target", "formation_energy", "--variant", "released", "--method", "random"]
    assert main([*command, "--output", str(tmp_path / "search")]) == 2
    assert "chooses its epoch on the test set, which no search may see" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is no file of settings"),
        ("[]", "is no file of settings"),
        ('{"network": "ofmcnn", "variant": "corrected"}', "is no file of settings"),
        ('{"network": "finder", "variant": "corrected", "settings": {}}', "'finder' is not a network of profitnet"),
        ('{"network": "ofmcnn", "variant": "corrected", "settings": {"x": 1}}', "there is no setting 'x'; there are:"),
        ('{"network": "ofmcnn", "variant": "corrected", "settings": {"batch": "8"}}', "'8'; write a whole number"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used(tmp_path, capsys, text, message):
    path = tmp_path / "best.json"
    if text is not None:
        path.write_text(text)
    command = ["train", "mini", "--target", "band_gap", "--model", str(tmp_path / "model"), "--recipe", str(path)]
    assert profitnet(command) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert message in line and not (tmp_path / "model").exists()


def test_options_that_contradict_the_file(tmp_path, capsys):
    path = tmp_path / "best.json"
    RecipeFile("ofmcnn", "corrected", {"batch": 32}).save(path)
    command = ["train", "mini", "--target", "band_gap", "--model", str(tmp_path / "model"), "--recipe", str(path)]
    assert profitnet([*command, "--network", "profitnet"]) == 2
    assert "is for network ofmcnn, not profitnet; leave out --network" in capsys.readouterr().err
