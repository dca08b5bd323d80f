"""Finder: formula graph or crystal graph -> self-attention message passing -> six properties."""

from __future__ import annotations

from typing import Any

__all__ = ["CrystalFinder", "Finder"]


def __getattr__(name: str) -> Any:
    """Import the regressors when they are used, so that importing the package is fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from finder import regressor

    return getattr(regressor, name)
