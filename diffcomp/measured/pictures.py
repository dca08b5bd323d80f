"""Measured patterns: pictures of any size and depth, made into what the network sees, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.io.files import replacing
from diffcomp.diffraction.images import SIZE, resized
from diffcomp.diffraction.settings import SCALES
from diffcomp.measured.files import SMALLEST, read_picture


@dataclass(frozen=True)
class Reading:
    """How measured pictures are cut and scaled.

    centre: row and column of the direct beam; None = the middle of the picture.
    crop: side in pixels of the square that is cut out around the centre; 0 = the largest that fits.
    scale: "linear", or "sqrt" or "log" for patterns whose weak spots would vanish in eight bits.
    """

    centre: tuple[float, float] | None = None
    crop: int = 0
    scale: str = "linear"

    def __post_init__(self):
        if self.scale not in SCALES:
            raise UserError(f"scale {self.scale!r} is unknown; choose one of {', '.join(SCALES)}")
        if self.crop and self.crop < SMALLEST:
            raise UserError(f"a crop of {self.crop} pixels is too small for a pattern; take {SMALLEST} or more")


def read_patterns(paths: Sequence[str | Path], reading: Reading | None = None, *, size: int = SIZE) -> np.ndarray:
    """(size, size, 3) uint8 from three pictures, one a direction (x, y, z), or one that has them as its colours."""
    reading = reading or Reading()
    pictures = [read_picture(path) for path in paths]
    if len(pictures) == 1:
        if pictures[0].ndim == 2:
            raise UserError(
                f"{paths[0]} has one grey pattern; give three pictures (x, y, z) or one in which they are "
                "red, green and blue"
            )
        channels = [pictures[0][..., k] for k in range(3)]
    elif len(pictures) == 3:
        channels = [grey(picture, path) for picture, path in zip(pictures, paths, strict=True)]
    else:
        raise UserError(f"{len(pictures)} pictures; give three, one a direction (x, y, z), or one merged picture")
    paths = list(paths) * (3 // len(paths))
    made = []
    for name, channel, path in zip(("first", "second", "third"), channels, paths, strict=True):
        if np.ptp(channel) == 0:
            raise UserError(f"{path}: its {name} pattern is empty; the picture must have three, red, green and blue")
        try:
            made.append(_scaled(_square(channel, reading), reading.scale))
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
    return np.stack([resized(channel, size) for channel in made], axis=-1)


def grey(picture: np.ndarray, path) -> np.ndarray:
    """A single pattern; of a coloured picture the colour that is lit, if it is one alone."""
    if picture.ndim == 2:
        return picture
    lit = np.ptp(picture, axis=(0, 1)) > 0.02 * np.ptp(picture)
    if lit.sum() != 1:
        raise UserError(
            f"{path} has several colours; give grey pictures, one a direction, or it alone as the merged one"
        )
    return picture[..., int(np.argmax(lit))]


def _square(channel: np.ndarray, reading: Reading) -> np.ndarray:
    """The square around the centre; what lies outside of the picture is dark."""
    rows, columns = channel.shape
    row, column = reading.centre or ((rows - 1) / 2, (columns - 1) / 2)
    if not (0 <= row < rows and 0 <= column < columns):
        raise UserError(
            f"the centre ({row:g}, {column:g}) lies outside of the picture of {rows} rows, {columns} columns"
        )
    most = 2 * max(rows, columns)
    if reading.crop > most:
        raise UserError(f"a crop of {reading.crop:,} pixels is far beyond its {columns} x {rows}; take {most} or less")
    largest = 2 * min(row, rows - 1 - row, column, columns - 1 - column) + 1
    side = reading.crop or max(int(largest), SMALLEST)
    first_row, first_column = round(row - (side - 1) / 2), round(column - (side - 1) / 2)
    square = np.full((side, side), channel.min())
    inside_rows = slice(max(first_row, 0), min(first_row + side, rows))
    inside_columns = slice(max(first_column, 0), min(first_column + side, columns))
    part = channel[inside_rows, inside_columns]
    if np.ptp(part) == 0:
        raise UserError(f"nothing is lit in the {side} pixels around ({row:g}, {column:g}); change --centre or --crop")
    top, left = inside_rows.start - first_row, inside_columns.start - first_column
    square[top : top + part.shape[0], left : left + part.shape[1]] = part
    return square


def _scaled(channel: np.ndarray, scale: str) -> np.ndarray:
    """0 ... 255, from the darkest to the brightest pixel."""
    unit = (channel - channel.min()) / max(float(np.ptp(channel)), 1e-300)
    unit = {"linear": lambda x: x, "sqrt": np.sqrt, "log": lambda x: np.log1p(1000 * x) / np.log(1001)}[scale](unit)
    return np.floor(unit * 255).astype(np.uint8)


def contact_sheet(path: str | Path, pictures: Mapping[str, np.ndarray], *, columns: int = 4) -> None:
    """What the network will see of each material: its three patterns side by side, with its name, as PNG."""
    from PIL import Image, ImageDraw

    if not pictures:
        raise UserError("there are no pictures for the sheet")
    side, gap, text = SIZE, 6, 16
    width, height = 3 * side + 2 + 2 * gap, side + text + 2 * gap
    columns = min(columns, len(pictures))
    sheet = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, picture) in enumerate(pictures.items()):
        x, y = number % columns * width + gap, number // columns * height + gap
        draw.text((x, y), name[:60], fill="black")
        for channel in range(3):
            part = Image.fromarray(resized(picture[..., channel], side))
            sheet.paste(part.convert("RGB"), (x + channel * (side + 1), y + text))
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")
