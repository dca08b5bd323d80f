"""The commands and the Python of the README, run as a reader would, on data of the described form."""

import contextlib
import re
import shlex
from pathlib import Path
from pkgutil import resolve_name

import pytest

from common.presets.find import presets
from common.sources import load_source

README = Path(__file__).resolve().parents[1] / "README.md"
#: Commands that are not run here, and why.
NOT_RUN = {
    "make first": "makes an environment from the package index; tests/experiments/cli/test_main.py runs its command",
    "make test": "is what runs this test",
    ". .venv/bin/activate": "needs the environment of the commands above",
}


#: Commands and Python that need a preset, and are left out where none is installed.
NEEDS_PRESET = ("matrepro predict", "matrepro.load(")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def shell_lines() -> list[str]:
    return [line.partition("  #")[0].strip() for block in blocks("sh") for line in block.splitlines() if line]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A folder with the files that the README names."""
    from pymatgen.core import Structure

    mini = load_source("mini")
    (tmp_path / "my_crystals").mkdir()
    (tmp_path / "new").mkdir()
    rows = []
    for row, name in enumerate(mini.ids.tolist()[:30]):
        crystal = mini.structure(row)
        structure = Structure(crystal.lattice, [int(z) for z in crystal.numbers], crystal.frac)
        structure.to(filename=str(tmp_path / "my_crystals" / f"{name}.cif"))
        rows.append(f"{name},{mini.target('band_gap').values[row]:.3f}")
        if row == 2:
            structure.to(filename=str(tmp_path / "quartz.cif"))
        if row < 2:
            structure.to(filename=str(tmp_path / "new" / f"{name}.cif"))
    (tmp_path / "my_crystals" / "id_prop.csv").write_text("\n".join(["id,gap (eV)", *rows]) + "\n")
    gaps = dict(zip(mini.formulas.tolist(), mini.target("band_gap").values.tolist(), strict=True))
    lines = [f"{formula},{gap:.3f}" for formula, gap in gaps.items()]
    (tmp_path / "my_data.csv").write_text("\n".join(["formula,gap (eV)", *lines]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_run_or_has_a_reason():
    known = ("matrepro ", "profitnet ", "finder ", "diffcomp ", "esnet ")
    assert [line for line in shell_lines() if line not in NOT_RUN and not line.startswith(known)] == []
    assert set(NOT_RUN) <= set(shell_lines())


@pytest.mark.slow
def test_the_commands_of_the_readme_work(files, capsys):
    """Each in its order, trainings with one epoch."""
    for line in shell_lines():
        if line in NOT_RUN or (line.startswith(NEEDS_PRESET) and not presets()):
            continue
        program, *words = shlex.split(line)
        words = [name for word in words for name in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        if words[0] == "train":
            words += ["--epochs", "1"]
        module = "experiments.cli.main" if program == "matrepro" else f"{program}.cli"
        assert resolve_name(f"{module}:main")(words) == 0, (line, capsys.readouterr().err)


@pytest.mark.slow
def test_the_python_of_the_readme_works(files, capsys):
    for block in blocks("python"):
        if any(text in block for text in NEEDS_PRESET) and not presets():
            continue
        with contextlib.chdir(files):
            exec(re.sub(r"epochs=\d+", "epochs=1", block), {})
    out = capsys.readouterr().out
    assert "prediction" in out and "lower" in out
