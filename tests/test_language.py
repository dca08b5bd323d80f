"""The repository speaks the language of its field: no private words in source, messages, notes and documents."""

import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Results are generated; the names of stored keys and old options may contain any word.
SKIPPED = ("tests/", "experiments/results/", "docs/results/", "build/", "CHANGELOG.md")
ENDINGS = {".py", ".md", ".yaml", ".yml", ".toml", ".cfg", ".cff", ".html"}

#: Regular expressions of whole words, and what to write instead.
BANNED = {
    r"(inner )?road": "pipeline",
    r"at hand": "available",
    r"told": "reported, called with",
    r"mend(s|ed|ing)?": "fix",
    r"(by|off by) heart": "overfitted, memorized",
    r"com(e|es|ing) out": "reaches, is",
    r"(goes|go|going|went) on": "resumes, continues",
    r"whole or not at all": "atomically",
    r"nobody": "no one, or the passive",
    r"(test|validation|training) parts?": "test set",
    r"set aside": "held out",
    r"work(s|ed)? off": "processes",
    r"worth": "contribution",
    r"rows an update": "batch size",
    r"to the bit": "bitwise",
    r"say what": "show, name",
    r"said so": "reported",
    r"left alone": "unchanged, uninterrupted",
    r"afresh|anew|once more": "again",
    r"look(s|ed)? at": "read, use",
    r"hand(s|ed)? over": "passes",
    r"at home|(bring|come) home": "on this machine",
    r"of which nothing is known": "unlabeled",
    r"data set": "dataset",
    r"kept": "stored, reused",
    r"engines?": "DFT backend, executor, simulator",
    r"cells (that|which) (train|fail|run)|(finished|interrupted|declared|small) cells?": "runs",
}
#: Uses with a meaning of their own: HDF5 attributes and caches that are stored under this name, options of before.
ALLOWED = {
    r"engines?": re.compile(r"[\"'`]-{0,2}engines?[\"'`]|--engine|ENGINE"),
    r"kept": re.compile(r"pooling attention kept"),
}


def files() -> Iterator[Path]:
    """All files of the project; hidden folders, such as virtual environments, are not entered."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and not name.endswith(".egg-info")]
        yield from (Path(folder) / name for name in names if not name.startswith("."))


@cache
def texts() -> dict[str, str]:
    """Name -> text, read once for all patterns."""
    named = {path.relative_to(ROOT).as_posix(): path for path in files()}
    return {
        name: path.read_text()
        for name, path in sorted(named.items())
        if (path.suffix in ENDINGS or path.name == "Makefile") and not name.startswith(SKIPPED)
    }


@pytest.mark.parametrize("pattern", BANNED)
def test_no_private_words(pattern):
    word = re.compile(rf"\b({pattern})\b".replace(" ", r"\s+(?:#:? )?"), re.IGNORECASE)  # also across lines
    found = []
    for name, text in texts().items():
        rest = ALLOWED[pattern].sub("", text) if pattern in ALLOWED else text
        for match in word.finditer(rest):
            line = rest.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: {match[0]!r}; write: {BANNED[pattern]}")
    assert not found, "\n".join(found)
