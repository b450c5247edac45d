"""Metadata that a saved result keeps of its photo, what it states, and what a failure leaves behind."""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from colorizer import ColorizerError
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_photo, to_pil
from colorizer.photos.photo import Photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
DESCRIPTION, SOFTWARE, CAMERA, EXIF_IFD, EXPOSED = 0x010E, 0x0131, 0x010F, 0x8769, 0x9003
ENDINGS = ("png", "jpg", "jpeg", "webp", "tif", "tiff")


@pytest.fixture
def photo() -> Photo:
    exif = Image.Exif()
    exif[CAMERA] = "Camera"
    exif[DESCRIPTION] = "Grandmother, 1946"
    exif.get_ifd(EXIF_IFD)[EXPOSED] = "1946:05:01 12:00:00"
    pixels = data.coffee()[::4, ::4].copy()
    alpha = np.full(pixels.shape[:2], 255, np.uint8)
    alpha[:10] = 0
    return Photo(pixels, alpha, exif.tobytes(), SRGB, "grandmother.jpg")


def test_an_image_has_the_photos_alpha_exif_and_profile(photo):
    image = to_pil(photo, photo.pixels[::-1])
    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.array(image)[..., :3], photo.pixels[::-1])
    np.testing.assert_array_equal(np.array(image)[..., 3], photo.alpha)
    assert image.info["icc_profile"] == SRGB
    assert image.getexif()[CAMERA] == "Camera"
    assert to_pil(Photo(photo.pixels), photo.pixels).mode == "RGB"


@pytest.mark.parametrize("ending", [*ENDINGS, "PNG"])
def test_files_keep_what_the_photo_came_with_and_say_whose_guess_they_are(photo, tmp_path, ending):
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / f"colored.{ending}", model="colorful")
    assert path == tmp_path / f"colored.{ending}"
    saved = read_photo(path)
    assert saved.size == photo.size
    assert np.abs(saved.pixels.astype(int) - photo.pixels)[10:].mean() < 5  # WebP halves the chroma's resolution
    assert saved.icc_profile == SRGB
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[DESCRIPTION] == "Grandmother, 1946. Colors are a guess by colorful (colorizer)"
        assert exif[SOFTWARE] == "colorizer"
        assert exif[CAMERA] == "Camera"
        assert exif.get_ifd(EXIF_IFD)[EXPOSED] == "1946:05:01 12:00:00"
        if ending.lower() == "png":
            assert image.text["Description"] == "Colors are a guess by colorful (colorizer)"


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_lossless_formats_are_exact(photo, tmp_path, ending):
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / f"a.{ending}", model="dense")
    np.testing.assert_array_equal(read_photo(path).pixels, photo.pixels)
    np.testing.assert_array_equal(read_photo(path).alpha, photo.alpha)


def test_transparency_becomes_white_in_jpeg(photo, tmp_path):
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / "a.jpg", model="dense")
    assert read_photo(path).pixels[:6].min() > 240


@pytest.mark.parametrize("mode", ["LA", "La", "RGBa", "P"])
def test_transparency_of_every_kind_becomes_white_in_jpeg(mode, tmp_path):
    image = Image.new(mode, (8, 8))
    if mode == "P":
        image.info["transparency"] = 0
    assert read_photo(save_photo(image, tmp_path / "a.jpg")).pixels.min() > 250


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_image_without_pixels_is_refused(ending, tmp_path):
    with pytest.raises(ColorizerError, match="has no pixels, it is 0×4"):
        save_photo(Image.new("RGB", (0, 4)), tmp_path / f"a.{ending}")


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_exif_data_of_a_big_tiff_is_that_of_any_file(photo, tmp_path, ending):
    exif = Image.Exif()
    exif[CAMERA] = "Camera"
    Image.fromarray(photo.pixels).save(tmp_path / "big.tif", big_tiff=True, exif=exif)
    read = read_photo(tmp_path / "big.tif")
    assert read.notes == ()
    with Image.open(save_photo(to_pil(read, read.pixels), tmp_path / f"a.{ending}")) as image:
        assert image.getexif()[CAMERA] == "Camera"


def test_the_model_that_made_the_image_is_named_unless_told_otherwise(photo, tmp_path):
    image = to_pil(photo, photo.pixels, model="user/name")
    for model, expected in ((None, "by user/name (c"), ("other", "by other (c")):
        with Image.open(save_photo(image, tmp_path / "a.png", model=model)) as saved:
            assert expected in saved.text["Description"]


def test_saving_twice_says_it_once(photo, tmp_path):
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / "a.jpg", model="dense")
    again = read_photo(path)
    path = save_photo(to_pil(again, again.pixels), tmp_path / "b.jpg", model="dense")
    with Image.open(path) as image:
        assert image.getexif()[DESCRIPTION].count("guess") == 1


def test_exif_too_long_for_jpeg_gives_way(tmp_path):
    exif = Image.Exif()
    exif[CAMERA] = "x" * 70_000
    photo = Photo(data.coffee()[::8, ::8].copy(), exif=exif.tobytes())
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / "a.jpg", model="dense")
    with Image.open(path) as image:
        assert "dense" in image.getexif()[DESCRIPTION]


def test_a_full_disk_leaves_the_earlier_file_and_no_other(photo, tmp_path, monkeypatch):
    image = to_pil(photo, photo.pixels)
    path = save_photo(image, tmp_path / "a.png", model="dense")
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ColorizerError, match=r"a\.png could not be saved.*No space left"):
        save_photo(image, path, model="dense")
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Limit files to 4 kB: the kernel then writes only the beginning, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_disk_that_takes_only_a_part_leaves_the_earlier_file_and_no_other(photo, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"of before")
    with pytest.raises(ColorizerError, match=rf"a\.{ending} could not be saved"):
        save_photo(to_pil(photo, photo.pixels), path, model="dense")
    assert path.read_bytes() == b"of before"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_longest_name_of_many_byte_letters(photo, tmp_path):
    path = tmp_path / f"{'日' * 83}aa.png"
    assert save_photo(to_pil(photo, photo.pixels), path, model="dense").exists()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_can_not_be_saved_is_refused(photo, tmp_path):
    image = to_pil(photo, photo.pixels)
    for name in ("a.gif", "a", "a.exe"):
        with pytest.raises(ColorizerError, match=r"\.png"):
            save_photo(image, tmp_path / name, model="dense")
    for quality in (0, 101, 90.0, True, None):
        with pytest.raises(ColorizerError, match="quality"):
            save_photo(image, tmp_path / "a.jpg", model="dense", quality=quality)
    with pytest.raises(ColorizerError, match="could not be saved"):
        save_photo(image, tmp_path / "none" / "a.png", model="dense")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ColorizerError, match="could not be saved"):
        save_photo(image, tmp_path / "folder.png", model="dense")
    with pytest.raises(ColorizerError, match="at most 16383"):
        save_photo(Image.new("RGB", (1, 20_000)), tmp_path / "a.webp", model="dense")
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["folder.png"]


def test_a_new_file_has_the_permissions_of_any_other(photo, tmp_path):
    path = save_photo(to_pil(photo, photo.pixels), tmp_path / "a.png", model="dense")
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode
