"""Where article and released program differ, as named choices, and the three presets that set them."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import UserError
from common.train.recipes.variants import later
from diffcomp.diffraction.settings import PICTURES

#: Nodes in which the branches meet.
NODES = 10
#: Orders of the elements in a composition vector.
ORDERS = ("metal first", "as written")
#: Elements over which the dimensions of their vectors are scaled, and orientations of a crystal in the beam.
SCALED_OVER, ORIENTATIONS = ("training set", "table"), ("standard", "as given")


@dataclass(frozen=True)
class DiffcompConfig:
    """The choices of the composition and diffraction model; `README.md` of this package says what each one does.

    cv_nodes: of the ten nodes in which the branches meet, those of the composition; 9 is the article's 90:10.
    elements: the most elements of a composition, 2 in the article.
    scaled: whether each dimension of the element vectors is scaled to 0 ... 1; it is in the authors' data, not in the
    article. scaled_over: the elements of the "training set", as in the authors' data, or all those of the "table".
    orientation: "standard", a along x and b in the xy plane as in the authors' cells, or "as given".
    picture: "released" with the artefacts of the published pictures, or "corrected".
    fusion: nodes of a hidden layer over both branches; 0 for none, as in the article, where y = f(picture) +
    g(composition).
    order: of the elements in a composition vector, "metal first" by electronegativity, or "as written" for formulas
    whose places mean sites.
    corpus: "" for the element vectors that come with the project; otherwise a source of formulas from which vectors of
    `vector_length` numbers are learned in `corpus_epochs` epochs.
    """

    cv_nodes: int = 9
    elements: int = 2
    scaled: bool = True
    picture: str = "corrected"
    scaled_over: str = later("training set", before="table")
    orientation: str = later("standard", before="as given")
    fusion: int = later(0)
    order: str = later("metal first")
    corpus: str = later("")
    vector_length: int = later(30)
    corpus_epochs: int = later(0)

    def __post_init__(self):
        check_nodes(self.cv_nodes)
        if self.elements < 2:
            raise UserError(f"elements is {self.elements}; a composition needs places for two or more")
        choices = {"picture": PICTURES, "order": ORDERS, "scaled_over": SCALED_OVER, "orientation": ORIENTATIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UserError(f"{name} {getattr(self, name)!r} is unknown; choose one of: {', '.join(known)}")
        if self.fusion < 0:
            raise UserError(f"fusion is {self.fusion}; give the nodes of a hidden layer, or 0 for none")
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
