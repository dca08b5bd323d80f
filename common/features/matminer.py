"""Base class of featurizers for matminer, which work in `featurize_dataframe` and in pipelines of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matminer.featurizers.base import BaseFeaturizer


class MatminerFeaturizer(BaseFeaturizer):
    """A subclass defines `array(material)`, the names of its entries, and the article that introduced it, as BibTeX.

    Materials that it does not accept raise `UserError`; `featurize_dataframe(..., ignore_errors=True)` leaves them NaN.
    """

    article = ""

    def array(self, material: Any) -> np.ndarray:
        """The features of one material, of any shape."""
        raise NotImplementedError

    def names(self) -> list[str]:
        raise NotImplementedError

    def featurize(self, material: Any) -> list[float]:
        return np.asarray(self.array(material), dtype=float).ravel().tolist()

    def feature_labels(self) -> list[str]:
        return self.names()

    def citations(self) -> list[str]:
        return [self.article]

    def implementors(self) -> list[str]:
        return ["the authors of matrepro"]
