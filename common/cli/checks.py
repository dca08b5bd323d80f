"""Checks of arguments before a command starts: options that exclude each other, and files that it would write."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.errors import UserError

#: Options that name files or folders to write.
WRITTEN = ("output", "sheet")
#: Files of a model's folder that no prediction may replace.
MODEL_FILES = ("model.json", "model.weights.h5", "training.json", "split.json", "history.csv")


def refuse(arguments: argparse.Namespace, names: Sequence[str], why: str) -> None:
    """Options that have no effect beside the others are an error, so that none is ignored; `why` follows the name."""
    for name in names:
        value = getattr(arguments, name)
        if value or (value == 0 and value is not False):  # a zero was given; False is a switch that was not
            raise UserError(f"--{name.replace('_', '-')} {why}")


def model_names(folders: Sequence[str]) -> list[str]:
    """Names for several saved models, from their folders; two equal ones are an error."""
    paths = [os.path.realpath(folder) for folder in folders]
    if len(set(paths)) < len(paths):
        raise UserError(f"{max(folders, key=[*folders].count)} is named twice; name different models")
    names = [os.path.basename(path) for path in paths]
    if len(set(names)) < len(names):
        raise UserError(f"two models are called {max(names, key=names.count)}; their folders need different names")
    return names


def check_paths(arguments: argparse.Namespace) -> None:
    """Refuse a file to write that has the wrong ending, is an input of the command, or lies where nothing can be."""
    given = vars(arguments)
    for name in ("model", *WRITTEN):
        if given.get(name) == "":  # an unset variable of the shell
            raise UserError(f"--{name} is empty; name a file or folder, or leave it out")
    inputs = [path for name, value in given.items() if name not in (*WRITTEN, "command") for path in _paths(value)]
    for option in WRITTEN:
        path = given.get(option)
        if not path:
            continue
        if option == "output":
            _check_ending(path, given.get("output_endings", ()))
        for other in inputs:
            refuse_input(f"--{option} {path}", path, other)
        check_writable(path)


def _paths(value: object) -> Iterator[str]:
    """The existing files and folders among the values of the arguments."""
    for text in value if isinstance(value, list | tuple) else [value]:
        if isinstance(text, str) and text and "\0" not in text and os.path.exists(text):
            yield text


def _check_ending(path: str, endings: Sequence[str]) -> None:
    if endings and os.path.isdir(path):
        raise UserError(f"{path} is a folder; name a file")
    special = os.path.exists(path) and not os.path.isfile(path)  # such as /dev/stdout
    if endings and not path.endswith(tuple(endings)) and not special:
        raise UserError(f"--output {path}: the name must end in {' or '.join(endings)}")


def refuse_input(what: str, path: str | Path, other: str | Path) -> None:
    """`what` is about to replace the file `path`, which must not be `other`, or an input in the folder `other`."""
    if not os.path.isfile(path):
        return
    if os.path.isfile(other):
        if os.path.samefile(path, other):
            raise UserError(f"{what} is an input of this command; choose another file")
    elif os.path.isdir(other) and os.path.samefile(os.path.dirname(os.path.abspath(path)), other):
        name = os.path.basename(path)
        if name == "id_prop.csv" or (name in MODEL_FILES and os.path.exists(os.path.join(other, "model.json"))):
            raise UserError(f"{what} is an input of this command; choose another file")


def check_writable(path: str | Path) -> None:
    """Refuse a place in which nothing can be written, before hours of work; nothing is made."""
    path = Path(os.path.abspath(path))
    if path.parts[:2] == ("/", "dev"):
        return
    place = path if path.is_dir() else next(parent for parent in path.parents if os.path.lexists(parent))
    if not place.is_dir():
        raise UserError(f"cannot write {path}: {place} is not a folder; choose another place")
    if not os.access(place, os.W_OK):
        raise UserError(f"cannot write {path}: no permission to write in {place}; choose another place")
