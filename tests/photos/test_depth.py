"""A photo of 16 bits stays one: its tones are untouched, and PNG and TIFF hold them."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageDraw
from skimage import color, data

from colorizer.photos.depth import eight_bits
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.merging import gray_pixels, merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import in_srgb
from tests.photos import color_profiles
from tests.photos.conftest import encode
from tests.photos.test_profiles import WIDE, decoded

RAMP = np.linspace(0, 65535, 4096).round().astype(np.uint16)[None].repeat(3, 0)
NO_COLOR = torch.zeros(2, 1, 1)


def tiff(values: np.ndarray, **options: object) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric="minisblack" if values.ndim == 2 else "rgb", **options)
    return file.getvalue()


def png(values: np.ndarray, path) -> bytes:
    """A PNG of 16 bits, by way of an array."""
    photo = read_photo(values)
    return save_photo(to_pil(photo, photo.deep), path).read_bytes()


@pytest.fixture(scope="module")
def colors() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (30, 20, 3), dtype=np.uint16)


def test_values_are_rounded_to_eight_bits():
    values = np.arange(65536, dtype=np.uint16)[None]
    np.testing.assert_array_equal(eight_bits(values), np.rint(values / 257))


@pytest.mark.parametrize(
    "options", [{}, {"byteorder": ">"}, {"compression": "zlib"}, {"compression": "zlib", "predictor": True}], ids=str
)
def test_all_bits_of_a_tiff_are_read(colors, options):
    for values in (colors, colors[..., 0]):
        photo = read_photo(tiff(values, **options))
        np.testing.assert_array_equal(photo.deep, values)
        np.testing.assert_array_equal(photo.pixels[..., 0], eight_bits(values if values.ndim == 2 else values[..., 0]))


def test_all_bits_of_a_png_and_of_an_array_are_read(colors, tmp_path):
    np.testing.assert_array_equal(read_photo(encode(Image.fromarray(RAMP))).deep, RAMP)
    for values in (colors, np.dstack([colors, np.full(colors.shape[:2], 65535, np.uint16)])):
        np.testing.assert_array_equal(read_photo(values).deep, colors)
        content = png(values, tmp_path / "a.png")
        assert content[24] == 16
        np.testing.assert_array_equal(read_photo(content).deep, colors)
    assert read_photo(colors[..., :1]).deep.shape == colors.shape[:2]
    assert read_photo(encode(np.zeros((4, 4, 3), np.uint8))).deep is None


def test_all_bits_of_a_gray_png_with_alpha_are_read(colors, tmp_path):
    gray, alpha = colors[..., 0], np.full(colors.shape[:2], 65535, np.uint16)
    alpha[:5] = 0x8080
    photo = read_photo(imagecodecs.png_encode(np.dstack([gray, alpha])))
    np.testing.assert_array_equal(photo.deep, gray)
    np.testing.assert_array_equal(photo.alpha, alpha >> 8)
    saved = save_photo(to_pil(photo, merge_colors(photo, NO_COLOR)), tmp_path / "a.png").read_bytes()
    np.testing.assert_array_equal(read_photo(saved).deep[..., 1], gray)
    np.testing.assert_array_equal(read_photo(saved).alpha, photo.alpha)


def test_a_photo_is_turned_in_all_bits(colors):
    photo = read_photo(tiff(colors, extratags=[(274, 3, 1, 6, True)]))
    np.testing.assert_array_equal(photo.deep, np.rot90(colors, -1))
    np.testing.assert_array_equal(photo.pixels, eight_bits(photo.deep))


@pytest.mark.parametrize("name", [None, *WIDE, "COLOR_MATCH"])
def test_tones_are_untouched(name):
    profile = None if name is None else color_profiles.rgb(*getattr(color_profiles, name))
    for deep in (RAMP, np.repeat(RAMP[..., None], 3, 2)):
        photo = Photo(deep, icc_profile=profile)
        merged = merge_colors(photo, NO_COLOR)
        assert merged.dtype == np.uint16
        np.testing.assert_array_equal(merged, np.repeat(RAMP[..., None], 3, 2))
    photo = Photo(RAMP, icc_profile=profile)
    assert gray_pixels(photo).dtype == np.uint8


@pytest.mark.parametrize("saturation", [1, 4])
def test_colors_agree_with_those_of_eight_bits(saturation):
    pixels = data.coffee()[::2, ::2]
    ab = torch.from_numpy(color.rgb2lab(pixels[::4, ::4]).transpose(2, 0, 1)[1:].copy())
    photo = Photo(pixels.astype(np.uint16) * 257)
    fine = merge_colors(photo, ab, saturation=saturation)
    assert abs(eight_bits(fine).astype(int) - merge_colors(pixels, ab, saturation=saturation)).mean() < 0.3
    lightness = color.rgb2lab(fine / 65535)[..., 0]
    assert abs(lightness - color.rgb2lab(pixels)[..., 0]).max() < 0.01


def test_a_photo_gets_the_same_colors_in_every_space():
    gray = gray_pixels(data.coffee()[::4, ::4])[..., 0].astype(np.float64)
    ab = torch.full((2, 2, 2), 14.0)
    results = []
    for name in WIDE:
        colorants, gamma = getattr(color_profiles, name)
        photo = Photo(
            np.rint(65535 * decoded(gray) ** (1 / gamma)).astype(np.uint16),
            icc_profile=color_profiles.rgb(colorants, gamma),
        )
        linear = (merge_colors(photo, ab) / 65535) ** gamma
        results.append(color.xyz2lab(linear @ np.array(colorants), "D50"))
    for other in results[1:]:
        assert np.linalg.norm(other - results[0], axis=-1).max() < 0.6


def test_a_gray_profile_is_applied_in_all_bits():
    photo = read_photo(tiff(RAMP, iccprofile=color_profiles.gray(1.0)))
    assert photo.icc_profile is None
    np.testing.assert_allclose(decoded(photo.deep / 257.0), RAMP / 65535, atol=2e-5)


def test_a_profile_by_a_table_leaves_eight_bits(colors):
    corners = np.zeros((2, 2, 2, 3))
    corners[..., 0] = 100 * np.indices((2, 2, 2)).mean(0)
    photo = read_photo(tiff(colors, iccprofile=color_profiles.table(b"RGB ", corners)))
    assert photo.deep is None
    assert not photo.notes


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_sixteen_bits_are_saved(colors, tmp_path, ending, has_alpha):
    alpha = np.arange(600, dtype=np.uint32).astype(np.uint8).reshape(30, 20) if has_alpha else None
    profile = color_profiles.rgb(*color_profiles.PROPHOTO)
    photo = Photo(colors, alpha, icc_profile=profile)
    path = save_photo(to_pil(photo, colors), tmp_path / f"a.{ending}", model="dense")
    again = read_photo(path)
    np.testing.assert_array_equal(again.deep, colors)
    assert again.icc_profile == profile
    if has_alpha:
        np.testing.assert_array_equal(again.alpha, alpha)
    if ending == "tif":
        np.testing.assert_array_equal(tifffile.imread(path)[..., :3], colors)
    with Image.open(path) as image:
        assert "by dense" in image.getexif()[270]


def test_formats_of_eight_bits_and_changed_pictures_get_eight(colors, tmp_path):
    image = to_pil(Photo(colors), colors)
    assert image.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(image), eight_bits(colors))
    for ending in ("jpg", "webp"):
        assert read_photo(save_photo(image, tmp_path / f"a.{ending}")).deep is None
    cropped = image.crop((0, 0, 10, 10))
    drawn = image.copy()
    ImageDraw.Draw(drawn).point((3, 3), (1, 2, 3))
    for changed in (cropped, drawn):
        np.testing.assert_array_equal(read_photo(save_photo(changed, tmp_path / "b.png")).pixels, np.asarray(changed))


def test_the_screen_shows_eight_bits(colors):
    photo = Photo(colors, icc_profile=color_profiles.rgb(*color_profiles.PROPHOTO))
    assert in_srgb(photo).deep is None
