"""Colors that files describe by numbers: a photo is as bright, and as colorful, as they say."""

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorizer.data.decoding import decode
from colorizer.photos.files.reading import read_photo
from colorizer.photos.profiles import in_srgb
from tests.photos import color_profiles

LEVELS = np.arange(256, dtype=np.uint8).reshape(8, 32)
DISPLAY_P3, BT_2020, SRGB, PQ, HLG, LINEAR = 12, 9, 13, 16, 18, 8
# Red of sRGB (200, 90, 60) is this in Display P3, by CSS Color 4.
RED, RED_IN_P3 = (200, 90, 60), (186, 97, 69)
ADOBE_CHROMATICITIES = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)


def png(samples: np.ndarray, *, icc: bytes | None = None, **chunks: bytes) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    for name, content in chunks.items():
        info.add(name.encode(), content)
    Image.fromarray(samples).save(file, "PNG", pnginfo=info, icc_profile=icc)
    return file.getvalue()


def gamma(value: float) -> bytes:
    return round(100000 * value).to_bytes(4)


def chromaticities(*values: float) -> bytes:
    return b"".join(gamma(value) for value in values)


def flat(color: tuple[int, int, int]) -> np.ndarray:
    return np.full((16, 16, 3), color, np.uint8)


@pytest.mark.parametrize("kind", ["gray", "RGB", "16 bits"])
@pytest.mark.parametrize(
    ("chunks", "exponent"),
    [
        ({"gAMA": gamma(1)}, 1.0),
        ({"gAMA": gamma(1 / 1.8)}, 1.8),
        ({"cICP": bytes((1, LINEAR, 0, 1))}, 1.0),
        ({"cICP": bytes((1, LINEAR, 0, 1)), "gAMA": gamma(1 / 1.8), "icc": color_profiles.gray(1.8)}, 1.0),
    ],
)
def test_a_photo_is_as_bright_as_its_numbers_say(chunks, exponent, kind):
    samples = {"gray": LEVELS, "RGB": LEVELS[..., None].repeat(3, 2), "16 bits": LEVELS.astype(np.uint16) * 257}[kind]
    linear = (LEVELS / 255) ** exponent
    expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    photo = in_srgb(read_photo(png(samples, **chunks)))
    np.testing.assert_allclose(photo.pixels, expected[..., None].repeat(3, 2), atol=1.1)
    assert not photo.notes


@pytest.mark.parametrize(
    "chunks",
    [
        {"gAMA": gamma(0.45455)},
        {"gAMA": gamma(1), "sRGB": b"\0"},
        {"gAMA": gamma(0)},
        {"gAMA": gamma(21474.83647)},
        {"cICP": bytes((1, SRGB, 0, 1)), "gAMA": gamma(1), "icc": color_profiles.gray(1.8)},
        {"cICP": bytes((DISPLAY_P3, SRGB, 0, 1))},  # of gray, nothing but the curve counts
        {"cHRM": chromaticities(*ADOBE_CHROMATICITIES)},
        {"cHRM": chromaticities(*[0.3] * 8)},
    ],
    ids=str,
)
def test_other_grays_are_srgb(chunks):
    photo = read_photo(png(LEVELS, **chunks))
    np.testing.assert_array_equal(photo.pixels, LEVELS[..., None].repeat(3, 2))
    assert photo.icc_profile is None
    assert not photo.notes


def test_the_primaries_of_a_png():
    given = png(flat(RED_IN_P3), cICP=bytes((DISPLAY_P3, SRGB, 0, 1)))
    photo = read_photo(given)
    np.testing.assert_array_equal(photo.pixels, flat(RED_IN_P3))
    assert np.abs(in_srgb(photo).pixels - np.float64(flat(RED))).max() <= 1
    opened = Image.open(io.BytesIO(given))
    assert read_photo(opened).icc_profile == photo.icc_profile
    for chunks, colors in (
        ({"cHRM": chromaticities(*ADOBE_CHROMATICITIES), "gAMA": gamma(1 / 2.2)}, color_profiles.ADOBE_RGB),
        ({"cICP": bytes((DISPLAY_P3, 4, 0, 1))}, color_profiles.DISPLAY_P3),
    ):
        by_numbers = in_srgb(read_photo(png(flat(RED), **chunks))).pixels
        by_profile = in_srgb(read_photo(png(flat(RED), icc=color_profiles.rgb(*colors)))).pixels
        assert np.abs(by_numbers - np.float64(by_profile)).max() <= 1
        assert np.abs(by_numbers - np.float64(flat(RED))).max() > 5
    for chunks in ({"cHRM": chromaticities(*[0.3] * 8)}, {"cICP": bytes((1, SRGB, 0, 1))}, {"cICP": b"\1"}):
        assert read_photo(png(flat(RED), **chunks)).icc_profile is None


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((BT_2020, PQ, 0, 1), "PQ"),
        ((BT_2020, HLG, 0, 1), "HLG"),
        ((99, 13, 0, 1), "codes 99 and 13"),
        ((1, 13, 0, 0), "range"),
    ],
)
def test_what_is_not_supported_is_noted(codes, words):
    photo = read_photo(png(LEVELS, cICP=bytes(codes)))
    np.testing.assert_array_equal(photo.pixels, LEVELS[..., None].repeat(3, 2))
    (note,) = photo.notes
    assert words in note
    # A profile beside it says the same.
    assert not read_photo(png(LEVELS, cICP=bytes(codes), icc=color_profiles.gray(1.8))).notes


def test_avif_and_heic_have_the_same_codes():
    file = io.BytesIO()
    Image.fromarray(flat(RED_IN_P3)).save(file, "AVIF", quality=100)
    place = file.getvalue().index(b"colrnclx") + 8
    for transfer, expected in ((SRGB, RED), (PQ, RED_IN_P3)):
        content = bytearray(file.getvalue())
        content[place : place + 4] = bytes((0, DISPLAY_P3, 0, transfer))
        photo = read_photo(bytes(content))
        assert np.abs(in_srgb(photo).pixels - np.float64(flat(expected))).max() <= 3
        assert len(photo.notes) == (transfer == PQ)
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(flat(RED_IN_P3))).save(
        file,
        quality=-1,
        color_primaries=DISPLAY_P3,
        transfer_characteristics=SRGB,
        matrix_coefficients=1,
        full_range_flag=1,
    )
    assert b"colrnclx" in file.getvalue()
    assert np.abs(in_srgb(read_photo(file.getvalue())).pixels - np.float64(flat(RED))).max() <= 3


@pytest.mark.parametrize("chunks", [{"gAMA": gamma(1)}, {"cICP": bytes((1, LINEAR, 0, 1))}])
def test_photos_to_learn_from_are_as_bright_as_their_numbers_say(chunks):
    colors = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    expected = in_srgb(read_photo(png(colors, **chunks))).pixels
    np.testing.assert_allclose(decode(png(colors, **chunks), 32).transpose(1, 2, 0), expected, atol=1)
    assert np.abs(colors - np.float64(expected)).mean() > 20
