"""Help of the `profitnet` command, and `profitnet featurize` as a user types it."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from common.sources.files import load
from profitnet.cli import build_parser
from profitnet.features import ofm_matrix, profit_matrix

COMMANDS = ("train", "predict", "evaluate", "featurize", "explain", "screen")
HEAVY = ("tensorflow", "keras", "pymatgen", "matminer", "pandas", "matplotlib", "shap", "sklearn", "joblib", "numpy")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_parses(run, command):
    status, out, _ = run(command, "--help")
    assert status == 0
    examples = [line.strip() for line in out.split("example:\n")[1].splitlines()]
    for line in examples:
        words = line.split("#")[0].replace('"gap (eV)"', "gap").split()
        assert words[:2] == ["profitnet", command]
        assert build_parser().parse_args(words[1:]).command is not None


def test_help_loads_nothing_heavy():
    program = f"""
import shutil
import sys
from profitnet.cli import main
for argv in [["--help"], ["--version"], *([c, "--help"] for c in {COMMANDS!r})]:
    try:
        main(argv)
    except SystemExit as stop:
        assert stop.code == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("variant", ["released", "paper", "corrected"])
@pytest.mark.parametrize("extension", ["h5", "npz"])
def test_featurize(run, files, variant, extension):
    output = files / f"out.{extension}"
    command = ("featurize", files, "--variant", variant, "--output", output)
    status, out, err = run(*command)
    assert (status, out) == (0, "") and err.count("left out: ") == 2
    table = load(files).table
    expected = np.array([profit_matrix(crystal, variant) for crystal in table.structures()])
    dense = read(output)
    np.testing.assert_allclose(dense["matrix"], expected, rtol=1e-5, atol=1e-6)
    assert dense["matrix"].dtype == np.float32
    assert dense["id"].astype(str).tolist() == table.ids.tolist()
    assert dense["formula"].astype(str).tolist() == ["NaCl", "NaCl"]

    assert run(*command, "--factorised")[0] == 0
    factors = read(output)
    for i, matrix in enumerate(expected):
        species = factors["species"][slice(*factors["species_offset"][i : i + 2])]
        weights = factors["weights"][slice(*factors["weights_offset"][i : i + 2])].reshape(len(species), -1)
        chosen = factors["atom_vectors"][species].astype(float)
        np.testing.assert_allclose(chosen.T @ weights @ chosen, matrix, rtol=1e-5, atol=1e-6)


def read(path) -> dict:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            return dict(data)
    with h5py.File(path) as file:
        return {name: data[:] for name, data in file.items()}


def test_featurize_many_with_the_orbital_matrix(run, tmp_path, mini):
    assert run("featurize", "mini", "--matrix", "ofm", "--output", tmp_path / "x.npz", "--jobs", "2")[0] == 0
    matrices = read(tmp_path / "x.npz")["matrix"]
    assert matrices.shape == (336, 32, 32)
    for row in (0, 100, 335):
        np.testing.assert_allclose(matrices[row], ofm_matrix(mini.structure(row)), rtol=1e-5, atol=1e-6)


def test_featurize_to_another_kind_of_file(run, files):
    status, _, err = run("featurize", files, "--output", files / "x.txt")
    assert status == 2 and "must end in .h5 or .npz" in err and not (files / "x.txt").exists()
