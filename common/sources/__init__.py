"""Where datasets come from: `load_source("mini")` and others by name, and files of the user."""

from __future__ import annotations

from common.sources.registry import load_source, sources

__all__ = ["load_source", "sources"]
