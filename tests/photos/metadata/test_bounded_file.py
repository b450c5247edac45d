"""Bounds on the parts of a file, and no bound on what photos have."""

import io
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo
from tests.photos.files.hostile_files import (
    SECONDS,
    encode,
    hostile_files,
    insert,
    overlapping_exif,
    repeated_scan,
    segment,
    tiff_of_pages,
)

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


def test_hostile_files_take_little_time_and_memory() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.photos.files.hostile_files"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    report = json.loads(finished.stdout)
    assert set(report) == set(hostile_files())
    assert {name: seconds for name, (seconds, _) in report.items() if seconds > SECONDS} == {}
    assert max(len(text) for _, text in report.values()) < 200
    for name in ("gif-frames", "tiff-pages"):
        assert "the first of many" in report[name][1]


def test_a_bmp_of_many_runs_is_read() -> None:
    gray = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    runs = b"".join(b"".join(bytes([1, level]) for level in row) + b"\0\0" for row in gray[::-1]) + b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    header = struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, 54 + len(palette), 40, 300, 200, 1, 8, 1, len(runs), 0, 0, 256, 0)
    photo = read_photo(b"BM" + header + palette + runs)
    np.testing.assert_array_equal(photo.pixels[..., 0], gray)


def test_a_file_on_the_disk_has_the_same_bounds(tmp_path: Path) -> None:
    path = tmp_path / "scans.jpg"
    path.write_bytes(repeated_scan(100, (64, 48)))
    with pytest.raises(PhotoError, match=r"scans\.jpg has more than 64 scans"):
        read_photo(path)
    with path.open("rb") as file, pytest.raises(PhotoError, match="64 scans"):
        read_photo(file)


def test_changed_pixels_of_a_png_are_noticed_by_their_checksum(tmp_path: Path) -> None:
    content = bytearray(encode(NOISE, "PNG"))
    end = content.rindex(b"IEND") - 8  # of the pixels, before their checksum
    for place in (end - 12, end + 1):  # in the last row, after which Pillow doesn't look, and in the checksum
        changed = bytearray(content)
        changed[place] ^= 1
        (tmp_path / "changed.png").write_bytes(changed)
        for source in (tmp_path / "changed.png", bytes(changed)):
            with pytest.raises(PhotoError, match="checksum"):
                read_photo(source)


def test_what_photos_have_is_within_the_bounds(tmp_path: Path) -> None:
    jpeg = encode(NOISE, "JPEG")
    xmp = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"\xff\xda" * 32_000)
    large = insert(jpeg, xmp * 300, b"\xff\xdb")
    # A phone's motion photo: a clip after the photo.
    motion = large + np.random.default_rng(0).bytes(8_000_000)
    for content in (large, motion, repeated_scan(20, (64, 48))):
        assert read_photo(content).pixels.shape[2] == 3
        (tmp_path / "photo.jpg").write_bytes(content)
        assert not read_photo(tmp_path / "photo.jpg").notes
    np.testing.assert_array_equal(read_photo(motion).pixels, read_photo(jpeg).pixels)
    assert "the first of 300" in read_photo(tiff_of_pages(300)).notes[0]
    text = b"P3\n# by hand\n2 1\n255\n1 2 3 4 5 6\n"
    assert read_photo(text).pixels.tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_exif_within_the_bounds_is_kept_and_other_exif_dropped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "a harbor"
    exif.get_ifd(0x8769)[0x9286] = b"x" * 40_000
    for file_format in ("JPEG", "PNG", "WEBP", "TIFF"):
        photo = read_photo(encode(NOISE, file_format, exif=exif))
        assert not photo.notes
        kept = Image.Exif()
        kept.load(photo.exif)
        assert kept[0x010E] == "a harbor"
    photo = read_photo(encode(NOISE, "PNG", exif=overlapping_exif(500, 5000)))
    assert photo.exif is None
    assert "EXIF" in photo.notes[0]


def test_a_gif_of_many_blocks_and_a_png_of_many_chunks_are_read() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 2000), np.uint8))
    for file_format in ("GIF", "PNG"):
        file = io.BytesIO(encode(noise, file_format))
        np.testing.assert_array_equal(read_photo(file).pixels[..., 0], np.asarray(noise))


@pytest.mark.parametrize(
    ("marker", "bits", "words"), [(0xC1, 12, "a JPEG"), (0xC3, 8, "a lossless JPEG"), (0xF7, 16, "a JPEG-LS")]
)
def test_a_jpeg_that_is_not_decoded_says_what_it_is(marker: int, bits: int, words: str) -> None:
    content = bytearray(encode(NOISE, "JPEG"))
    frame = content.index(b"\xff\xc0")
    content[frame + 1], content[frame + 4] = marker, bits
    with pytest.raises(PhotoError, match=f"is {words} of {bits} bits, which can't be read"):
        read_photo(bytes(content))
