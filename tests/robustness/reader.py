"""A reader and a small file that it accepts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Reader(NamedTuple):
    """`make` writes the file, `read` reads it; values are damaged one by one only in `text`."""

    name: str
    make: Callable[[Path], object]
    read: Callable[[Path], object]
    text: bool = True
