"""diffcomp: composition vector and simulated diffraction image -> two-branch CNN -> formation energy, gap.

README.md of this package shows the pipeline and the choices that the article leaves open.
"""

from __future__ import annotations

from typing import Any

__all__ = ["DiffComp"]


def __getattr__(name: str) -> Any:
    """Import the regressor when it is used, so that importing the package is fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from diffcomp import regressor

    return getattr(regressor, name)
