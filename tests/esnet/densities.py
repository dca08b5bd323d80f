"""Densities of states for tests."""

import json

import numpy as np

from esnet.dos.projected import ProjectedDOS


def made(energies=None, *, reference="absolute", fermi=2.0, sites=4, elements=("O", "Ti"), seed=0) -> ProjectedDOS:
    energies = np.linspace(-15, 12, 400) if energies is None else energies
    densities = np.random.default_rng(seed).random((2, 9, len(energies)))
    return ProjectedDOS(energies, densities, fermi, 1.5, reference, True, "test", sites, elements)


def complete_dos(path, *, symbol="Si", low=-15.0, name="CompleteDos"):
    """A CompleteDos of two atoms as the Materials Project gives it."""
    from pymatgen.core import Lattice, Structure
    from pymatgen.electronic_structure.core import Orbital, Spin
    from pymatgen.electronic_structure.dos import CompleteDos, Dos

    structure = Structure(Lattice.cubic(4), [symbol, symbol], [[0, 0, 0], [0.5, 0.5, 0.5]])
    energies = np.linspace(low, 15, 600)
    density = {Spin.up: np.exp(-0.5 * (energies + 3) ** 2)}
    pdos = {site: {orbital: density for orbital in list(Orbital)[:9]} for site in structure}
    found = CompleteDos(structure, Dos(1.0, energies, density), pdos).as_dict()
    path.write_text(json.dumps({**found, "@class": name}))
    return path
