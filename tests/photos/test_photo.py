"""Detection of black-and-white photos."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode

SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


@pytest.mark.parametrize("name", [*PHOTOS, "retina", "immunohistochemistry"])
def test_color_photos_are_not_gray(name):
    assert not read_photo(getattr(data, name)()).is_gray


def test_faded_color_photos_are_not_gray():
    pixels = data.chelsea()
    gray = pixels.mean(2, keepdims=True)
    assert not read_photo((0.5 * pixels + 0.5 * gray).astype(np.uint8)).is_gray


@pytest.mark.parametrize("name", ["camera", "coins", "moon", "page", "brick", "grass"])
def test_gray_photos_are_gray(name):
    assert read_photo(getattr(data, name)()).is_gray


@pytest.mark.parametrize("name", PHOTOS)
def test_toned_photos_are_gray_also_as_jpeg(name):
    pixels = getattr(data, name)()
    gray = Image.fromarray(pixels).convert("L")
    toned = {
        "sepia": Image.fromarray((pixels @ SEPIA.T).clip(0, 255).astype(np.uint8)),
        "cyanotype": ImageOps.colorize(gray, "#002147", "#f0f6ff", mid="#4a7fb5"),
        "selenium": ImageOps.colorize(gray, "#1a1018", "#fff8f4", mid="#80727a"),
        "split": ImageOps.colorize(gray, "#101a30", "#fff0d0"),
        "faded": ImageOps.colorize(gray, "#4a3a2a", "#e8dcc0"),
    }
    for tone, image in toned.items():
        for options in ({"format": "PNG"}, {"format": "JPEG", "quality": 75}):
            file = io.BytesIO()
            image.save(file, **options)
            assert read_photo(file.getvalue()).is_gray, (tone, options)


def test_most_small_coarse_jpegs_are_gray_if_they_are_brown():
    tones = {
        "strong": ("#2a1200", "#fff0d0", "#a5672a"),
        "mild": ("#1c140c", "#f4ead6", "#8a7458"),
        "reddish": ("#1a0a08", "#f8e4d8", "#8c5a4a"),
    }
    found = {tone: [] for tone in tones}
    for name in PHOTOS:
        image = Image.fromarray(getattr(data, name)())
        image.thumbnail((200, 200))
        for quality in (25, 40):
            for tone, (black, white, mid) in tones.items():
                toned = encode(ImageOps.colorize(image.convert("L"), black, white, mid=mid), "JPEG", quality=quality)
                found[tone].append(read_photo(toned).is_gray)
            # Also those that were faded and turned brown.
            brown = Image.fromarray((np.asarray(image) * [1.12, 1, 0.7]).clip(0, 255).astype(np.uint8))
            faded = Image.blend(brown.convert("L").convert("RGB"), brown, 0.6)
            for color in (image, brown, faded):
                assert not read_photo(encode(color, "JPEG", quality=quality)).is_gray
    assert {tone: sum(gray) >= 6 for tone, gray in found.items()} == dict.fromkeys(tones, True)


def test_a_gray_photo_with_a_colored_corner_is_not_gray():
    pixels = np.repeat(data.camera()[..., None], 3, 2)
    pixels[:60, :120] = (200, 40, 40)
    assert not read_photo(pixels).is_gray


@pytest.mark.parametrize(
    ("colors", "is_gray"),
    [
        ([(128, 128, 128)], True),
        ([(180, 120, 90)], False),
        ([(255, 0, 0), (0, 0, 255)], False),
        ([(0, 0, 0), (255, 255, 255)], True),
    ],
)
def test_flat_pictures(colors, is_gray):
    pixels = np.concatenate([np.full((32, 32, 3), color, np.uint8) for color in colors], 1)
    assert read_photo(pixels).is_gray == is_gray


def test_what_is_fully_transparent_does_not_count():
    pixels = np.repeat(data.camera()[..., None], 3, 2)
    pixels[:200] = (200, 40, 40)
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[:200] = 0
    assert read_photo(np.dstack([pixels, alpha])).is_gray


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000)])
def test_photos_of_one_row_have_an_answer(size):
    assert read_photo(Image.new("RGB", size, (90, 90, 90))).is_gray
    assert not read_photo(Image.new("RGB", size, (200, 40, 40))).is_gray
