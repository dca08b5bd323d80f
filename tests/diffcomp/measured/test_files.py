"""Picture files come in with all their bits; damaged, huge and unusual ones are refused in one line each."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from common.errors import UserError
from diffcomp.measured.files import read_picture
from diffcomp.measured.pictures import read_patterns

RANDOM = np.random.default_rng(0)
KIND = {1: 0, 2: 4, 3: 2, 4: 6}


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(path, values, clear=None):
    """A 16-bit PNG, which Pillow writes of grey pictures alone; `clear`: the colour that is transparent."""
    rows, columns, colours = np.atleast_3d(values).shape
    header = struct.pack(">IIBBBBB", columns, rows, 16, KIND[colours], 0, 0, 0)
    data = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    transparent = chunk(b"tRNS", np.array(clear, ">u2").tobytes()) if clear is not None else b""
    parts = [chunk(b"IHDR", header), transparent, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


def tiff(path, values, compression=1):
    """An uncompressed TIFF of 16 bits a colour."""
    rows, columns, colours = values.shape
    tags = [(256, 4, columns), (257, 4, rows), (259, 3, compression), (262, 3, 2), (277, 3, colours), (278, 4, rows)]
    tags += [(273, 4, 200), (279, 4, values.nbytes)]
    entries = [struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags]
    entries.append(struct.pack("<HHII", 258, 3, colours, 180))
    directory = struct.pack("<H", len(entries)) + b"".join(sorted(entries, key=lambda e: e[:1] + e[1:2])) + bytes(4)
    head = (b"II*\0" + struct.pack("<I", 8) + directory).ljust(180, b"\0") + struct.pack("<3H", 16, 16, 16)
    path.write_bytes(head.ljust(200, b"\0") + values.astype("<u2").tobytes())
    return path


def test_sixteen_bits_a_colour_are_all_read(tmp_path):
    """Weak spots of a few counts in 65,535, which eight bits would lose."""
    colours = RANDOM.integers(0, 65536, (40, 40, 3)).astype(np.uint16)
    assert np.array_equal(read_picture(png(tmp_path / "rgb.png", colours)), colours)
    opaque = np.dstack([colours, np.full((40, 40), 65535)])
    assert np.array_equal(read_picture(png(tmp_path / "rgba.png", opaque)), colours)
    assert np.array_equal(read_picture(png(tmp_path / "la.png", opaque[..., 2:])), colours[..., 2])
    faint = np.where(colours == colours.max(axis=(0, 1)), 2000, colours % 200)
    found = read_patterns([png(tmp_path / "faint.png", faint)], size=40)
    assert all(len(np.unique(found[..., k])) > 20 for k in range(3))


def test_transparency_of_sixteen_bits(tmp_path):
    """A declared colour that no pixel has does no harm; values above 255 stay what they are."""
    grey = RANDOM.integers(0, 60000, (40, 40)).astype(np.uint16)
    assert np.array_equal(read_picture(png(tmp_path / "grey.png", grey, clear=65535)), grey)
    colours = RANDOM.integers(0, 60000, (40, 40, 3)).astype(np.uint16)
    assert np.array_equal(read_picture(png(tmp_path / "rgb.png", colours, clear=[65535, 0, 0])), colours)
    glass = np.dstack([colours, np.full((40, 40), 65534)])
    for path in (
        png(tmp_path / "a.png", grey, clear=grey[3, 4]),
        png(tmp_path / "b.png", colours, clear=colours[3, 4]),
        png(tmp_path / "c.png", glass),
    ):
        with pytest.raises(UserError, match="is transparent in places"):
            read_picture(path)


def test_sixteen_bits_of_tiff(tmp_path):
    """Colours beside each other or one after the other, big-endian too; what cannot be unpacked is named."""
    import tifffile

    colours = RANDOM.integers(0, 65536, (40, 50, 3)).astype(np.uint16)
    assert np.array_equal(read_picture(tiff(tmp_path / "deep.tif", colours)), colours)
    for name, options in (
        ("planar", {"planarconfig": "separate"}),
        ("zip", {"compression": "zlib", "predictor": True}),
    ):
        values = np.moveaxis(colours, -1, 0) if name == "planar" else colours
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="rgb", byteorder=">", **options)
        assert np.array_equal(read_picture(tmp_path / f"{name}.tif"), colours), name
    with pytest.raises(UserError, match=r"deep.tif is compressed in a way that is not read"):
        read_picture(tiff(tmp_path / "deep.tif", colours, compression=5))
    whole = (tmp_path / "planar.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut.tif is truncated or damaged"):
        read_picture(tmp_path / "cut.tif")


def test_numbers_of_tiff_mean_what_its_tags_say(tmp_path):
    """Thirty-two bits without a sign, white as zero, floats; what is turned or has odd channels is refused."""
    import tifffile

    grey = RANDOM.integers(0, 2**32, (40, 50)).astype(np.uint32)
    path = tmp_path / "grey.tif"
    for values in (grey, (grey // 65536).astype(np.uint16), grey.astype(np.float32)):
        tifffile.imwrite(path, values)
        assert np.array_equal(read_picture(path), values)
    inverse = (grey // 65536).astype(np.uint16)
    tifffile.imwrite(path, inverse, photometric="miniswhite")
    assert np.array_equal(read_picture(path), inverse.max() - inverse.astype(float))
    colours = RANDOM.integers(0, 65536, (40, 50, 4)).astype(np.uint16)
    odd = {
        "stored turned": {"extratags": [(274, 3, 1, 6, True)], "data": colours[..., :3]},
        "SEPARATED colours": {"photometric": "separated"},
        "has 4 channels": {"photometric": "rgb", "extrasamples": ["unspecified"]},
        "transparent in places": {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    }
    for reason, options in odd.items():
        tifffile.imwrite(path, **({"data": colours} | options))
        with pytest.raises(UserError, match=reason):
            read_picture(path)
    colours[..., 3] = 65535
    tifffile.imwrite(path, colours, photometric="rgb", extrasamples=["unassalpha"])
    assert np.array_equal(read_picture(path), colours[..., :3])


def odd_files(folder):
    picture = Image.fromarray(RANDOM.integers(0, 255, (64, 64), dtype=np.uint8))
    picture.save(folder / "whole.tif")
    picture.save(folder / "pages.tif", save_all=True, append_images=[picture, picture])
    for name, size in (("whole", 4000), ("pages", 6000)):
        (folder / f"{name}-cut.tif").write_bytes((folder / f"{name}.tif").read_bytes()[:size])
    (folder / "no-directory.tif").write_bytes(b"II*\0" + struct.pack("<I", 5000) + bytes(100))
    (folder / "zero.png").write_bytes(b"")
    (folder / "folder.png").mkdir()
    picture.save(folder / "p.gif")
    picture.save(folder / "p.bmp")
    for name, side in (("large", 10_000), ("huge", 20_000)):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        (folder / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b""))
    return {
        "whole-cut.tif": "truncated",
        "pages-cut.tif": "truncated or damaged",
        "no-directory.tif": "is a truncated TIFF",
        "zero.png": "is empty, 0 bytes",
        "folder.png": "is a folder",
        "p.gif": "is a GIF picture; save it as PNG",
        "p.bmp": "is a BMP picture; save it as PNG",
        "large.png": "is too large, more than 25 million pixels",
        "huge.png": "is too large, more than 25 million pixels",
    }


def test_odd_files_are_one_line_each(tmp_path):
    for name, reason in odd_files(tmp_path).items():
        with pytest.raises(UserError, match=reason) as caught:
            read_picture(tmp_path / name)
        assert str(caught.value).startswith(str(tmp_path / name)) and "\n" not in str(caught.value)
