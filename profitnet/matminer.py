"""Orbital field matrices as featurizers of matminer."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.features.matminer import MatminerFeaturizer
from profitnet.atoms import BLOCKS
from profitnet.features import ofm_matrix, profit_matrix


class PROFiTMatrix(MatminerFeaturizer):
    """The 136 x 136 property-networking orbital field matrix of a structure, row by row.

    >>> PROFiTMatrix().featurize_dataframe(frame, "structure")
    """

    article = (
        "@article{profitnet, title={PROFiT-Net: Property-Networking Deep Learning Model for Materials}, "
        "journal={Journal of the American Chemical Society}, year={2024}, doi={10.1021/jacs.4c05159}}"
    )

    def __init__(self, variant: str = "corrected"):
        self.variant = variant

    def array(self, structure: Any) -> np.ndarray:
        return profit_matrix(structure, self.variant)

    def names(self) -> list[str]:
        entries = [f"{block} {k}" for block, place in BLOCKS.items() for k in range(place.stop - place.start)]
        return [f"PROFiT: {row} - {column}" for row in entries for column in entries]


class OrbitalFieldMatrix(MatminerFeaturizer):
    """The 32 x 32 orbital field matrix of a structure, row by row; that of matminer, computed faster."""

    article = (
        "@article{ofm, title={Machine learning reveals orbital interaction in materials}, "
        "journal={Science and Technology of Advanced Materials}, year={2017}, doi={10.1080/14686996.2017.1378060}}"
    )

    def array(self, structure: Any) -> np.ndarray:
        return ofm_matrix(structure)

    def names(self) -> list[str]:
        shells = {"s": 2, "p": 6, "d": 10, "f": 14}
        entries = [f"{shell}^{k}" for shell, most in shells.items() for k in range(1, most + 1)]
        return [f"OFM: {row} - {column}" for row in entries for column in entries]
