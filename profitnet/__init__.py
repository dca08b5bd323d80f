"""PROFiT-Net: the property-networking orbital field matrix of a crystal -> 1-D CNN -> one property."""

from __future__ import annotations

from typing import Any

__all__ = ["PROFiTNet"]


def __getattr__(name: str) -> Any:
    """Import the regressor when it is used, so that importing the package is fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from profitnet import regressor

    return getattr(regressor, name)
