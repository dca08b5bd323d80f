"""Workflow, Dockerfile and conda file agree with setup.cfg; where the tools exist, they are built and solved."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


@pytest.mark.parametrize("name", ["Makefile", "Dockerfile", "environment.yml", ".github/workflows/ci.yml", "README.md"])
def test_extras_that_are_named_exist(setup, name):
    named = {extra for found in re.findall(r"\.\[([a-z,]+)\]", text(name)) for extra in found.split(",")}
    assert named <= set(setup["options.extras_require"])


def test_the_workflow_runs_what_the_script_runs():
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    matrix = workflow["jobs"]["tests"]["strategy"]["matrix"]
    assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert matrix["python"] == ["3.11", "3.12", "3.13"]
    steps = str(workflow["jobs"])
    for command in ("ruff check", "ruff format --check", "mypy", "not real and not slow", "-m slow", "matrepro check"):
        assert command in steps
    assert "make docs" in steps and "docker build" in steps


def test_every_python_of_the_workflow_is_accepted(setup):
    low, high = re.findall(r"3\.(\d+)", setup["options"]["python_requires"])
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    for version in workflow["jobs"]["tests"]["strategy"]["matrix"]["python"]:
        assert int(low) <= int(version.split(".")[1]) < int(high)
        assert f"Python :: {version}" in setup["metadata"]["classifiers"]


def test_requirements_of_all_extras_are_fixed(setup):
    fixed = {
        re.split(r"[=<>@ ]", line)[0].lower() for line in text("constraints.txt").splitlines() if line[:1].isalpha()
    }
    for extra in ("baselines", "explain", "docs", "dev"):
        names = re.findall(r"^([A-Za-z0-9_-]+)", setup["options.extras_require"][extra].strip(), re.MULTILINE)
        assert {name.lower() for name in names} <= fixed


def works(*command: str) -> bool:
    return bool(shutil.which(command[0])) and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.slow
def test_the_image_is_built():
    if not works("docker", "info"):
        pytest.skip("docker is not installed, or its daemon does not run")
    subprocess.run(["docker", "build", "--quiet", "--tag", "matrepro-test", "."], cwd=ROOT, check=True)
    done = subprocess.run(
        ["docker", "run", "--rm", "matrepro-test", "finder", "--help"], capture_output=True, text=True, check=True
    )
    assert "finder" in done.stdout


@pytest.mark.slow
def test_the_conda_environment_is_solved():
    tool = next((name for name in ("micromamba", "mamba", "conda") if shutil.which(name)), None)
    if not tool:
        pytest.skip("neither conda nor mamba is installed")
    command = [tool, "env", "create", "--dry-run", "--name", "matrepro-test", "--file", "environment.yml"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
