"""Picture files as numbers, with all the bits that they have, or refused with a reason."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.io.files import reason_of, refuse_special
from common.train.devices import quiet_backend

#: What is read, as Pillow calls it; MPO is the JPEG of some cameras.
KINDS = ("PNG", "JPEG", "MPO", "TIFF")
#: The smallest picture that can hold a pattern, pixels; the largest share of pixels that may stand at the top value.
SMALLEST, SATURATED = 32, 0.1
#: The largest picture, pixels; as numbers they take 24 bytes each. Detectors have up to 18 million.
LARGEST = 25_000_000
#: Tags of TIFF: what numbers mean, and extra channels that are opacity.
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, OPACITY = 0, 1, 2, (1, 2)
#: How files of those kinds begin.
BEGINNINGS = {b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"II": "TIFF", b"MM": "TIFF"}


def read_picture(path: str | Path) -> np.ndarray:
    """The values of a PNG, JPEG or TIFF as float64, (rows, columns) if grey, (rows, columns, 3) if coloured."""
    from PIL import Image, UnidentifiedImageError

    refuse_special(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged tags, which matter where the picture cannot be read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as file:
                if file.width * file.height > LARGEST:
                    raise Image.DecompressionBombError
                values = _values(file, path)
    except UserError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = f"{LARGEST / 1e6:.0f} million pixels"
        raise UserError(f"{path} is too large, more than {most}; cut it out or make it smaller") from None
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; check the name") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; name the pictures in it, or give it with --measured") from None
    except UnidentifiedImageError:
        raise UserError(f"{path} {_why_unknown(path)}") from None
    except Exception as error:  # decoders meet damaged files with errors of every kind
        if isinstance(error, OSError) and error.strerror:
            raise UserError(f"{path} cannot be opened: {error.strerror}") from None
        raise UserError(f"{path} is truncated or damaged ({reason_of(error)}); export it again") from None
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    _check(values, path)
    return values.astype(np.float64)


def _why_unknown(path) -> str:
    """What to say of a file in which Pillow finds no picture."""
    with open(path, "rb") as file:
        beginning = file.read(8)
    if not beginning:
        return "is empty, 0 bytes; export it again"
    kind = next((kind for text, kind in BEGINNINGS.items() if beginning.startswith(text)), None)
    if kind:
        return f"is a truncated {kind} or one of an unusual kind; export it again, with 8 or 16 bits"
    return "is no picture; save it as PNG, JPEG or TIFF"


def _values(file, path) -> np.ndarray:
    if file.format not in KINDS:
        raise UserError(f"{path} is a {file.format} picture; save it as PNG, JPEG or TIFF")
    frames = getattr(file, "n_frames", 1)
    if frames > 1:
        raise UserError(f"{path} holds {frames} pictures; save the one that counts as a file of its own")
    if file.format == "TIFF" and max(file.tag_v2.get(258, (1,))) > 8:
        return _deep_tiff(path)
    # Of coloured pictures Pillow would drop the bits above eight.
    if not file.mode.startswith("I") and any(str(tile.args).endswith(";16B") for tile in file.tile):
        values = _sixteen_bits(path)
        colours = values.shape[-1] - (values.shape[-1] % 2 == 0)
        return _opaque(values[..., :colours], values[..., colours:], file, path)
    file.load()
    if file.mode == "1":
        raise UserError(f"{path} has black and white only; export it with grey values")
    if file.mode.startswith("I"):
        return _opaque(np.asarray(file), None, file, path)
    if file.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in file.info:
        values = np.asarray(file.convert("RGBA"))
        return _opaque(values[..., :3], values[..., 3:], None, path)
    return np.asarray(file if file.mode in ("L", "RGB") else file.convert("RGB"))


def _sixteen_bits(path) -> np.ndarray:
    """A PNG by TensorFlow: (rows, columns, 1 ... 4) uint16, the last of two or four opacity."""
    quiet_backend()
    import tensorflow as tf

    return tf.io.decode_png(Path(path).read_bytes(), dtype=tf.uint16).numpy()


def _deep_tiff(path) -> np.ndarray:
    """A TIFF of more than eight bits by tifffile, (rows, columns) or (rows, columns, 3), upright and bright on dark."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        kind, turned = int(page.photometric), page.tags.get(274) is not None and page.tags[274].value != 1
        try:
            values = page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            raise UserError(f"{path} is compressed in a way that is not read; save it without compression") from None
    if kind not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB):
        raise UserError(f"{path} has {page.photometric.name} colours of more than 8 bits; save it as grey or RGB")
    if turned:
        raise UserError(f"{path} is stored turned, with a tag that says so; save it upright")
    if page.planarconfig == 2 and values.ndim == 3:
        values = np.moveaxis(values, 0, -1)
    if kind == WHITE_IS_ZERO:
        values = values.max() - values
    colours = 3 if kind == RGB else 1
    if values.ndim == 3 and values.shape[-1] > colours:
        if int(page.extrasamples[0]) not in OPACITY:
            raise UserError(f"{path} has {values.shape[-1]} channels; save the {colours} of a picture alone")
        values = _opaque(values[..., :colours], values[..., colours:], None, path)
    return values


def _opaque(values: np.ndarray, opacity: np.ndarray | None, file, path) -> np.ndarray:
    """The values, if no pixel is transparent by the opacity or by the colour that a PNG declares to be so."""
    clear = opacity is not None and opacity.size and opacity.min() < np.iinfo(opacity.dtype).max
    if file is not None and "transparency" in file.info:
        clear |= (np.atleast_3d(values) == file.info["transparency"]).all(axis=-1).any()
    if clear:
        raise UserError(f"{path} is transparent in places (alpha channel); export it without transparency")
    return values


def _check(values: np.ndarray, path) -> None:
    if min(values.shape[:2]) < SMALLEST:
        shape = " x ".join(map(str, values.shape[1::-1]))
        raise UserError(f"{path} has {shape} pixels, too few for a pattern; {SMALLEST} a side are needed")
    if not np.isfinite(values).all():
        raise UserError(f"{path} has pixels that are no numbers; export it again")
    if np.ptp(values) == 0:
        raise UserError(f"{path} is empty: every pixel has the same value")
    for channel in np.moveaxis(np.atleast_3d(values), -1, 0):
        share = (channel == channel.max()).mean()
        if np.ptp(channel) and share > SATURATED:
            raise UserError(f"{path} is saturated: {share:.0%} of its pixels have the highest value; expose it less")
