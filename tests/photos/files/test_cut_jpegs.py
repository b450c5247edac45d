"""JPEGs that lack their last bytes, as interrupted copies do."""

import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode

PHOTO = data.coffee()
KINDS = [{}, {"subsampling": 0}, {"progressive": True}, {"restart_marker_rows": 2}]


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_last_bytes_is_read_with_a_note(options, mode, tmp_path):
    content = encode(Image.fromarray(PHOTO).convert(mode), "JPEG", quality=90, **options)
    whole = read_photo(content)
    for missing in (3, 500, len(content) // 30):
        (tmp_path / "cut.jpg").write_bytes(content[:-missing])
        for source in (content[:-missing], tmp_path / "cut.jpg"):
            photo = read_photo(source)
            assert photo.size == whole.size
            same = (photo.pixels[:360] == whole.pixels[:360]).all(2).mean()
            assert same == 1 or options == {"progressive": True}
            assert np.abs(photo.pixels.astype(int) - whole.pixels).mean() < 8
            assert "its last bytes are missing" in photo.notes[0]


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_a_jpeg_that_lacks_more_is_refused(options):
    content = encode(PHOTO, "JPEG", quality=90, **options)
    for share in (0.1, 0.3, 0.5, 0.6):
        with pytest.raises(PhotoError, match="damaged or incomplete"):
            read_photo(content[: int(len(content) * share)])


def test_the_end_marker_alone_is_not_missed():
    content = encode(PHOTO, "JPEG", quality=90)
    photo = read_photo(content[:-2])
    np.testing.assert_array_equal(photo.pixels, np.asarray(Image.open(io.BytesIO(content))))
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read_photo(encode(PHOTO, "JPEG", exif=exif)[:-200]).size == (400, 600)
