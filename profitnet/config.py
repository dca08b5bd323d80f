"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfitConfig:
    """The choices of PROFiT-Net; `README.md` of this package lists what each one does to the error.

    matrix: "profit" (136 x 136) or "ofm" (32 x 32, the OFMCNN baseline).
    rows: which atom the rows of the matrix stand for, "neighbour" or "centre"; it matters after flattening.
    polarizability: "own", or "next" for the released table that is shifted by one element.
    late_relu: whether convolution blocks 4 and 5 end in a ReLU (they do in the release, not in the article).
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
