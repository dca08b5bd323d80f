"""Pictures of simulated patterns: three patterns become the red, green and blue of one image."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from common.chem.crystal import as_crystal
from common.chem.lattice import refuse_overlap
from common.errors import UserError
from diffcomp.diffraction.lattice_sum import intensity
from diffcomp.diffraction.settings import PICTURES, Diffraction

#: Pixels of the published pictures; the network sees them at 128.
GRID, SIZE = 256, 128


def image(
    structure,
    size: int = SIZE,
    *,
    variant: str = "corrected",
    settings: Diffraction | None = None,
    simulator: str = "sum",
    orient: bool = True,
    tick: Callable[[int], object] | None = None,
) -> np.ndarray:
    """(size, size, 3) uint8 of a crystal, as the network sees it.

    variant: "released" imitates the published pictures: coded as JPEG one colour at a time and added in eight bits,
    where what passes 255 starts again from 0. "corrected" leaves these artefacts out.
    orient, tick: as in `intensity`.
    """
    if variant not in PICTURES:
        raise UserError(f"variant {variant!r} is unknown; choose one of {', '.join(PICTURES)}")
    settings, structure = settings or Diffraction(), as_crystal(structure)
    refuse_overlap(structure)
    picture = merged(intensity(structure, GRID, settings, simulator=simulator, orient=orient, tick=tick), settings.box)
    if variant == "released":
        return resized(coded_and_added(picture), size, "BICUBIC")
    return resized(picture, size)


def merged(patterns: np.ndarray, box: int = 9) -> np.ndarray:
    """Patterns (3, n, n) as one picture (n, n, 3): smeared with a box, each over its own maximum, cut to 0 ... 255."""
    from scipy.ndimage import uniform_filter

    patterns = np.asarray(patterns, dtype=np.float64)
    smeared = np.stack([uniform_filter(p, box, mode="constant") for p in patterns], axis=-1)
    highest = smeared.max(axis=(0, 1))
    if not (highest > 0).all():
        raise UserError("a pattern is empty: no pixel is lit")
    return np.floor(smeared / highest * 255).astype(np.uint8)


def coded_and_added(picture: np.ndarray) -> np.ndarray:
    """Each colour alone through JPEG, then all three added in eight bits; the sum is coded again."""
    total = np.zeros_like(picture)
    for channel in range(3):
        alone = np.zeros_like(picture)
        alone[..., channel] = picture[..., channel]
        total += _through_jpeg(alone)
    return _through_jpeg(total)


def _through_jpeg(picture: np.ndarray) -> np.ndarray:
    """Quality 95 with colours at half resolution, which is how the published files are coded."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95, subsampling="4:2:0")
    return np.asarray(Image.open(file).convert("RGB"))


def resized(picture: np.ndarray, size: int, method: str = "BOX") -> np.ndarray:
    """To (size, size), by a method of Pillow. The default averages areas, so that no peak is overshot or lost."""
    from PIL import Image

    if picture.shape[:2] == (size, size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size, size), Image.Resampling[method]))


def save_png(picture: np.ndarray, file) -> None:
    """Write a picture to a path or an open file."""
    from PIL import Image

    Image.fromarray(picture).save(file, "PNG")
