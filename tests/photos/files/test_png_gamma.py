"""The gamma of a PNG without a color profile."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorizer.photos.files.reading import read_photo
from colorizer.photos.profiles import in_srgb

LEVELS = np.arange(256, dtype=np.uint8).reshape(8, 32)


def png(samples: np.ndarray, gamma: int, *, is_srgb: bool = False) -> bytes:
    """A PNG whose gAMA chunk holds `gamma`, in 100000ths."""
    info, file = PngInfo(), io.BytesIO()
    info.add(b"gAMA", gamma.to_bytes(4))
    if is_srgb:
        info.add(b"sRGB", b"\0")
    Image.fromarray(samples).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize(("gamma", "exponent"), [(100000, 1.0), (55556, 1.8)])
@pytest.mark.parametrize("kind", ["gray", "RGB", "16 bits"])
def test_a_photo_is_as_bright_as_its_gamma_says(gamma, exponent, kind):
    samples = {"gray": LEVELS, "RGB": LEVELS[..., None].repeat(3, 2), "16 bits": LEVELS.astype(np.uint16) * 257}[kind]
    linear = (LEVELS / 255) ** exponent
    expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    photo = in_srgb(read_photo(png(samples, gamma)))
    np.testing.assert_allclose(photo.pixels, expected[..., None].repeat(3, 2), atol=1.1)


@pytest.mark.parametrize(("gamma", "is_srgb"), [(45455, False), (100000, True), (0, False), (2**31 - 1, False)])
def test_others_are_srgb(gamma, is_srgb):
    photo = read_photo(png(LEVELS, gamma, is_srgb=is_srgb))
    np.testing.assert_array_equal(photo.pixels, LEVELS[..., None].repeat(3, 2))
    assert photo.icc_profile is None
