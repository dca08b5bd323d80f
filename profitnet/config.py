"""Configuration of PROFiT-Net: the choices in which article and released program differ, and three presets of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfitConfig:
    """Matrix and network of PROFiT-Net; the README of this package explains the differences.

    matrix: "profit" (136 x 136) or "ofm" (32 x 32, the OFMCNN baseline).
    rows: the atom of the matrix rows, "neighbour" or "centre"; the order matters once the matrix is flattened.
    polarizability: "own", or "next" for the released table, which is shifted by one element.
    late_relu: whether convolution blocks 4 and 5 end in a ReLU (in the released program, not in the article).
    """

    matrix: str = "profit"
    rows: str = "neighbour"
    polarizability: str = "own"
    late_relu: bool = True


VARIANTS = {
    "released": ProfitConfig(polarizability="next"),
    "paper": ProfitConfig(rows="centre", late_relu=False),
    "corrected": ProfitConfig(),
}
