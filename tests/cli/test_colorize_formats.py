"""`python -m colorizer colorize` on a folder of files from everywhere: all are colored or named."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorizer.cli.parser import main
from tests.cli.running import names
from tests.photos.conftest import encode

pytestmark = pytest.mark.usefixtures("package")


def test_every_page_and_format_of_a_folder_is_colored_or_named(tmp_path: Path, capsys: pytest.CaptureFixture):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    second = Image.fromarray(pixels[:16])
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    (folder / "scan.tif").write_bytes(encode(pixels, "TIFF", save_all=True, append_images=[second]))
    (folder / "scan-1.png").write_bytes(encode(pixels))
    (folder / "book.pdf").write_bytes(encode(pixels, "PDF", save_all=True, append_images=[second]))
    (folder / "pair.mpo").write_bytes(encode(pixels, "MPO", save_all=True, append_images=[second]))
    (folder / "cut.jpg").write_bytes(encode(pixels, "JPEG")[:-3])
    (folder / "broken.dng").write_bytes(b"II*\0 and nothing else")
    (folder / "clip.mov").write_bytes(b"no photo")
    command = ["colorize", str(folder), "-o", str(out), "--model", "small"]
    assert main(command) == 1
    assert names(out) == [
        "book-1.png",
        "book-2.png",
        "cut.png",
        "pair.png",
        "scan-1.png",
        "scan-2-1.png",
        "scan-2-2.png",
    ]
    assert Image.open(out / "scan-2-2.png").size == (40, 16)
    assert Image.open(out / "book-2.png").size == (40, 16)
    printed = capsys.readouterr().err
    for text in ("clip.mov", "broken.dng", "cut.jpg: its last bytes are missing", "1 of 8 photos failed"):
        assert text in printed
    assert main(command) == 1
    assert "7 of 8 photos are done already" in capsys.readouterr().out


def test_a_damaged_page_is_named_and_the_others_are_colored(tmp_path: Path, capsys: pytest.CaptureFixture):
    photo = np.full((16, 16), 90, np.uint8)
    scan = bytearray(
        encode(photo, "TIFF", compression="tiff_lzw", save_all=True, append_images=[Image.fromarray(photo)])
    )
    start = tifffile.TiffFile(io.BytesIO(scan)).pages[1].dataoffsets[0]
    scan[start : start + 8] = b"\xff" * 8
    (tmp_path / "scan.tif").write_bytes(scan)
    main(["colorize", str(tmp_path / "scan.tif"), "-o", str(tmp_path / "out"), "--model", "small"])
    assert "page 2" in capsys.readouterr().err
    assert names(tmp_path / "out") == ["scan-1.png"]


def test_a_photo_above_the_limit_is_named(tmp_path: Path, capsys: pytest.CaptureFixture):
    (tmp_path / "large.png").write_bytes(encode(np.zeros((40, 50, 3), np.uint8)))
    command = ["colorize", str(tmp_path / "large.png"), "-o", str(tmp_path / "out"), "--model", "small"]
    assert main([*command, "--max_pixels", "1999"]) == 1
    assert "large.png has 0.002 million pixels, more than" in capsys.readouterr().err
    assert main([*command, "--max_pixels", "2000"]) == 0
