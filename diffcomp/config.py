"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import UserError
from common.train.variants import later
from diffcomp.diffraction.settings import PICTURES

#: Nodes in which the branches meet.
NODES = 10
#: Orders of the elements in a composition vector.
ORDERS = ("metal first", "as written")


@dataclass(frozen=True)
class DiffcompConfig:
    """The choices of the composition and diffraction model; `README.md` of this package says what each one does.

    cv_nodes: of the ten nodes in which the branches meet, those of the composition; 9 is the article's 90:10.
    elements: the most elements of a composition, 2 in the article.
    scaled: whether each dimension of the element vectors is scaled to 0 ... 1; it is in the authors' data, not in the
    article.
    picture: "released" with the artefacts of the published pictures, or "corrected".
    order: of the elements in a composition vector, "metal first" by electronegativity, or "as written" for formulas
    whose places mean sites.
    corpus: "" for the element vectors that come with the project; otherwise a source of formulas from which vectors of
    `vector_length` numbers are learned in `corpus_epochs` epochs.
    """

    cv_nodes: int = 9
    elements: int = 2
    scaled: bool = True
    picture: str = "corrected"
    order: str = later("metal first")
    corpus: str = later("")
    vector_length: int = later(30)
    corpus_epochs: int = later(0)

    def __post_init__(self):
        check_nodes(self.cv_nodes)
        if self.elements < 2:
            raise UserError(f"elements is {self.elements}; a composition needs places for two or more")
        if self.picture not in PICTURES:
            raise UserError(f"picture {self.picture!r} is unknown; choose one of: {', '.join(PICTURES)}")
        if self.order not in ORDERS:
            raise UserError(f"order {self.order!r} is unknown; choose one of: {', '.join(ORDERS)}")
        if bool(self.corpus) != bool(self.corpus_epochs):
            raise UserError("corpus and corpus_epochs go together: a source of formulas and for how long to learn")
        if not self.corpus and self.vector_length != 30:
            raise UserError("the vectors of the project have 30 numbers; name a corpus to learn others from")


def check_nodes(cv_nodes: int) -> None:
    if cv_nodes not in range(NODES + 1):
        raise UserError(f"{cv_nodes} nodes for the composition; choose 0 to {NODES}")


VARIANTS = {
    "released": DiffcompConfig(picture="released"),
    "paper": DiffcompConfig(scaled=False),
    "corrected": DiffcompConfig(),
}
