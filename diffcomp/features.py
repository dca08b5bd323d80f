"""Inputs of the network: composition vectors from formulas, pictures from structures or from measured patterns."""

from __future__ import annotations

import io

import numpy as np

from common.chem.crystal import Crystal
from common.errors import UserError
from common.features.ragged import Ragged
from diffcomp.diffraction.images import image, save_png

#: Orientation -> version, raised whenever pictures change, so that cached ones are made again.
PICTURE_VERSIONS = {"standard": "diffcomp-2", "as given": "diffcomp-1"}


def picture_row(crystal: Crystal, *, variant: str, orient: bool = True) -> dict[str, np.ndarray]:
    """The picture of a crystal as the bytes of a PNG: mostly black, so a tenth of the raw size."""
    return {"png": packed(image(crystal, variant=variant, orient=orient))}


def packed(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    save_png(picture, file)
    return np.frombuffer(file.getvalue(), dtype=np.uint8)


def unpacked(png: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(png.tobytes())))


class Inputs:
    """Composition vectors (n, v) and pictures of many materials; either may be missing where its branch is."""

    def __init__(self, vectors: np.ndarray | None, pictures: Ragged | None):
        if vectors is None and pictures is None:
            raise UserError("the network has neither a composition nor a pattern")
        self.vectors, self.pictures = vectors, pictures

    def __len__(self) -> int:
        return len(self.pictures) if self.vectors is None else len(self.vectors)

    def batch(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        batch = {}
        if self.vectors is not None:
            batch["composition"] = self.vectors[rows][..., None]
        if self.pictures is not None:
            png = self.pictures.field("png")
            # 0 ... 255 becomes 0 ... 0.5, as in the released program.
            batch["pattern"] = np.stack([unpacked(png.row(row)) for row in rows]).astype(np.float32) / 510
        return batch
