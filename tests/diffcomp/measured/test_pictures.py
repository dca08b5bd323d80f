"""Measured pictures of every common kind come in alike; what cannot be used is refused in one line."""

import numpy as np
import pytest
from PIL import Image

from common.errors import UserError
from diffcomp.diffraction.images import image
from diffcomp.measured.pictures import Reading, contact_sheet, read_patterns, read_picture

CELL = (np.array([11, 17]), np.eye(3) * 4.0, np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))


@pytest.fixture(scope="module")
def pattern():
    return image(CELL, 256)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def test_every_depth_and_format_gives_the_same(pattern, tmp_path):
    """Eight and sixteen bits, PNG and TIFF, one merged picture or three grey ones."""
    expected = read_patterns([saved(tmp_path / "merged.png", pattern)])
    assert expected.shape == (128, 128, 3) and np.abs(expected.astype(int) - image(CELL).astype(int)).max() <= 1
    eight = [saved(tmp_path / f"{k}.png", pattern[..., k]) for k in range(3)]
    deep = [saved(tmp_path / f"{k}.tif", pattern[..., k].astype(np.uint16) * 256) for k in range(3)]
    real = [saved(tmp_path / f"f{k}.tiff", pattern[..., k].astype(np.float32) / 7) for k in range(3)]
    rgb = [saved(tmp_path / f"rgb{k}.png", np.repeat(pattern[..., k : k + 1], 3, axis=2)) for k in range(3)]
    for paths in (eight, deep, real, rgb):
        assert np.abs(read_patterns(paths).astype(int) - expected).max() <= 1
    jpeg = [saved(tmp_path / f"{k}.jpg", pattern[..., k], quality=95) for k in range(3)]
    assert np.corrcoef(read_patterns(jpeg).ravel(), expected.ravel())[0, 1] > 0.99


def test_patterns_in_one_colour_each(pattern, tmp_path):
    """Red, green and blue pictures, one a direction, as some programs write them; one alone is not enough."""
    paths = []
    for k in range(3):
        alone = np.zeros_like(pattern)
        alone[..., k] = pattern[..., k]
        paths.append(saved(tmp_path / f"{k}.png", alone))
    assert np.array_equal(read_patterns(paths), read_patterns([saved(tmp_path / "merged.png", pattern)]))
    with pytest.raises(UserError, match="its second pattern is empty"):
        read_patterns(paths[:1])


def test_a_shifted_pattern_is_centred(pattern, tmp_path):
    wide = np.zeros((300, 400, 3), dtype=np.uint8)
    wide[30:286, 100:356] = pattern
    path = saved(tmp_path / "wide.png", wide)
    found = read_patterns([path], Reading(centre=(30 + 127.5, 100 + 127.5), crop=256))
    assert np.array_equal(found, read_patterns([saved(tmp_path / "p.png", pattern)]))
    beyond = read_patterns([path], Reading(centre=(5, 50), crop=400))
    assert beyond.shape == (128, 128, 3) and not beyond[:50, :50].any()


def test_scales_lift_weak_spots(pattern, tmp_path):
    path = saved(tmp_path / "p.png", pattern)
    means = [read_patterns([path], Reading(scale=scale)).mean() for scale in ("linear", "sqrt", "log")]
    assert means[0] < means[1] < means[2]


def bad_pictures(folder, pattern):
    (folder / "text.png").write_text("no picture")
    whole = saved(folder / "whole.png", pattern).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    clear = np.dstack([pattern, np.full(pattern.shape[:2], 128, dtype=np.uint8)])
    frames = [Image.fromarray(pattern), Image.fromarray(pattern[::-1])]
    frames[0].save(folder / "moving.tif", save_all=True, append_images=frames[1:])
    bright = np.where(np.arange(256)[:, None, None] < 128, 255, pattern).astype(np.uint8)
    return {
        folder / "none.png": "does not exist",
        folder / "text.png": "is no picture",
        folder / "cut.png": "truncated or damaged",
        saved(folder / "clear.png", clear): "alpha channel",
        folder / "moving.tif": "holds 2 pictures",
        saved(folder / "dark.png", np.zeros((64, 64), dtype=np.uint8)): "is empty",
        saved(folder / "bright.png", bright): "saturated: 5",
        saved(folder / "tiny.png", pattern[:20, :20]): "20 x 20 pixels",
        saved(folder / "ink.png", pattern[..., 0] > 3): "black and white only",
    }


def test_bad_pictures_say_why(pattern, tmp_path):
    for path, reason in bad_pictures(tmp_path, pattern).items():
        with pytest.raises(UserError, match=reason) as caught:
            read_picture(path)
        assert path.name in str(caught.value) and "\n" not in str(caught.value)


def test_the_wrong_number_of_pictures(pattern, tmp_path):
    path = saved(tmp_path / "p.png", pattern)
    with pytest.raises(UserError, match="2 pictures; give three"):
        read_patterns([path, path])
    with pytest.raises(UserError, match="one grey pattern"):
        read_patterns([saved(tmp_path / "grey.png", pattern[..., 0])])
    with pytest.raises(UserError, match="several colours"):
        read_patterns([path, path, path])
    with pytest.raises(UserError, match="lies outside"):
        read_patterns([path], Reading(centre=(500, 3)))


def test_crops_that_leave_nothing(pattern, tmp_path):
    """Each is refused by a line that names the picture; three pictures are named one by one."""
    half = pattern.copy()
    half[:128, :128] = 0
    path = saved(tmp_path / "half.png", half)
    with pytest.raises(UserError, match=r"half.png: nothing is lit in the 40 pixels around \(50, 60\)"):
        read_patterns([path], Reading(centre=(50, 60), crop=40))
    grey = [saved(tmp_path / f"{k}.png", (pattern if k != 1 else half)[..., k]) for k in range(3)]
    corner = pattern[30:70, 40:80].reshape(-1, 3)
    assert np.ptp(corner[:, 0]) and np.ptp(corner[:, 1])
    with pytest.raises(UserError, match=r"1.png: nothing is lit"):
        read_patterns(grey, Reading(centre=(50, 60), crop=40))
    with pytest.raises(UserError, match=r"half.png: a crop of 100,000 pixels is far beyond its 256 x 256"):
        read_patterns([path], Reading(crop=100_000))
    with pytest.raises(UserError, match="a crop of 5 pixels is too small"):
        Reading(crop=5)
    assert read_patterns([path], Reading(centre=(0, 0), crop=511)).any()


def test_an_opaque_alpha_channel_does_no_harm(pattern, tmp_path):
    opaque = np.dstack([pattern, np.full(pattern.shape[:2], 255, dtype=np.uint8)])
    assert np.array_equal(read_picture(saved(tmp_path / "a.png", opaque)), pattern)


def test_contact_sheet(pattern, tmp_path):
    pictures = {f"material {k}": image(CELL) for k in range(5)}
    contact_sheet(tmp_path / "sheet.png", pictures)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * 156, 4 * 398, 3)
    assert np.array_equal(sheet[22 : 22 + 128, 6 : 6 + 128, 0], pictures["material 0"][..., 0])
    with pytest.raises(UserError, match="no pictures"):
        contact_sheet(tmp_path / "none.png", {})
