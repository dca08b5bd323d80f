"""Configuration of ESNet: the choices in which article and released program differ, with three presets."""

from __future__ import annotations

from dataclasses import dataclass

from common.train.recipes.variants import later


@dataclass(frozen=True)
class ESNetConfig:
    """The choices of ESNet; `README.md` of this package explains the presets.

    points: energies of a density of states. orbitals: channels per spin, 9 without f orbitals, 16 with them.
    elements: length of the composition vector. embedding: width of its dense layer.
    stem: start each spin with a convolution of stride 2 and pooling, as the released program does.
    momentum: of the running means of batch normalization. Keras's 0.99 averages over 100 updates, ten epochs on a few
    hundred materials, so that validation lags behind the weights.

    reference, outside, per, down: representation of the densities, see `esnet.dos.resampling.Form`.
    scale_composition: standardize the composition vector like a zero-padded channel of the densities.
    selection: set on which the epoch is chosen, "validation" or "test".
    energy: use of the energy of the unrelaxed cell, which the calculation of the densities also gives: "" for none,
    "input" for an additional input, "delta" to learn the difference of the target from it.
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
    energy: str = later("")


VARIANTS = {
    "released": ESNetConfig(
        reference="absolute", outside="ramp", per="element", down=-1, scale_composition=True, selection="test"
    ),
    "paper": ESNetConfig(elements=110, embedding=50, stem=False, reference="absolute", per="cell", down=-1),
    "corrected": ESNetConfig(),
}
