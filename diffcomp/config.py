"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DiffcompConfig:
    """The choices of the composition and diffraction model; `README.md` of this package says what each one does.

    cv_nodes: of the ten nodes in which the branches meet, those of the composition; 9 is the article's 90:10.
    elements: the most elements of a composition, 2 in the article.
    scaled: whether each dimension of the element vectors is scaled to 0 ... 1; it is in the authors' data, not in the
    article.
    picture: "released" with the artefacts of the published pictures, or "corrected".
    """

    cv_nodes: int = 9
    elements: int = 2
    scaled: bool = True
    picture: str = "corrected"


VARIANTS = {
    "released": DiffcompConfig(picture="released"),
    "paper": DiffcompConfig(scaled=False),
    "corrected": DiffcompConfig(),
}
