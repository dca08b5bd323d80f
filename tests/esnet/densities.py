"""Densities of states for tests."""

import numpy as np

from esnet.dos import ProjectedDOS


def made(energies=None, *, reference="absolute", fermi=2.0, sites=4, elements=("O", "Ti"), seed=0) -> ProjectedDOS:
    energies = np.linspace(-15, 12, 400) if energies is None else energies
    densities = np.random.default_rng(seed).random((2, 9, len(energies)))
    return ProjectedDOS(energies, densities, fermi, 1.5, reference, True, "test", sites, elements)
