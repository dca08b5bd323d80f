"""Configuration of Finder: the choices in which article and released program differ, and three presets of them."""

from __future__ import annotations

from dataclasses import dataclass

from common.train.recipes.variants import renamed

MODES = ("formula", "crystal")


@dataclass(frozen=True)
class FinderConfig:
    """Architecture and featurization of Finder; the README of this package explains the differences.

    mode: "formula" (complete graph over the atoms of the reduced formula) or "crystal" (sites within `cutoff`).
    vectors: name of the element vectors, see `common.chem.element_vectors`.
    layers: number of message-passing layers, each followed by an attention pool.
    channels: width of the node embeddings after each layer.
    attention: "all", "pooling" (no attention between atoms) or "none" (mean pools too).
    head: whether the post-processing network follows the pools; otherwise the last pool feeds the output layer.
    outputs: length of the target: 1 for a property, more for a curve.

    limit: largest number of atoms in a reduced formula.
    tolerance: a fractional formula over the limit is approximated by the smallest one that matches every element's
    fraction within this relative tolerance; 0 = never.

    order: "sites", or "grouped" for the released program's list of atoms element by element, which misplaces atoms
    unless the sites of the cell are grouped too.
    images: "nearest" (one edge per pair of sites) or "all" (one edge per periodic image within the cutoff).
    last_centre: centre of the last of the 20 Gaussians, which start at 0, angstrom.
    normalizer: the softmax of the attention runs over the "neighbours", or over these "and itself".
    update: activation of an atom's own term, "relu" or "linear".
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
