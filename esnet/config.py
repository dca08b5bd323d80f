"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from common.errors import UserError


@dataclass(frozen=True)
class ESNetConfig:
    """The choices of ESNet's network; those of its input come with the densities of states.

    points: energies of a density of states; orbitals: channels a spin, 9 without f, 16 with it.
    elements: length of the composition vector; embedding: width of its dense layer.
    stem: whether each spin starts with a convolution of stride 2 and a pool; it is in the release, not in the article.
    """

    points: int = 1500
    orbitals: int = 9
    elements: int = 111
    embedding: int = 64
    stem: bool = True

    @classmethod
    def preset(cls, variant: str, **changes) -> ESNetConfig:
        if variant not in VARIANTS:
            raise UserError(f"variant {variant!r} is unknown; choose one of {', '.join(VARIANTS)}")
        return replace(VARIANTS[variant], **changes)


VARIANTS = {
    "released": ESNetConfig(),
    "paper": ESNetConfig(elements=110, embedding=50, stem=False),
    "corrected": ESNetConfig(),
}
