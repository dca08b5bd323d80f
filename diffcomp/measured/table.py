"""Many measured materials at once: a CSV that names composition and pictures, or a folder of merged pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.data.predictions import Predictions
from common.errors import UserError
from common.io.progress import progress
from common.sources.columns import read_columns
from common.train.ensemble import combine
from diffcomp.config import NODES
from diffcomp.measured.composition import Composition, read_composition, spread
from diffcomp.measured.pictures import Reading, read_patterns

PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
#: Endings of pictures of other kinds, those of detectors too; in a folder they are named, not passed over.
OTHERS = tuple(".gif .bmp .webp .jp2 .avif .heic .ppm .pgm .tga .psd .svg .edf .cbf .mccd .img .npy".split())
COMPOSITION = "composition"
#: Columns that name pictures: one merged, or one a direction.
MERGED, DIRECTIONS = "pattern", ("x", "y", "z")


class Sample(NamedTuple):
    """A measured material as it is named: the text of its composition, its pictures, and what is wrong with its row."""

    name: str
    composition: str
    pictures: Sequence[Path]
    wrong: str = ""


def samples(path: str | Path) -> list[Sample]:
    """From a CSV with the columns id (or none), composition, and pattern or x, y, z; paths are relative to it. For a
    model of composition or pattern alone that column is enough.

    In a folder every picture is a sample, and its name up to the first "_" the composition: SnO2_3.png. Pictures of
    kinds that are not read are samples too, with what is wrong with them.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in (*PICTURES, *OTHERS))
        if not files:
            raise UserError(f"{path} has no pictures (PNG, JPEG or TIFF)")
        wrong = "is not read by its ending; save it as PNG, JPEG or TIFF"
        reasons = ["" if file.suffix.lower() in PICTURES else wrong for file in files]
        return [Sample(f.name, f.stem.split("_")[0], [f], reason) for f, reason in zip(files, reasons, strict=True)]
    sheet = read_columns(path)
    there = [name for name in (COMPOSITION, MERGED, *DIRECTIONS) if sheet.column(name) is not None]
    single = [name for name in DIRECTIONS if name in there]
    if MERGED in there and single:
        raise UserError(f"{path} has the columns {MERGED} and {single[0]}; give merged pictures or one a direction")
    if not there or 0 < len(single) < 3:
        lacking = next(name for name in DIRECTIONS if name not in there) if there else COMPOSITION
        raise UserError(f"{path} has no column {lacking!r}; it needs composition, and pattern or x, y and z")
    found = []
    for row, name in enumerate(sheet.ids):
        cells = {column: sheet.column(column)[row] for column in there}
        text = cells.pop(COMPOSITION, "")
        pictures = [path.parent / cell for cell in cells.values() if cell]
        found.append(Sample(name, text, pictures, sheet.wrong.get(name, "")))
    return found


def read_sample(sample: Sample, reading: Reading, cv_nodes: int) -> tuple[Composition | None, np.ndarray | None]:
    """Composition and picture; either is None where the sample does not have it or the model does not use it."""
    if sample.wrong:
        raise UserError(sample.wrong)
    composition = read_composition(sample.composition) if sample.composition and cv_nodes > 0 else None
    return composition, (read_patterns(sample.pictures, reading) if sample.pictures and cv_nodes < NODES else None)


def predict_samples(
    model, found: Sequence[Sample], reading: Reading, *, strict: bool = False
) -> tuple[Predictions, dict[str, np.ndarray], dict[str, str]]:
    """Predictions of the good samples, their pictures by name, and name -> reason for the others.

    model: one, or an ensemble. Standard deviations come from an ensemble's members and from errors of compositions.
    """
    members = getattr(model, "members", [model])
    good, bad = {}, {}
    for sample in progress(found, desc="reading", unit="sample"):
        try:
            composition, picture = read_sample(sample, reading, members[0].config.cv_nodes)
            members[0].measured_row(composition and composition.amounts, picture)
        except UserError as error:
            if strict:
                raise UserError(f"{sample.name}: {error}") from None
            bad[sample.name] = str(error)
            continue
        good[sample.name] = (composition, picture)
    predicted = _predicted(members, {name: (one and one.amounts, picture) for name, (one, picture) in good.items()})
    pictures = {name: picture for name, (_, picture) in good.items() if picture is not None}
    return _with_spread(members, predicted, good), pictures, bad


def _predicted(members, materials: dict) -> Predictions:
    made = [member.predict_many_measured(materials) for member in members]
    return combine(made) if len(made) > 1 else made[0]


def _with_spread(members, predicted: Predictions, good: dict) -> Predictions:
    """With what the errors of the compositions do; no number where a composition has none."""
    if not any(composition and composition.errors for composition, _ in good.values()):
        return predicted
    found = np.full(len(predicted), np.nan)
    for row, (composition, picture) in enumerate(good.values()):
        if composition and composition.errors:
            found[row] = spread(
                composition,
                lambda moved, picture=picture: (
                    _predicted(members, {str(k): (amounts, picture) for k, amounts in enumerate(moved)}).prediction
                ),
            )
    if predicted.epistemic is None:
        return replace(predicted, std=found)
    return replace(predicted, aleatoric=found, std=np.hypot(predicted.epistemic, np.nan_to_num(found)))
