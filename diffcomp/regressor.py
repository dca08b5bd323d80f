"""The composition and diffraction model as a regressor: inputs, network, recipe."""

from __future__ import annotations

from functools import partial

import numpy as np

from common.cache import each_formula, featurise
from common.errors import UserError
from common.formula import Amounts
from common.hdf5 import file_digest
from common.materials import MaterialsTable
from common.predictions import Predictions
from common.ragged import Ragged
from common.regressor import Regressor
from common.training import Recipe, predict
from diffcomp.config import VARIANTS
from diffcomp.elements import PATH, element_space
from diffcomp.embedding import composition_vector
from diffcomp.features import PICTURE_VERSION, Inputs, packed, picture_row
from diffcomp.model import NODES, build_diffcomp


class DiffComp(Regressor):
    """Composition vector and simulated diffraction picture -> two-branch CNN -> one property.

    >>> model = DiffComp(cv_nodes=5).fit(table, "band_gap", split)
    >>> model.predict(other_table).prediction
    """

    name = "diffcomp"
    variants = VARIANTS
    #: MAE, Adam 1e-4 (released program). Batch and epochs are not published: chosen on validation parts.
    recipe = Recipe(loss="mae", learning_rate=1e-4, batch=32, epochs=300, monitor="MAE", patience=60)

    def features(self, table: MaterialsTable, jobs: int = 1):
        bad: dict[str, str] = {}
        good = np.arange(len(table))
        vectors = pictures = None
        if self.config.cv_nodes > 0:
            vectors, good, bad = self._vectors(table)
        if self.config.cv_nodes < NODES and len(good):
            name = f"{PICTURE_VERSION}-{self.config.picture}"
            function = partial(picture_row, variant=self.config.picture)
            pictures, inner, worse = featurise(table.take(good), name, function, jobs=jobs)
            vectors = vectors[inner] if vectors is not None else None
            good, bad = good[inner], bad | worse
        return (Inputs(vectors, pictures) if len(good) else None), good, bad

    def predict_measured(self, composition: Amounts | None, picture: np.ndarray | None, *, name: str) -> Predictions:
        """The property of one measured material: amounts by atomic number, and a picture (128, 128, 3) uint8."""
        self._check_trained()
        vectors = pictures = None
        if self.config.cv_nodes > 0:
            if composition is None:
                raise UserError("this model needs a composition; give it with --composition")
            space = element_space(scaled=self.config.scaled)
            vectors = composition_vector(composition, space, elements=self.config.elements)[None].astype(np.float32)
        if self.config.cv_nodes < NODES:
            if picture is None:
                raise UserError("this model needs a diffraction pattern; give it with --pattern")
            pictures = Ragged.stack([{"png": packed(picture)}])
        outputs = predict(self.model, Inputs(vectors, pictures), np.arange(1))
        return Predictions(np.array([name]), self.scale.outer(outputs[:, 0]), unit=self.unit)

    def _vectors(self, table: MaterialsTable):
        space = element_space(scaled=self.config.scaled)

        def vector_of(formula: str) -> np.ndarray:
            try:
                return composition_vector(formula, space, elements=self.config.elements)
            except UserError as error:
                raise UserError(str(error) if formula in str(error) else f"{formula}: {error}") from None

        made, good, bad = each_formula(table, vector_of)
        return np.array(made, dtype=np.float32), good, bad

    def settings(self) -> dict:
        """With the element vectors' hash, since a result depends on them too."""
        return {**super().settings(), "element_vectors": file_digest(PATH)}

    def build(self):
        return build_diffcomp(self.config.cv_nodes, vector=self.config.elements * 30)
