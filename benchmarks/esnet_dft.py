"""GPAW on two-atom cells of the embedded set: cost, and agreement with the stored data."""

from __future__ import annotations

import json

import numpy as np

from benchmarks.report import Line
from benchmarks.timing import total_processor_time
from common.chem.crystal import Crystal
from common.io.hdf5 import open_hdf5
from common.sources.mini import PATH
from esnet.dft.backends import compute
from esnet.dft.gpaw_backend import gpaw_python
from esnet.dos.projected import from_group
from esnet.dos.resampling import Form, resampled

#: An insulator, a compound with filled d states and a metal, all without spin polarization.
NAMES = ("MgO-B1", "AgBr-B1", "TiN-B1")


def dft() -> tuple[list[Line], list[str]]:
    gpaw_python()  # raises an error if GPAW is not installed
    lines, notes = [], []
    with open_hdf5(PATH) as file:
        energies, channels, program = (file.attrs[key] for key in ("energies_eV", "channels", "engine"))
        for name in NAMES:
            group = file["materials"][name]
            crystal = Crystal(*(group[key][:] for key in ("numbers", "cell", "scaled_positions")))
            before = total_processor_time()
            found = compute(crystal)
            busy = total_processor_time() - before
            stored, attributes = group.attrs, found.attributes
            off = abs(attributes["total_energy_eV"] - stored["total_energy_eV"]) / len(crystal.numbers)
            similarity = []
            for form in (Form("absolute", per="cell"), Form("fermi", per="cell")):
                row = from_group(group, energies, json.loads(channels), aligned=form.reference == "fermi")
                similarity.append(_cosine(resampled(found.dos, form), resampled(row, form)))
            source = f"the stored row of the embedded set ({program})"
            lines += [
                Line(f"{name}, processor time", busy, "s", "<= 15", f"stored row: {stored['cpu_s']:.1f} s"),
                Line(f"{name}, energy deviation", 1e3 * off, "meV/atom", "<= 5", source),
                Line(f"{name}, 18 channels, cosine", similarity[0], "", ">= 0.98", source),
            ]
            fermi = 1e3 * abs(found.dos.fermi - stored["efermi_eV"])
            notes.append(
                f"{name}: {attributes['n_ibz']} k-points, {attributes['nbands']} bands; "
                f"Fermi level deviates by {fermi:.1f} meV; cosine with the Fermi levels aligned {similarity[1]:.3f}."
            )
    notes.append(f"Processor time of this process and of GPAW's together, imports included; {attributes['engine']}.")
    return lines, notes


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))
