"""The composition and diffraction model as a regressor: inputs, network, recipe."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from common.chem.elements import NUMBERS
from common.chem.formula import Amounts
from common.data.materials import MaterialsDataset
from common.data.predictions import Predictions
from common.errors import UserError
from common.features.cache import each_formula, featurize
from common.features.featurized import Featurized
from common.features.ragged import Ragged
from common.io.files import file_digest, write_text
from common.train.loop import predict
from common.train.recipes.recipe import COSINE, Recipe
from common.train.regressor import Regressor
from diffcomp.composition.element_table import PATH, element_space, learned_elements
from diffcomp.composition.embedding import ElementSpace, composition_vector
from diffcomp.config import NODES, VARIANTS
from diffcomp.features import PICTURE_VERSIONS, Inputs, packed, picture_row
from diffcomp.model import build_diffcomp
from diffcomp.robustness import with_errors


class DiffComp(Regressor):
    """Composition vector and simulated diffraction picture -> two-branch CNN -> one property.

    >>> model = DiffComp(cv_nodes=5).fit(table, "band_gap", split)
    >>> model.predict(other_table).prediction
    """

    name = "diffcomp"
    variants = VARIANTS
    #: MAE, Adam 1e-4 (released program). Batch and epochs are not published: chosen on a validation set (README.md).
    recipe = Recipe(loss="mae", learning_rate=1e-4, batch=32, epochs=400, monitor="MAE", patience=60)
    #: "released": the optimizer of the released program, which has no validation set; its checkpoints are of 33,600 and
    #: 54,600 steps. "corrected": for the corrected inputs, chosen on the validation set of fold 0 (README.md).
    recipes = {
        "paper": {},
        "released": {"epsilon": 1e-8, "keep": "last", "follow": "test", "patience": 0},
        "corrected": {**COSINE, "learning_rate": 2e-3, "epochs": 240, "patience": 0},
    }
    #: The element vectors of a loaded model that learned its own.
    own_vectors: Path | None = None

    def __init__(self, variant: str = "corrected", **options):
        super().__init__(variant, **options)
        if "xla" not in options:  # it pays for the branch of pictures alone, and not with bfloat16, which it emulates
            pictures, exact = self.config.cv_nodes < NODES, self.recipe.precision == "float32"
            self.recipe = replace(self.recipe, xla=pictures and exact)

    def features(self, table: MaterialsDataset, jobs: int = 1) -> Featurized:
        bad: dict[str, str] = {}
        good = np.arange(len(table))
        vectors = pictures = None
        if self.config.cv_nodes > 0:
            found = self._vectors(table)
            vectors, good, bad = found.features, found.rows, found.errors
        if self.config.cv_nodes < NODES and len(good):
            config = self.config
            name = f"{PICTURE_VERSIONS[config.orientation]}-{config.picture}"
            function = partial(picture_row, variant=config.picture, orient=config.orientation == "standard")
            made = featurize(table.take(good), name, function, jobs=jobs, store=self.store)
            pictures = made.features
            vectors = vectors[made.rows] if vectors is not None else None
            good, bad = good[made.rows], bad | made.errors
        return Featurized(Inputs(vectors, pictures) if len(good) else None, good, bad)

    @property
    def needs(self) -> str:
        return "structure" if self.config.cv_nodes < NODES else "formula"

    def predict_measured(self, composition: Amounts | None, picture: np.ndarray | None, *, name: str) -> Predictions:
        """The property of one measured material: amounts by atomic number, and a picture (128, 128, 3) uint8."""
        return self.predict_many_measured({name: (composition, picture)})

    def predict_many_measured(self, materials: dict[str, tuple[Amounts | None, np.ndarray | None]]) -> Predictions:
        """The same of several materials, by name."""
        self._check_trained()
        if not materials:
            return Predictions(np.zeros(0, dtype=str), np.zeros(0), unit=self.unit)
        vectors, pictures = zip(*(self.measured_row(*material) for material in materials.values()), strict=True)
        inputs = Inputs(
            np.array(vectors, dtype=np.float32) if self.config.cv_nodes > 0 else None,
            Ragged.stack([{"png": png} for png in pictures]) if self.config.cv_nodes < NODES else None,
        )
        return Predictions(np.array(list(materials)), self.outputs(inputs), unit=self.unit)

    def measured_row(self, composition: Amounts | None, picture: np.ndarray | None):
        """Vector and coded picture of a measured material; what the network does not use is None."""
        vector = png = None
        if self.config.cv_nodes > 0:
            if composition is None:
                raise UserError("this model needs a composition; give it with --composition")
            vector = self.vector(composition)
        if self.config.cv_nodes < NODES:
            if picture is None:
                raise UserError("this model needs a diffraction pattern; give it with --pattern")
            png = packed(picture)
        return vector, png

    def outputs(self, inputs: Inputs) -> np.ndarray:
        """The predicted property (n,) for inputs that are made already."""
        return self.scaler.inverse_transform(
            predict(self.model, inputs, np.arange(len(inputs)), self.predict_batch)[:, 0]
        )

    def probes(self, table: MaterialsDataset, jobs: int = 1) -> dict[str, Predictions]:
        """What the network says if the composition was measured wrongly, for the table of composition errors."""
        if self.config.cv_nodes == 0 or self.config.order != "metal first":
            return {}
        return {"composition-errors": with_errors(self, table, jobs)}

    def known_elements(self, found: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the start alone where the vectors are scaled over them, so that its inputs keep their meaning."""
        if self.start and self.config.scaled_over == "training set":
            return self.start.content().elements
        return super().known_elements(found)

    # --- composition vectors ---------------------------------------------------------------------

    def space(self) -> ElementSpace:
        """The element vectors that this model works with."""
        training = tuple(NUMBERS[symbol] for symbol in self.elements)  # empty before training
        over = training if self.config.scaled_over == "training set" and training else None
        return element_space(self._table_of_vectors(), scaled=self.config.scaled, over=over)

    def _table_of_vectors(self) -> Path:
        config = self.config
        if not config.corpus:
            return PATH
        return self.own_vectors or learned_elements(config.corpus, config.vector_length, config.corpus_epochs)

    def vector(self, amounts: Amounts | str) -> np.ndarray:
        return composition_vector(amounts, self.space(), elements=self.config.elements, order=self.config.order)

    def _vectors(self, table: MaterialsDataset) -> Featurized:
        def vector_of(formula: str) -> np.ndarray:
            try:
                return self.vector(formula)
            except UserError as error:
                raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from None

        return each_formula(table, vector_of).map(lambda vectors: np.array(vectors, dtype=np.float32))

    # --- the network and its files ---------------------------------------------------------------

    def settings(self) -> dict:
        """With the element vectors' hash, since a result depends on them too; learned ones follow from the settings."""
        known = {} if self.config.corpus else {"element_vectors": file_digest(PATH)}
        return {**super().settings(), **known}

    def build(self):
        config = self.config
        return build_diffcomp(config.cv_nodes, vector=config.elements * config.vector_length, fusion=config.fusion)

    def save(self, folder: str | Path) -> Path:
        if self.config.corpus and self.config.cv_nodes > 0:
            write_text(Path(folder) / "elements.csv", self._table_of_vectors().read_text())
        return super().save(folder)

    @classmethod
    def load(cls, folder: str | Path) -> DiffComp:
        model = super().load(folder)
        if model.config.corpus:
            model.own_vectors = Path(folder) / "elements.csv"
        return model
