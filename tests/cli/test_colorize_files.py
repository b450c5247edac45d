"""Files that `colorize` reads and writes: sizes, formats, photos in color, and what is said of each photo."""

from pathlib import Path

import pytest
from PIL import Image

from colorizer.cli.parser import main
from tests.cli.running import names

pytestmark = pytest.mark.usefixtures("package")


def test_a_photo_of_too_many_pixels_is_named(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    out = str(tmp_path / "out")
    for command in (["colorize", "-o", out], ["compare", "-o", str(tmp_path / "sheet.png")]):
        arguments = [*command, str(album / "face.jpg"), str(album / "gray.png"), "--model", "small"]
        assert main([*arguments, "--max_pixels", "6400"]) == 1
        assert "face.jpg has 0.011 million pixels, more than the 0.0064 allowed" in capsys.readouterr().err
    assert names(tmp_path / "out") == ["gray.png"]


def test_the_quality_of_a_file(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    arguments = ["colorize", str(album / "face.jpg"), "-o", str(tmp_path), "--model", "small"]
    sizes = []
    for quality in ("20", "95"):
        assert main([*arguments, "--format", "jpg", "--quality", quality]) == 0
        sizes.append((tmp_path / "face.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2
    capsys.readouterr()
    assert main([*arguments, "--format", "jpg"]) == 0
    assert "done already" in capsys.readouterr().out, "95 is the default"
    for wrong in (
        ["--format", "jpg", "--quality", "101"],
        ["--quality", "90"],
        ["--format", "tiff", "--quality", "90"],
    ):
        assert main([*arguments, *wrong]) == 2
        assert "quality" in capsys.readouterr().err


def test_a_tiff_is_the_same_picture_as_a_png(album: Path, tmp_path: Path):
    arguments = ["colorize", str(album / "cat.png"), "-o", str(tmp_path), "--model", "small"]
    assert main(arguments) == 0
    assert main([*arguments, "--format", "tiff"]) == 0
    with Image.open(tmp_path / "cat.png") as png, Image.open(tmp_path / "cat.tiff") as tiff:
        assert tiff.format == "TIFF"
        assert png.tobytes() == tiff.tobytes()


def test_photos_in_color_are_said_to_be_so_and_left_alone_when_asked(
    album: Path, tmp_path: Path, capsys: pytest.CaptureFixture
):
    arguments = ["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small"]
    assert main([*arguments, "--keep_color"]) == 0
    said = capsys.readouterr().err
    assert [f"{name}: in color already, left alone." in said for name in ("face.jpg", "cat.png", "gray.png")] == [
        True,
        True,
        False,
    ]
    assert names(tmp_path / "out") == ["gray.png"]
    assert main(arguments) == 0
    assert "face.jpg: in color already, its own colors are replaced." in capsys.readouterr().err
    assert names(tmp_path / "out") == ["cat.png", "face.png", "gray.png"]


def test_notes_on_a_photo_are_printed(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    frames = [Image.new("L", (8, 8), level) for level in (0, 99)]
    frames[0].save(album / "moving.gif", save_all=True, append_images=frames[1:])
    for command in (["colorize", "-o", str(tmp_path)], ["compare", "-o", str(tmp_path / "sheet.png")]):
        assert main([*command, str(album / "moving.gif"), "--model", "small"]) == 0
        assert "moving.gif: animated: the first of 2 frames." in capsys.readouterr().err


def test_what_is_not_a_photo_is_listed(album: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    (album / "below").mkdir()
    for name in ("phone.xyz", "below/raw.dat", ".hidden"):
        (album / name).write_bytes(b"?")
    assert main(["colorize", str(album), "-o", str(tmp_path), "--model", "small"]) == 0
    assert "left out: phone.xyz, below/raw.dat." in capsys.readouterr().err


def test_a_folder_that_can_not_be_opened_counts_as_a_failure(
    album: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    import os

    (album / "closed").mkdir()
    scandir = os.scandir

    def refuse(path: str = "."):
        if os.fspath(path) == str(album / "closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert main(["colorize", str(album), "-o", str(tmp_path / "out"), "--model", "small"]) == 1
    errors = capsys.readouterr().err
    assert f"{album / 'closed'} can't be opened: Permission denied." in errors
    assert "1 of 4 photos failed; the others are done." in errors
    assert len(names(tmp_path / "out")) == 3
