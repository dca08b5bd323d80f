"""Datasets register themselves: as entry points, or from the setup.cfg of a checkout."""

import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import UserError
from common.sources import load_source, registry, sources

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def fresh():
    """The registry is built once a process; here it is built again, before and after."""
    functions = registry.sources, registry.row_counts
    for function in functions:
        function.cache_clear()
    yield
    for function in functions:
        function.cache_clear()


@pytest.fixture
def toy(tmp_path, monkeypatch, fresh):
    """A checkout with one package that registers a dataset; `toy(code, target)` writes it."""

    def write(code: str, target: str = "toy_package.datasets") -> None:
        package = tmp_path / "toy_package"
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "datasets.py").write_text(code)
        (tmp_path / "setup.cfg").write_text(f"[options.entry_points]\nmatrepro.datasets =\n    toy = {target}\n")
        monkeypatch.setattr(registry, "SETUP", tmp_path / "setup.cfg")
        monkeypatch.syspath_prepend(tmp_path)
        for name in [name for name in sys.modules if name.startswith("toy_package")]:
            monkeypatch.delitem(sys.modules, name)

    return write


def test_a_package_registers_its_datasets(toy):
    toy("from common.sources import mini\nSOURCES = {'toy': mini.load}\n")
    assert len(load_source("toy")) == 336 and "toy" in sources()
    assert registry.row_counts().keys() >= set()


def test_a_name_may_be_registered_once(toy):
    toy("from common.sources import mini\nSOURCES = {'mini': mini.load}\n")
    with pytest.raises(UserError, match=r"toy_package\.datasets registers the dataset mini, which exists already"):
        sources()


def test_a_package_that_cannot_be_imported_is_named(toy):
    toy("", target="toy_package.nothing")
    with pytest.raises(UserError, match=r"datasets of toy \(toy_package\.nothing\) cannot be imported"):
        load_source("mini-dos")


def test_every_paper_registers_from_a_plain_checkout(tmp_path):
    """In any working folder, by PYTHONPATH alone, and without importing anything heavy."""
    heavy = ("tensorflow", "keras", "pymatgen", "matminer", "matplotlib", "sklearn")
    code = (
        "import sys; from common.sources import sources; from common.sources.registry import row_counts\n"
        f"print(len(sources()), len(row_counts()), [name for name in {heavy!r} if name in sys.modules])\n"
        "print(*(name for name in ('profit-pbe-gap', 'diffcomp-authors-eg', 'isdos-2eorr', 'orr-relaxed', 'finder-n')"
        " if name not in sources()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(sources())), str(len(registry.row_counts())), "[]"]


def test_the_shared_code_names_no_module_of_a_paper():
    papers = ("profitnet", "finder", "diffcomp", "esnet")
    for path in sorted((ROOT / "common").rglob("*.py")):
        for line in path.read_text().splitlines():
            words = line.split()
            assert not (words[:1] in (["from"], ["import"]) and words[1].split(".")[0] in papers), f"{path}: {line}"
