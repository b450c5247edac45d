"""Resolution and shape of pixels come through, in whatever unit the file holds them."""

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.metadata.density import CENTIMETER, INCH, NO_UNIT, Density
from tests.photos.conftest import encode
from tests.photos.files.hostile_files import chunk, insert


def jpeg(pixels: np.ndarray, unit: int, across: int, down: int, **options: object) -> bytes:
    content = bytearray(encode(pixels, "JPEG", **options))
    content[13:18] = struct.pack(">BHH", unit, across, down)
    return bytes(content)


def png(pixels: np.ndarray, unit: int, across: int, down: int) -> bytes:
    content = encode(pixels)
    return insert(content, chunk(b"pHYs", struct.pack(">IIB", across, down, unit)), content[33:41])


def converted(content: bytes, folder: Path, ending: str) -> Path:
    photo = read_photo(content)
    assert not photo.notes
    return save_photo(to_pil(photo, photo.pixels), folder / f"a.{ending}", model="dense")


def jfif(path: Path) -> tuple[int, int, int]:
    return struct.unpack(">BHH", path.read_bytes()[13:18])


def phys(path: Path) -> tuple[int, int, int]:
    content = path.read_bytes()
    return struct.unpack_from(">IIB", content, content.index(b"pHYs") + 4)


def tags(path: Path) -> tuple[float, float, int]:
    with Image.open(path) as image:
        found = image.getexif()
        return float(found[282]), float(found[283]), found[296]


@pytest.mark.parametrize("fields", [(2, 118, 79), (2, 100, 100), (1, 300, 299), (0, 2, 1), (0, 40, 39)])
def test_a_jpeg_keeps_the_fields_of_its_header(pixels, tmp_path, fields):
    assert jfif(converted(jpeg(pixels, *fields), tmp_path, "jpg")) == fields


@pytest.mark.parametrize("fields", [(1, 11811, 11810), (1, 10000, 2835), (0, 4, 3), (0, 2**31 - 1, 2**30)])
def test_a_png_keeps_its_chunk(pixels, tmp_path, fields):
    unit, across, down = fields
    path = converted(png(pixels, *fields), tmp_path, "png")
    assert phys(path) == (across, down, unit)
    np.testing.assert_array_equal(read_photo(path).pixels, pixels)


def test_densities_per_centimeter_are_converted(pixels, tmp_path):
    content = jpeg(pixels, 2, 118, 79)
    assert phys(converted(content, tmp_path, "png")) == (11800, 7900, 1)
    assert tags(converted(content, tmp_path, "tif")) == (118, 79, CENTIMETER)
    assert tags(converted(content, tmp_path, "webp")) == (118, 79, CENTIMETER)


def test_the_shape_of_pixels_is_kept_in_every_format(pixels, tmp_path):
    for content in (
        jpeg(pixels, 0, 4, 3),
        png(pixels, 0, 4, 3),
        encode(pixels, "TIFF", tiffinfo={282: 4, 283: 3, 296: 1}),
    ):
        assert jfif(converted(content, tmp_path, "jpg")) == (0, 4, 3)
        assert phys(converted(content, tmp_path, "png")) == (4, 3, 0)
        for ending in ("tif", "webp"):
            across, down, unit = tags(converted(content, tmp_path, ending))
            assert (across / down, unit) == (4 / 3, NO_UNIT)


@pytest.mark.parametrize("fields", [(1, 11811, 11810), (0, 4, 3)])
def test_sixteen_bits_have_a_density_too(tmp_path, fields):
    unit, across, down = fields
    values = np.zeros((4, 5, 3), np.uint16)
    plain = save_photo(to_pil(read_photo(values), values), tmp_path / "plain.png").read_bytes()
    assert read_photo(plain).metadata.density is None
    body = struct.pack(">IIB", across, down, unit)
    photo = read_photo(insert(plain, chunk(b"pHYs", body), plain[33:41]))
    assert phys(save_photo(to_pil(photo, values), tmp_path / "a.png")) == (across, down, unit)


def test_a_jpeg_without_a_density_gets_none(pixels, tmp_path):
    exif = Image.Exif()
    exif[271] = "Camera"
    content = encode(pixels, "JPEG", exif=exif)
    assert read_photo(content).metadata.density is None
    assert jfif(converted(content, tmp_path, "jpg"))[0] == 0
    exif[282], exif[283], exif[296] = 300, 200, 2
    assert read_photo(encode(pixels, "JPEG", exif=exif)).metadata.density == Density(Fraction(300), Fraction(200))


def test_whole_numbers_of_the_nearest_unit_are_written():
    assert Density(Fraction("299.9994"), Fraction("299.9994")).jfif() == struct.pack(">BHH", 1, 300, 300)
    assert Density(Fraction("251.46"), Fraction("251.46"), INCH).jfif() == struct.pack(">BHH", 2, 99, 99)
    assert Density(Fraction(70000), Fraction(3), NO_UNIT).jfif() == struct.pack(">BHH", 0, 46667, 2)
