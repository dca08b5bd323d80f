"""Many measured materials at once: a CSV that names composition and pictures, or a folder of merged pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import UserError
from common.formula import Amounts, parse_formula
from common.predictions import Predictions
from common.progress import progress
from common.sources.columns import read_columns
from diffcomp.embedding import measured
from diffcomp.measured import Reading, read_patterns

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
#: Columns that name pictures: one merged, or one a direction.
MERGED, DIRECTIONS = "pattern", ("x", "y", "z")


class Sample(NamedTuple):
    """A measured material as it is named: the text of its composition, its pictures, and what is wrong with its row."""

    name: str
    composition: str
    pictures: Sequence[Path]
    wrong: str = ""


def samples(path: str | Path) -> list[Sample]:
    """From a CSV with the columns id (or none), composition, and pattern or x, y, z; paths are relative to it.

    In a folder every picture is a sample, and its name up to the first "_" the composition: SnO2_3.png.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES)
        if not files:
            raise UserError(f"{path} has no pictures (PNG, JPEG or TIFF)")
        return [Sample(file.name, file.stem.split("_")[0], [file]) for file in files]
    sheet = read_columns(path)
    columns = [MERGED] if sheet.column(MERGED) is not None else list(DIRECTIONS)
    missing = [name for name in ("composition", *columns) if sheet.column(name) is None]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}; it needs composition, and pattern or x, y and z")
    rows = zip(*(sheet.column(name) for name in columns), strict=True)
    found = []
    for name, text, cells in zip(sheet.ids, sheet.column("composition"), rows, strict=True):
        pictures = [path.parent / cell for cell in cells if cell]
        found.append(Sample(name, text, pictures, sheet.wrong.get(name, "")))
    return found


def composition(text: str) -> Amounts:
    """`SnO2`, or `Sn=33.1,O=66.9` in atomic per cent."""
    if "=" not in text:
        return parse_formula(text)
    try:
        pairs = [part.split("=") for part in text.replace(";", ",").split(",")]
        symbols, shares = [symbol.strip() for symbol, _ in pairs], [float(share) for _, share in pairs]
    except ValueError:
        raise UserError(f"{text!r} is no composition; write SnO2, or atomic per cent such as Sn=33.1,O=66.9") from None
    return measured(shares, symbols)


def read_sample(sample: Sample, reading: Reading) -> tuple[Amounts | None, np.ndarray | None]:
    """Amounts and picture; either is None where the sample does not have it."""
    if sample.wrong:
        raise UserError(sample.wrong)
    amounts = composition(sample.composition) if sample.composition else None
    return amounts, (read_patterns(sample.pictures, reading) if sample.pictures else None)


def predict_samples(
    model, found: Sequence[Sample], reading: Reading, *, strict: bool = False
) -> tuple[Predictions, dict[str, np.ndarray], dict[str, str]]:
    """Predictions of the good samples, their pictures by name, and name -> reason for the others."""
    materials, pictures, bad = {}, {}, {}
    for sample in progress(found, desc="reading", unit="sample"):
        try:
            amounts, picture = read_sample(sample, reading)
            model.measured_row(amounts, picture)
        except UserError as error:
            if strict:
                raise UserError(f"{sample.name}: {error}") from None
            bad[sample.name] = str(error)
            continue
        materials[sample.name] = (amounts, picture)
        if picture is not None:
            pictures[sample.name] = picture
    return model.predict_many_measured(materials), pictures, bad
