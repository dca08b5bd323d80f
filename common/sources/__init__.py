"""Where datasets come from: `load_source("mini")` and others by name, and files of the user."""

from __future__ import annotations

from typing import Any


def load_source(name: str) -> Any:
    """A source by its name; the registry, which needs YAML, is imported only here."""
    from common.sources.registry import load_source

    return load_source(name)


def sources() -> dict[str, Any]:
    """Name -> loader of every source."""
    from common.sources.registry import sources

    return sources()


__all__ = ["load_source", "sources"]
