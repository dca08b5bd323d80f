"""Text in scripts that the default font lacks: another installed font, or a transliteration.

An SVG keeps its text as it is, since whoever shows it chooses the font.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from common.io.messages import note

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Its glyphs are boxes with the names of the scripts.
PLACEHOLDERS = "Last Resort"


def use_readable_fonts(figure: Figure, path: Path) -> None:
    """Set every text of a figure in fonts that have its characters, before it is written to a PNG."""
    from matplotlib.text import Text

    texts = [(text, lacking) for text in figure.findobj(Text) if (lacking := _lacking(text.get_text()))]
    replaced = False
    for text, lacking in texts:
        font = _font_with(lacking)
        if font:
            text.set_fontfamily([_default().family_name, font])
        else:
            text.set_text(transliterated(text.get_text()))
            replaced = True
    if replaced:
        note(f"{path}: no installed font has all of the characters, so that some are transliterated")


def readable(text: str, path: str | Path) -> str:
    """A name for a tick, which cannot be changed later: transliterated in a PNG where no installed font has it."""
    lacking = _lacking(text)
    return text if not lacking or Path(path).suffix.lower() == ".svg" or _font_with(lacking) else transliterated(text)


def transliterated(text: str) -> str:
    """Characters that the default font lacks, by the names that Unicode gives them: a syllable, or U+751F."""
    lacking = _lacking(text)
    return "".join(_spelled(c) if c in lacking else c for c in text)


def _spelled(character: str) -> str:
    name = unicodedata.name(character, "")
    for kind in (" SYLLABLE ", " LETTER ", " SIGN "):
        if kind in name:
            return name.partition(kind)[2].split()[-1].lower()
    return f"[U+{ord(character):04X}]"


def _lacking(text: str) -> frozenset[str]:
    return frozenset() if text.isascii() else frozenset(c for c in text if c > " " and ord(c) not in _characters())


@lru_cache
def _default():
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return FT2Font(findfont("DejaVu Sans"))


@lru_cache
def _characters() -> frozenset[int]:
    return frozenset(_default().get_charmap())


@lru_cache
def _font_with(characters: frozenset[str]) -> str:
    """The name of an installed font with all of these characters; empty where there is none."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    wanted = {ord(c) for c in characters}
    for entry in fontManager.ttflist:
        if not entry.name.startswith(PLACEHOLDERS) and wanted <= FT2Font(entry.fname).get_charmap().keys():
            return entry.name
    return ""
