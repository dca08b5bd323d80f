"""Latency of the commands, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.child import ROOT, environment
from benchmarks.report import Line
from common.errors import UserError
from common.train import devices
from profitnet.regressor import PROFiTNet

#: Sodium chloride, primitive cell.
CIF = """data_NaCl
_cell_length_a 3.988
_cell_length_b 3.988
_cell_length_c 3.988
_cell_angle_alpha 60
_cell_angle_beta 60
_cell_angle_gamma 60
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_type_symbol
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Na Na1 0 0 0
Cl Cl1 0.5 0.5 0.5
"""


def commands() -> tuple[list[Line], list[str]]:
    help_times = [_seconds("--help") for _ in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        devices.setup(0)
        # An untrained network has the size and speed of a trained one.
        model = PROFiTNet()
        model.model, model.target, model.unit = model.build(), "band_gap", "eV"
        model.save(Path(folder) / "model")
        crystal = Path(folder) / "NaCl.cif"
        crystal.write_text(CIF)
        changes = {"MATREPRO_CACHE": str(Path(folder) / "cache")}
        predict = [_seconds("predict", "--model", f"{folder}/model", str(crystal), **changes) for _ in range(3)]
    lines = [
        Line("profitnet --help", min(help_times), "s", "< 0.5", f"best of 5, worst {max(help_times):.2f} s"),
        Line("profitnet predict, one CIF", max(predict), "s", "< 12", f"worst of 3, best {min(predict):.1f} s"),
    ]
    return lines, ["Each in a new Python process; predict imports TensorFlow and pymatgen and loads 58 MB of weights."]


def _seconds(*arguments: str, **changes: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "profitnet.cli", *arguments],
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise UserError(f"profitnet {' '.join(arguments)} failed: {done.stderr.strip().splitlines()[-1]}")
    return time.perf_counter() - started
