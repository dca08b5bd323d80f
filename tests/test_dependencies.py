"""What is imported is declared and the other way round, and the requirements can be installed on every platform."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("common", "profitnet", "finder", "diffcomp", "esnet", "experiments")
#: Package -> module, where the names differ.
MODULES = {
    "scikit-learn": "sklearn",
    "pyyaml": "yaml",
    "pillow": "PIL",
    "mp-api": "mp_api",
    "jarvis-tools": "jarvis",
    "ax-platform": "ax",
    "umap-learn": "umap",
    "huggingface-hub": "huggingface_hub",
}
#: Backends that a user may choose and a simulator to compare with; each is an option that names what is missing.
OPTIONAL = {"jax", "torch", "condor"}
#: Functions that import the module of this name where it is needed.
LOADERS = {"import_module", "_package"}
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")


def declared(section: str) -> list[str]:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    if section == "plain":
        return parser["options"]["install_requires"].split("\n")[1:]
    extras = parser["options.extras_require"]
    return [line for name in extras if name not in ("dev", "docs") for line in extras[name].split("\n")[1:]]


def modules_of(requirements: list[str]) -> set[str]:
    names = [re.match(r"[\w.-]+", line)[0].lower() for line in requirements]
    return {MODULES.get(name, name) for name in names}


def imported() -> set[str]:
    found = set()
    for path in [ROOT / "matrepro.py", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in LOADERS and node.args:
                found |= {str(one.value).partition(".")[0] for one in node.args[:1] if isinstance(one, ast.Constant)}
    return found - set(sys.stdlib_module_names) - {*PACKAGES, "matrepro"}


def test_what_is_imported_is_declared_and_the_other_way_round():
    known = modules_of(declared("plain")) | modules_of(declared("extras"))
    assert imported() - OPTIONAL == known


def test_spektral_is_not_required_on_macs_with_apple_silicon():
    (line,) = (line for line in declared("plain") if line.startswith("spektral"))
    assert line.endswith('; sys_platform != "darwin" or platform_machine != "arm64"')


def _environment() -> dict[str, str]:
    """The index and certificates of pip, which uv does not read by itself."""
    names = {"global.index-url": "UV_DEFAULT_INDEX", "global.cert": "SSL_CERT_FILE", ":env:.cert": "SSL_CERT_FILE"}
    run = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    settings = dict(line.split("=", 1) for line in run.stdout.splitlines() if "=" in line)
    return os.environ | {uv: settings[pip].strip("'") for pip, uv in names.items() if pip in settings}


@pytest.mark.slow
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_requirements_have_a_solution_of_wheels(platform, version, tmp_path):
    if find_spec("uv") is None:
        pytest.skip("uv, which resolves requirements for other platforms, is not installed")
    wanted = tmp_path / "requirements.in"
    wanted.write_text("\n".join(declared("plain")))
    options = ["--python-platform", platform, "--python-version", version, "--only-binary", ":all:", "--no-header"]
    run = subprocess.run(
        [sys.executable, "-m", "uv", "pip", "compile", str(wanted), *options, "--no-annotate", "--quiet"],
        capture_output=True,
        text=True,
        env=_environment() | {"UV_CACHE_DIR": str(tmp_path / "cache")},
        check=False,
    )
    if "Failed to fetch" in run.stderr or "error sending request" in run.stderr:
        pytest.skip("no package index is reachable")
    assert run.returncode == 0, run.stderr
    packages = {line.partition("==")[0] for line in run.stdout.splitlines() if "==" in line}
    assert ("spektral" in packages) == (platform != "aarch64-apple-darwin")
    assert len(packages) <= 90
