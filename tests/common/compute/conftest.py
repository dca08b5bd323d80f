"""Fixtures of the packages whose work is done on clusters here."""

from tests.esnet.conftest import standin
from tests.experiments.conftest import tiny

__all__ = ["standin", "tiny"]
