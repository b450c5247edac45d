import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.demo.batch import album as album_module
from colorizer.demo.batch.album import AlbumStep, color_album
from colorizer.demo.catalog import Catalog
from colorizer.demo.photo.comparison import Settings
from colorizer.errors import ColorizerError
from colorizer.pipelines.image_colorization import ColorizationPipeline

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def catalog(checkpoints: list[str]) -> Catalog:
    return Catalog(checkpoints)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder for the results."""
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


@pytest.fixture
def photos(tmp_path: Path, color_photo: str, broken_photo: str) -> list[Path]:
    """A ZIP of two photos, one of them broken, in a subfolder, and a JPEG with EXIF and ICC profile beside it."""
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as archive:
        archive.write(color_photo, "town/harbor.png")
        archive.write(broken_photo, "town/broken.jpg")
    exif = Image.Exif()
    exif[0x013B] = "Ada"
    Image.new("RGB", (40, 30), (120, 90, 60)).save(tmp_path / "own.jpg", exif=exif, icc_profile=PROFILE)
    return [tmp_path / "album.zip", tmp_path / "own.jpg"]


def last(*arguments: object, name: str = "tiny-dense", file_format: str = "jpg", **settings: float) -> AlbumStep:
    catalog, files, folder = arguments
    *_, step = color_album(catalog, files, name, Settings(**settings), file_format, folder)
    return step


def test_a_zip_comes_back_with_the_subfolders_and_a_report(catalog: Catalog, photos: list[Path], folder: Path):
    steps = list(color_album(catalog, photos, "tiny-dense", Settings(), "jpg", folder))
    assert [(step.done, step.num_colored, step.is_done) for step in steps] == [
        (0, 0, False),
        (1, 1, False),
        (2, 1, False),
        (3, 2, True),
    ]
    assert [len(step.previews) for step in steps] == [0, 1, 1, 2]
    assert steps[1].text == "1 of 3 photos done."
    step = steps[-1]
    assert step.text.startswith("2 of 3 photos colored.\nNot colored (also listed in report.txt in the ZIP):\n\n")
    assert "* `town/broken.jpg`: It is not a photo" in step.text
    with zipfile.ZipFile(step.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["town/harbor.jpg", "own.jpg", "report.txt"]
        report = archive.read("report.txt").decode()
        with archive.open("own.jpg") as file, Image.open(file) as image:
            assert (image.format, image.size) == ("JPEG", (40, 30))
            assert image.getexif()[0x013B] == "Ada"
            assert "tiny-dense" in str(image.getexif())
            assert image.info["icc_profile"] == PROFILE
        with archive.open("town/harbor.jpg") as file, Image.open(file) as image:
            assert image.size == (80, 48)
    assert "2 of 3 photos were colored by tiny-dense" in report
    assert "town/broken.jpg: " in report
    assert {path.name for path in folder.iterdir()} == {"colored-tiny-dense.zip", "preview-1.jpg", "preview-3.jpg"}
    assert not any(str(folder.parent) in text for text in (report, step.text))


def test_it_is_what_the_pipeline_makes(catalog: Catalog, photos: list[Path], folder: Path):
    step = last(catalog, photos[1:], folder, name="tiny-colorful", file_format="png", saturation=0.5)
    expected = catalog.pipeline("tiny-colorful")(str(photos[1]), saturation=0.5)
    with zipfile.ZipFile(step.path) as archive, archive.open("own.png") as file:
        np.testing.assert_array_equal(np.asarray(Image.open(file)), np.asarray(expected))


def test_results_never_share_a_name(catalog: Catalog, tmp_path: Path, folder: Path, color_photo: str):
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as archive:
        for name in ("a.png", "A.jpg", "b/a.png", "a-jpg.png"):
            archive.write(color_photo, name)
    files = [tmp_path / "album.zip", tmp_path / "album.zip"]
    with zipfile.ZipFile(last(catalog, files, folder).path) as archive:
        names = archive.namelist()
    assert names[:4] == ["a.jpg", "A-jpg.jpg", "b/a.jpg", "a-jpg-png.jpg"]
    assert len({name.casefold() for name in names}) == 9


def test_pixels_are_bounded_together(
    catalog: Catalog, photos: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(album_module, "MAX_TOTAL_PIXELS", 4000)
    decoded = []
    read = album_module.read_upload
    monkeypatch.setattr(album_module, "read_upload", lambda *given: decoded.append(given) or read(*given))
    step = last(catalog, [photos[0], photos[1], photos[1]], folder)
    assert step.num_colored == 1
    assert [name for name, _ in step.problems] == ["town/broken.jpg", "own.jpg", "own.jpg"]
    assert all("allowed at a time" in problem for _, problem in step.problems[1:])
    assert len(decoded) == 3


def test_a_photo_that_the_format_can_not_hold_is_named(catalog: Catalog, tmp_path: Path, folder: Path):
    Image.new("L", (16_400, 1)).save(tmp_path / "wide.png")
    step = last(catalog, [tmp_path / "wide.png"], folder, file_format="webp")
    assert step.path is None
    assert step.text.startswith("0 of 1 photos colored.\nNot colored:\n")
    assert "16383 pixels" in step.text
    assert "the result has 16400×1" in step.text
    assert not list(folder.iterdir())


def test_what_is_stopped_leaves_nothing(catalog: Catalog, photos: list[Path], folder: Path):
    steps = color_album(catalog, photos, "tiny-dense", Settings(), "jpg", folder)
    for _ in range(2):
        next(steps)
    assert list(folder.glob(".colored-tiny-dense.zip.*.part"))
    steps.close()
    assert [path.name for path in folder.iterdir()] == ["preview-1.jpg"]


def test_what_can_not_be_done_is_said(catalog: Catalog, photos: list[Path], folder: Path):
    for options, message in (
        ({"name": "rembrandt"}, "no model 'rembrandt'"),
        ({"file_format": "exe"}, "'exe'; choose from jpg, png, webp"),
    ):
        with pytest.raises(ColorizerError, match=message):
            last(catalog, photos, folder, **options)
    with pytest.raises(ColorizerError, match="Choose photos first"):
        last(catalog, [], folder)


def test_previews_are_bounded(catalog: Catalog, photos: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(album_module, "MAX_PREVIEWS", 1)
    monkeypatch.setattr(album_module, "PREVIEW_SIDE", 20)
    step = last(catalog, photos, folder)
    ((path, name),) = step.previews
    assert name == "town/harbor.jpg"
    assert Image.open(path).size == (20, 12)


def test_the_network_is_not_loaded_for_a_broken_upload(
    catalog: Catalog, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ColorizationPipeline, "__call__", lambda *given: pytest.fail("it ran"))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(ColorizerError, match=r"broken\.zip is damaged"):
        last(catalog, [tmp_path / "broken.zip"], folder)
