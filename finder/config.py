"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass

from common.train.variants import renamed

MODES = ("formula", "crystal")


@dataclass(frozen=True)
class FinderConfig:
    """The choices of Finder; `README.md` of this package lists what each one does.

    mode: "formula" (complete graph over the atoms of the reduced formula) or "crystal" (sites within `cutoff`).
    vectors: element vectors by name, see `common.chem.element_vectors`.
    layers: message-passing layers, each followed by an attention pool.
    channels: length of the vectors that atoms have after each of them.
    attention: "all", "pooling" (no attention between atoms) or "none" (none in the pools either).
    head: the post-processing network; without it the last pool goes straight to the outputs.
    outputs: length of the target, 1 for a property, more for a curve.

    limit: atoms in the reduced formula; what has more is left out.
    tolerance: a fractional formula over the limit is replaced by the smallest one whose element shares are met within
    this part of themselves; 0 = never.

    order: "sites", or "grouped" for the release's list of atoms element by element, which misplaces them where the
    sites of the cell are in another order.
    images: "nearest" (one edge a pair of sites) or "all" (one an image within the cutoff).
    last_centre: of the 20 Gaussians between 0 and here, angstrom.
    normalizer: the softmax between atoms runs over the "neighbours", or over these "and itself".
    update: "relu" or "linear", for the atom's own part of its new vector.
    scale: constant factor of the messages.
    """

    mode: str = "formula"
    vectors: str = "matscholar"
    layers: int = 2
    channels: int = 200
    attention: str = "all"
    head: bool = True
    outputs: int = 1
    limit: int = 499
    tolerance: float = 0.02
    cutoff: float = 4.0
    order: str = "sites"
    images: str = "nearest"
    last_centre: float = 4.75
    normalizer: str = renamed("neighbours", stored="normaliser")
    update: str = "relu"
    scale: float = (0.5 + 0.001) ** -0.5


VARIANTS = {
    "released": FinderConfig(order="grouped", tolerance=0.0),
    "paper": FinderConfig(last_centre=5.0, normalizer="and itself", update="linear", scale=1.0),
    "corrected": FinderConfig(),
}
