"""Composition vectors as a featurizer of matminer."""

from __future__ import annotations

from typing import Any

import numpy as np

from common.chem.formula import parse_formula
from common.features.matminer import MatminerFeaturizer
from diffcomp.composition.element_table import PATH, element_space
from diffcomp.composition.embedding import composition_vector


class CompositionVector(MatminerFeaturizer):
    """Learned vectors of the elements of a pymatgen `Composition`, times their fractions, from metal to anion.

    elements: the most elements of a composition; a shorter one has zeros before its last element.

    >>> CompositionVector(elements=3).featurize_dataframe(frame, "composition")
    """

    article = (
        "@article{diffcomp, title={Deep Learning-Based Prediction of Material Properties Using Chemical Compositions "
        "and Diffraction Patterns as Experimentally Accessible Inputs}, journal={The Journal of Physical Chemistry "
        "Letters}, year={2021}, doi={10.1021/acs.jpclett.1c02305}}"
    )

    def __init__(self, elements: int = 2):
        self.elements = elements

    def array(self, composition: Any) -> np.ndarray:
        amounts = parse_formula(composition.element_composition.formula)
        return composition_vector(amounts, element_space(PATH), elements=self.elements)

    def names(self) -> list[str]:
        length = len(element_space(PATH))
        return [f"composition vector: element {one} {k}" for one in range(1, self.elements + 1) for k in range(length)]
