"""ESNet: density of states of the unrelaxed structure -> CNN with attention -> formation energy of the relaxed one."""

from __future__ import annotations

from typing import Any

__all__ = ["ESNet"]


def __getattr__(name: str) -> Any:
    """Import the regressor when it is used, so that importing the package is fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from esnet import regressor

    return getattr(regressor, name)
