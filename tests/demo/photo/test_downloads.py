"""The files of full size."""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.demo import previews
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo import downloads
from colorizer.demo.photo.comparison import Comparison, Settings
from colorizer.demo.photo.downloads import FORMATS, gallery, save_all, save_result
from colorizer.demo.photo.recolor import adjusted, repaint
from colorizer.demo.photo.run import compare
from colorizer.errors import ColorizerError
from colorizer.photos.files.reading import read_photo
from colorizer.photos.merging import gray_pixels

NAMES = ["tiny-colorful", "tiny-dense"]
CAMERA = 0x0110


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str], damaged_checkpoint: str) -> Catalog:
    return Catalog([*checkpoints, damaged_checkpoint])


@pytest.fixture
def camera_photo(pixels: np.ndarray, tmp_path: Path) -> str:
    """A photo with EXIF data and a color profile."""
    exif = Image.Exif()
    exif[CAMERA] = "Box"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = tmp_path / "my photo.jpg"
    Image.fromarray(pixels).save(path, quality=95, exif=exif, icc_profile=profile)
    return str(path)


@pytest.fixture
def comparison(catalog: Catalog, camera_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    """Results of a photo that the page shows smaller."""
    monkeypatch.setattr(previews, "PREVIEW_PIXELS", 2000)
    folder = tmp_path / "run"
    folder.mkdir()
    *_, comparison = compare(catalog, camera_photo, NAMES, Settings(warmth=15), folder)
    return comparison


@pytest.mark.parametrize("file_format", FORMATS)
def test_results_have_the_photos_size_and_its_data(comparison: Comparison, file_format: str) -> None:
    assert Image.open(comparison.results[1].preview).width < 80
    path = save_result(comparison, "tiny-dense", file_format)
    assert path.name == f"my-photo-tiny-dense{FORMATS[file_format]}"
    assert path.parent == comparison.folder
    with Image.open(path) as image, Image.open(comparison.source) as photo:
        assert image.format == file_format.upper()
        assert image.size == (80, 48)
        assert image.getexif()[CAMERA] == "Box"
        assert image.info["icc_profile"] == photo.info["icc_profile"]
        assert "tiny-dense" in image.getexif()[0x010E]


def test_nothing_of_full_size_is_written_before_it_is_asked_for(comparison: Comparison) -> None:
    for path in comparison.folder.glob("*.[jp]*g"):
        assert Image.open(path).width < 80


def test_downloads_are_adjusted_as_the_page_shows_them(
    catalog: Catalog, comparison: Comparison, camera_photo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "PREVIEW_PIXELS", 80 * 48)
    *_, whole = compare(catalog, camera_photo, NAMES, Settings(), tmp_path)
    changed = adjusted(whole, saturation=0.6, warmth=-30.0, strength=0.9)
    for result in changed.results:
        as_shown = BytesIO()
        Image.open(save_result(changed, result.label)).save(as_shown, "JPEG", quality=92, subsampling=0)
        assert np.array_equal(
            np.asarray(Image.open(as_shown)), np.asarray(Image.open(repaint(changed, result.label).preview))
        )
    gray = adjusted(comparison, saturation=1.0, warmth=40.0, strength=0.0)
    pixels = np.asarray(Image.open(save_result(gray, "tiny-dense"))).astype(int)
    assert np.abs(pixels - gray_pixels(read_photo(camera_photo).pixels)).max() <= 1


def test_zip_holds_every_result_and_a_contact_sheet(comparison: Comparison) -> None:
    reports = []
    path = save_all(comparison, "JPEG", lambda *report: reports.append(report))
    assert path.name == "my-photo-colorized.zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [*(f"my-photo-{name}.jpg" for name in NAMES), "my-photo-contact-sheet.png"]
        assert archive.testzip() is None
        for name in archive.namelist()[:-1]:
            with archive.open(name) as file, Image.open(file) as image:
                assert image.size == (80, 48)
        with archive.open("my-photo-contact-sheet.png") as file, Image.open(file) as sheet:
            # Gray, two results and the truth, side by side.
            assert sheet.width > 4 * 300
    assert reports == [(0, 3, NAMES[0]), (1, 3, NAMES[1]), (2, 3, "the contact sheet")]


def test_zip_of_a_gray_photo(catalog: Catalog, gray_photo: str, tmp_path: Path) -> None:
    *_, comparison = compare(catalog, gray_photo, ["damaged", "tiny-dense"], Settings(), tmp_path)
    with zipfile.ZipFile(save_all(comparison)) as archive:
        assert archive.namelist() == ["gray-tiny-dense.png", "gray-contact-sheet.png"]


def test_too_much_for_one_zip_is_refused(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_ZIP_PIXELS", 2 * 80 * 48 - 1)
    with pytest.raises(ColorizerError, match="one by one"):
        save_all(comparison)


def test_what_can_not_be_downloaded_is_said(
    catalog: Catalog, comparison: Comparison, color_photo: str, tmp_path: Path
) -> None:
    with pytest.raises(ColorizerError, match="no result 'rembrandt'"):
        save_result(comparison, "rembrandt")
    with pytest.raises(ColorizerError, match=r"'GIF'; choose from PNG, JPEG, WebP"):
        save_result(comparison, "tiny-dense", "GIF")
    *_, failed = compare(catalog, color_photo, ["damaged"], Settings(), tmp_path)
    with pytest.raises(ColorizerError, match="no results"):
        save_all(failed)


def test_a_format_that_can_not_hold_the_photo_is_said_without_a_path(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "panorama.png"
    Image.new("L", (16400, 4), 128).save(path)
    *_, comparison = compare(catalog, str(path), ["tiny-dense"], Settings(), tmp_path)
    with pytest.raises(ColorizerError, match=r"panorama-tiny-dense\.webp has 16400×4") as caught:
        save_result(comparison, "tiny-dense", "WebP")
    assert str(tmp_path) not in str(caught.value)


def test_a_photo_that_is_gone_is_said(comparison: Comparison) -> None:
    Path(comparison.source).unlink()
    for save in (lambda: save_result(comparison, "tiny-dense"), lambda: save_all(comparison)):
        with pytest.raises(ColorizerError, match="upload it again"):
            save()


def test_gallery_is_of_full_size(comparison: Comparison) -> None:
    files = gallery(comparison)
    assert [caption.split(",")[0] for _, caption in files] == NAMES
    assert [(Image.open(path).format, Image.open(path).size) for path, _ in files] == 2 * [("PNG", (80, 48))]
