"""Scans too large for several copies in memory are read, colored and saved a few rows at a time, with the same result."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps
from skimage import data

from colorizer.photos import lightness
from colorizer.photos.files import pixel_formats, saving
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import color_photo, save_photo, to_pil
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from tests.photos import color_profiles
from tests.photos.conftest import encode

AB = np.random.default_rng(0).normal(0, 60, (2, 7, 9)).astype(np.float32)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return data.coffee()


@pytest.mark.parametrize("profile", [None, color_profiles.rgb(*color_profiles.ADOBE_RGB)], ids=["sRGB", "Adobe RGB"])
@pytest.mark.parametrize("is_deep", [False, True])
def test_some_rows_are_those_of_the_whole(photo, profile, is_deep):
    given = Photo(photo.astype(np.uint16) * 257 if is_deep else photo, icc_profile=profile)
    whole = merge_colors(given, AB)
    for first, last in ((0, 400), (0, 1), (17, 250), (399, 400)):
        np.testing.assert_array_equal(merge_colors(given, AB, rows=slice(first, last)), whole[first:last])


def test_bands_make_the_same_picture(photo, monkeypatch, tmp_path):
    given = Photo(photo, alpha=photo[..., 0])
    at_once = to_pil(given, merge_colors(given, AB), model="fast")
    monkeypatch.setattr(saving, "_BAND", 37 * 600)
    banded = color_photo(given, AB, model="fast")
    np.testing.assert_array_equal(np.asarray(banded), np.asarray(at_once))
    assert banded.info == at_once.info
    save_photo(banded, tmp_path / "photo.tif")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "photo.tif")), np.asarray(at_once))


@pytest.mark.parametrize("has_alpha", [False, True])
@pytest.mark.parametrize("is_gray", [False, True])
def test_bands_of_sixteen_bits_are_saved_as_one(photo, monkeypatch, tmp_path, is_gray, has_alpha):
    samples = photo.astype(np.uint16) * 257 + 3
    given = Photo(samples[..., 0] if is_gray else samples, photo[..., 0] if has_alpha else None)
    merged = merge_colors(given, AB)
    at_once = to_pil(given, merged)
    monkeypatch.setattr(saving, "_BAND", 37 * 600)
    banded = color_photo(given, AB)
    np.testing.assert_array_equal(np.asarray(banded), np.asarray(at_once))
    for ending in ("png", "tif"):
        files = [
            save_photo(image, tmp_path / f"{k}.{ending}").read_bytes() for k, image in enumerate((at_once, banded))
        ]
        assert files[0] == files[1]
        np.testing.assert_array_equal(read_photo(files[0]).deep, merged)
    # A changed picture has 8 bits.
    for changed in (banded.crop((0, 0, 9, 9)), ImageOps.flip(banded)):
        assert read_photo(save_photo(changed, tmp_path / "changed.png")).deep is None


@pytest.mark.parametrize("size", [(40, 30), (400, 300), (500, 700)])
@pytest.mark.parametrize("kind", ["8 bits", "16 bits", "gray of 8 bits", "gray of 16 bits"])
def test_the_lightness_of_bands_is_that_of_the_whole(photo, monkeypatch, size, kind):
    deep = photo.astype(np.uint16) * 257
    gray = {"gray of 8 bits": photo[..., 1], "gray of 16 bits": deep[..., 1]}
    given = Photo(({"8 bits": photo, "16 bits": deep} | gray)[kind])
    whole = compute_lightness(given, size)
    np.testing.assert_array_equal(whole, compute_lightness(given.pixels, size))
    monkeypatch.setattr(lightness, "_BAND", 37 * 600)
    torch.testing.assert_close(compute_lightness(given, size), whole, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "YCbCr"])
def test_bands_are_read_alike(photo, monkeypatch, mode):
    monkeypatch.setattr(pixel_formats, "_STRIP_PIXELS", 31 * 600)
    image = Image.fromarray(photo).convert(mode)
    np.testing.assert_array_equal(read_photo(image).pixels, np.asarray(image.convert("RGB")))
    if mode == "RGB":
        np.testing.assert_array_equal(read_photo(encode(photo)).pixels, photo)


@pytest.mark.parametrize("profile", [None, color_profiles.gray(2.2)], ids=["sRGB", "gamma 2.2"])
@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_gray_is_held_as_one_channel_and_colored_as_three(photo, mode, profile):
    image = Image.fromarray(photo).convert(mode)
    given = read_photo(encode(image, icc_profile=profile))
    assert given.samples.shape == photo.shape[:2]
    assert given.is_gray
    pixels = np.repeat(given.samples[..., None], 3, 2)
    np.testing.assert_array_equal(given.pixels, pixels)
    np.testing.assert_array_equal(merge_colors(given, AB), merge_colors(pixels, AB))


@pytest.mark.parametrize(
    ("kind", "bytes_per_pixel"),
    # A picture in color takes four bytes in Pillow.
    [("color.jpg", 3 * 3), ("deep.tif", 3 * 2), ("gray.jpg", 1 + 4)],
)
def test_a_scan_takes_few_times_its_bytes(photo, tmp_path, kind, bytes_per_pixel):
    """64 megapixels in several bands: what is given per pixel, and the bands, besides what a small photo takes."""
    code = (
        "import resource, sys, numpy as np\n"
        "from colorizer.photos.files.reading import read_photo\n"
        "from colorizer.photos.lightness import compute_lightness\n"
        "from colorizer.photos.files.saving import color_photo, save_photo\n"
        "for path in sys.argv[1:]:\n"
        "    photo = read_photo(path)\n"
        "    photo.is_gray, compute_lightness(photo, (128, 128))\n"
        "    save_photo(color_photo(photo, np.full((2, 8, 8), 20.0)), path)\n"
        "    del photo\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    small, large = tmp_path / f"small-{kind}", tmp_path / f"large-{kind}"
    part = photo[:200, :250] if kind == "color.jpg" else photo[:200, :250, 1]
    whole = np.tile(part, (40, 32, 1)[: part.ndim])
    for path, samples in ((small, part), (large, whole)):
        if kind == "deep.tif":
            tifffile.imwrite(path, samples.astype(np.uint16) * 257)
        else:
            Image.fromarray(samples).save(path, quality=80)
    ran = subprocess.run([sys.executable, "-c", code, small, large], capture_output=True, text=True, check=True)
    before, after = map(int, ran.stdout.split())
    assert after - before < 64 * bytes_per_pixel + 64
