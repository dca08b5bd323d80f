"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ESNetConfig:
    """The choices of ESNet; `README.md` of this package says what each one does.

    points: energies of a density of states; orbitals: channels a spin, 9 without f, 16 with it.
    elements: length of the composition vector; embedding: width of its dense layer.
    stem: whether each spin starts with a convolution of stride 2 and a pool; it is in the release, not in the article.
    momentum: of the running means of batch normalization. Keras's 0.99 looks back over 100 updates; on a few hundred
    materials these are ten epochs, and predictions lag behind the weights.

    reference, outside, per, down: the form of the densities, see `esnet.dos.resampling.Form`.
    scale_composition: whether the composition vector is standardized with the densities, as a channel filled up with
    zeros.
    selection: the part of the split on which the epoch is chosen, "validation" or "test".
    """

    points: int = 1500
    orbitals: int = 9
    elements: int = 111
    embedding: int = 64
    stem: bool = True
    momentum: float = 0.99

    reference: str = "fermi"
    outside: str = "zero"
    per: str = "site"
    down: int = 1
    scale_composition: bool = False
    selection: str = "validation"


VARIANTS = {
    "released": ESNetConfig(
        reference="absolute", outside="ramp", per="element", down=-1, scale_composition=True, selection="test"
    ),
    "paper": ESNetConfig(elements=110, embedding=50, stem=False, reference="absolute", per="cell", down=-1),
    "corrected": ESNetConfig(),
}
