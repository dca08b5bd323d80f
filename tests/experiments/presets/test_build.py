"""A declared preset is trained, written, and found by name; wrong declarations are named."""

import json

import numpy as np
import pytest

from common.data.conformal import Conformal
from common.data.predictions import Predictions
from common.errors import UserError
from common.io.locks import alone
from common.presets.exchange import NAME
from common.presets.find import PACKAGES
from common.presets.load import SPECS
from common.presets.quantize import unpack
from common.presets.store import verify
from experiments.cli.main import main
from experiments.presets.build import BITS, _citation, _spec, cross_validated, measured_coverage, preset_split
from experiments.presets.declared import declared
from finder.cli import main as finder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "mini-gap:\n  package: finder\n  network: rescnn\n  source: mini\n  target: band_gap\n  members: 2\n"
        "  settings: {epochs: 1, batch: 64}\n  limits: [a test]\n"
    )
    return path


def test_build_list_info_verify_export_import_predict(file, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setenv("MATREPRO_MODELS", str(home))
    built = tmp_path / "built"
    assert main(["models", "build", "mini-gap", "--declared", str(file), "--output", str(built)]) == 0
    assert [path.name for path in built.iterdir()] == ["mini-gap"]
    facts = verify(built / "mini-gap")
    assert facts["coverage"]["level"] == 0.9 and facts["members"] == 2 and len(facts["errors"]) == 2
    assert facts["bits"] in BITS and facts["needs"] == "formulas"

    # Renewed, it keeps its weights.
    before = (built / "mini-gap" / "model.weights.npz").read_bytes()
    assert main(["models", "build", "mini-gap", "--declared", str(file), "--output", str(built), "--renew"]) == 0
    facts = verify(built / "mini-gap")
    for one, other in zip(unpack(before), unpack((built / "mini-gap" / "model.weights.npz").read_bytes()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)

    assert main(["models", "import", str(built / "mini-gap")]) == 0
    assert main(["models", "import", str(built / "mini-gap")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["models", "import", str(built / "mini-gap"), "--overwrite"]) == 0
    assert main(["models", "list", "--json"]) == 0
    assert "mini-gap" in [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert main(["models", "info", "mini-gap"]) == 0
    card = capsys.readouterr().out
    assert card.startswith("# mini-gap") and "- a test" in card
    assert main(["models", "export", "mini-gap", "--output", str(tmp_path / "hub")]) == 0
    assert verify(tmp_path / "hub") == facts
    capsys.readouterr()
    assert finder(["predict", "--model", "mini-gap", "SrTiO3", "--interval", "0.9", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)["predictions"][0]
    assert row["lower"] < row["value"] < row["upper"]

    (home / "mini-gap" / "model.weights.npz").write_bytes(b"PK")
    assert main(["models", "verify"]) == 2
    out, err = capsys.readouterr()
    assert "truncated or altered" in out and "cannot be used" in err
    assert main(["models", "import", str(home / "mini-gap"), "--overwrite"]) == 2
    assert finder(["predict", "--model", "mini-gapp", "SrTiO3"]) == 2
    assert "did you mean 'mini-gap'" in capsys.readouterr().err


def test_an_imported_preset_replaces_one_of_the_project_only_if_told_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MATREPRO_MODELS", str(tmp_path / "home"))
    assert main(["models", "export", "finder-gap", "--output", str(tmp_path / "copy")]) == 0
    capsys.readouterr()
    assert main(["models", "import", str(tmp_path / "copy")]) == 2
    assert "finder-gap is a preset of this project" in capsys.readouterr().err
    assert main(["models", "import", str(tmp_path / "copy"), "--overwrite"]) == 0
    capsys.readouterr()
    assert main(["models", "list"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("finder-gap "))
    assert line.split()[-1] == "imported"
    assert main(["models", "remove", "finder-gap"]) == 0
    assert not any((tmp_path / "home").iterdir())
    assert main(["models", "remove", "finder-gap"]) == 2
    assert "finder-gap is not an imported preset" in capsys.readouterr().err


def test_two_builds_of_one_preset_do_not_share_its_checkpoints(file, tmp_path, capsys):
    with alone(tmp_path / ".mini-gap.run"):
        assert main(["models", "build", "mini-gap", "--declared", str(file), "--output", str(tmp_path)]) == 2
    assert "another run is at work in" in capsys.readouterr().err
    assert not (tmp_path / "mini-gap").exists()


def test_the_split_of_a_preset_uses_all_materials(mini):
    for grouped in (False, True):
        split = preset_split(mini, grouped=grouped)
        assert sum(map(len, split.subsets().values())) == len(mini) and not split.test
        shares = [len(ids) / len(mini) for ids in (split.train, split.validation, split.calibration)]
        np.testing.assert_allclose(shares, [0.8, 0.1, 0.1], atol=0.02)


def test_coverage_is_measured_on_the_half_that_did_not_calibrate():
    random = np.random.default_rng(0)
    predicted = Predictions(np.arange(2000).astype(str), np.zeros(2000), random.normal(size=2000))
    found = measured_coverage(predicted)
    assert found["measured"] == pytest.approx(0.9, abs=0.01)
    assert found["median_width"] == pytest.approx(2 * Conformal.of(predicted, "calibration").half_width(0.9), rel=0.05)
    assert measured_coverage(Predictions(predicted.ids[:8], np.zeros(8), np.ones(8))) == {}


def test_every_declared_preset_names_what_exists():
    """Packages, networks, recipes and settings, and stored results with errors of the network."""
    specs = {spec.name: spec for spec in map(_spec, SPECS)}
    assert set(specs) == set(PACKAGES)
    for name, one in declared().items():
        kind = specs[one.package].regressor(one.network)
        assert NAME.fullmatch(name) and one.recipe in {"", *kind.recipes}
        kind(one.variant, **{**kind.recipes.get(one.recipe, {}), **one.settings})
        assert "doi:10." in _citation(one.package)
        if one.results:
            assert cross_validated(**one.results), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read"),
        ("- a", "is not a mapping"),
        ("a: b", "a is not a mapping"),
        ("a: {package: finder, netwrok: finder}", "did you mean 'network'"),
        ("a: {package: finder}", "missing"),
    ],
)
def test_wrong_declarations_are_named(tmp_path, text, message):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        declared(tmp_path / "p.yaml")
    assert "\n" not in str(caught.value)
