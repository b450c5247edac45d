"""Bounds on pixels that the caller raises, and files that ask for more than they have."""

import io
import os
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import MAX_PIXELS, read_photo
from tests.photos.conftest import encode
from tests.photos.files.hostile_files import tiff_of_pages
from tests.photos.files.test_formats import tiff


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF"])
def test_pillows_own_limit_gives_way_to_a_larger_one(monkeypatch, pixels, file_format):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    content = encode(pixels, file_format)
    with pytest.raises(PhotoError, match="pixels"):
        read_photo(content, max_pixels=1999)
    assert read_photo(content, max_pixels=MAX_PIXELS).size == (60, 40)


def test_a_tiff_larger_than_allowed_is_refused_by_its_header():
    file = io.BytesIO(tiff(np.zeros((3, 40, 60), np.uint16), planarconfig="separate", compression="zlib"))
    with tifffile.TiffFile(file, mode="r+") as writer:
        for tag, value in ((256, 60_000), (257, 40_000)):
            writer.pages[0].tags[tag].overwrite(value)
        with pytest.raises(PhotoError, match="2400 million pixels, more than the 100 allowed"):
            read_photo(file.getvalue())


def test_a_strip_that_unpacks_to_gigabytes_takes_no_memory():
    content = tiff(np.zeros((3, 40, 60), np.uint16), planarconfig="separate", compression="zlib")
    start = content.index(zlib.compress(bytes(4800), 6)[:6])
    bomb = zlib.compress(bytes(50_000_000))
    photo = content[:start] + bomb[: len(content) - start]
    with pytest.raises(PhotoError):
        read_photo(photo)


def test_a_pdf_of_endless_size_is_scaled_to_what_is_allowed(pixels):
    content = encode(pixels, "PDF", resolution=72)
    huge = content.replace(b"/MediaBox [ 0 0 60.0 40.0", b"/MediaBox [ 0 0 600000 400000")
    assert huge != content
    start = time.monotonic()
    assert 10**5 < np.prod(read_photo(huge, max_pixels=10**6).size) <= 10**6
    assert time.monotonic() - start < 60


def test_pages_by_the_thousand_are_counted_in_no_time(tmp_path):
    path = tmp_path / "pages.tif"
    path.write_bytes(tiff_of_pages(50_000))
    start = os.times().user
    assert "the first of many" in read_photo(path).notes[0]
    assert os.times().user - start < 10
