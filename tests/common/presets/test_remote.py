"""Presets from packages, mirrors and Hugging Face are checked, and installed in full or not at all."""

import hashlib
import sys
from types import SimpleNamespace

import pytest

from common.errors import UserError
from common.presets.remote import checksum_of, fetched
from common.presets.store import verify
from experiments.cli.main import main


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("MATREPRO_MODELS", str(folder))
    monkeypatch.setattr("common.sources.remote.fetching.PAUSE", 0.01)
    return folder


@pytest.fixture
def hub(copy, monkeypatch):
    """A fake huggingface_hub, whose repositories are one preset; it notes what it was asked for."""
    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision))
        if name != "owner/rescnn-energy":
            raise OSError(f"404 Client Error. Repository {name} not found\nSee the documentation")
        (copy / ".gitattributes").write_text("* -text")
        return str(copy)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=snapshot_download))
    return asked


def imported(*argv):
    return main(["models", "import", *map(str, argv)])


def test_a_mirror_is_checked_by_the_checksum_that_export_prints(preset, home, tmp_path, capsys):
    assert main(["models", "export", str(preset), "--output", str(tmp_path / "out")]) == 0
    checksum = capsys.readouterr().err.split()[-1]
    assert checksum == hashlib.sha256((preset / "metadata.json").read_bytes()).hexdigest()
    address = f"file://{tmp_path / 'out'}"
    assert imported(address, "--sha256", checksum) == 0
    assert verify(home / preset.name) == verify(preset)
    assert imported(address) == 2
    assert "give --sha256" in capsys.readouterr().err
    assert imported(address, "--sha256", "0" * 64, "--overwrite") == 2
    assert "nothing was stored" in capsys.readouterr().err
    assert verify(home / preset.name)


@pytest.mark.parametrize("file", ["config.json", "model.weights.npz"])
def test_an_altered_or_missing_file_of_a_mirror_installs_nothing(copy, home, file, capsys):
    checksum = checksum_of(copy)
    (copy / file).write_bytes((copy / file).read_bytes()[:-9])
    assert imported(f"file://{copy}", "--sha256", checksum) == 2
    assert f"{file} is truncated or altered" in capsys.readouterr().err
    (copy / file).unlink()
    assert imported(f"file://{copy}", "--sha256", checksum) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not home.exists() or not list(home.iterdir())


def test_hugging_face(hub, preset, home, capsys):
    assert imported("hf://owner/rescnn-energy@v1") == 0
    assert hub == [("owner/rescnn-energy", "v1")]
    assert sorted(path.name for path in (home / preset.name).iterdir()) == sorted(p.name for p in preset.iterdir())
    capsys.readouterr()
    assert imported("hf://owner/other") == 2
    assert capsys.readouterr().err.endswith("cannot be fetched: 404 Client Error. Repository owner/other not found\n")
    assert imported("hf://owner") == 2
    assert "write hf://OWNER/NAME" in capsys.readouterr().err


def test_without_huggingface_hub_the_remedy_is_named(home, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert imported("hf://owner/name") == 2
    assert "pip install huggingface-hub" in capsys.readouterr().err


def test_an_installed_package(copy, home, tmp_path, monkeypatch):
    package = tmp_path / "site" / "my_presets"
    (package / "presets").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    copy.rename(package / "presets" / copy.name)
    monkeypatch.syspath_prepend(str(package.parent))
    assert imported(f"package:my_presets/{copy.name}") == 0
    assert imported("package:my_presets", "--overwrite") == 0
    with pytest.raises(UserError, match="did you mean 'rescnn-energy'"), fetched("package:my_presets/rescnn-enrgy"):
        pass
    with pytest.raises(UserError, match="no installed package 'nothing' with presets"), fetched("package:nothing"):
        pass


def test_a_wrong_checksum_of_a_folder_installs_nothing(preset, home, capsys):
    assert imported(preset, "--sha256", "1" * 64) == 2
    assert "does not have the checksum" in capsys.readouterr().err
    assert imported(home / "nothing") == 2
    assert "is no preset" in capsys.readouterr().err
    assert not home.exists()
