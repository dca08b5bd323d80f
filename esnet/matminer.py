"""Moments of the projected density of states as a featurizer of matminer."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.features.matminer import MatminerFeaturizer
from esnet.dos.moments import NAMES, moments
from esnet.dos.projected import ORBITALS
from esnet.dos.resampling import AXIS, covered, resampled
from esnet.dos.vasp import from_complete_dos


class DOSMoments(MatminerFeaturizer):
    """Filling, centre, width, skewness and kurtosis of both spins of nine orbitals of a pymatgen `CompleteDos`.

    Energies are relative to the Fermi level, from -20 to 10 eV.

    >>> DOSMoments().featurize_dataframe(frame, "dos")
    """

    article = (
        "@article{esnet, title={Chemically Inspired Convolutional Neural Network using Electronic Structure "
        "Representation}, journal={Journal of Materials Chemistry A}, year={2023}, doi={10.1039/D3TA01767B}}"
    )

    def array(self, dos: Any) -> np.ndarray:
        found = from_complete_dos(dos)
        covered(found)
        return moments(AXIS, resampled(found), 0.0)

    def names(self) -> list[str]:
        return [f"DOS: {orbital} {spin} {name}" for spin in ("up", "down") for orbital in ORBITALS for name in NAMES]
