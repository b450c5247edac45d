"""AVIF and JPEG 2000 of more than 8 bits keep them."""

import io
from types import SimpleNamespace

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from colorizer.data.decoding import decode
from colorizer.errors import PhotoError
from colorizer.photos.files import deep_codecs
from colorizer.photos.files.decoder_bounds import Refused
from colorizer.photos.files.reading import read_photo, read_size
from colorizer.photos.files.saving import save_photo, to_pil
from tests.photos.conftest import encode

HEIGHT, WIDTH = 48, 64
RAMP = np.linspace(0, 65535, WIDTH).round().astype(np.uint16)[None].repeat(HEIGHT, 0)
COLORS = np.dstack([RAMP, RAMP[::-1, ::-1], RAMP[::-1] // 2])
MODES = {"L": RAMP, "RGB": COLORS, "RGBA": np.dstack([COLORS, RAMP])}


def file_of(file_format: str, samples: np.ndarray, bits: int, **options: object) -> bytes:
    samples = np.ascontiguousarray(samples >> (16 - bits))
    if file_format == "AVIF":
        return imagecodecs.avif_encode(samples, level=100, bitspersample=bits, pixelformat="444", speed=8, **options)
    return imagecodecs.jpeg2k_encode(samples, level=0, bitspersample=bits, **({"codecformat": "jp2"} | options))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("file_format", "bits"), [("AVIF", 10), ("AVIF", 12), ("JPEG2000", 12), ("JPEG2000", 16)])
def test_all_bits_are_read(file_format, mode, bits):
    samples = MODES[mode]
    photo = read_photo(file_of(file_format, samples, bits))
    assert not photo.notes
    expected = samples[..., :3] if samples.ndim == 3 else samples
    if photo.deep.ndim > expected.ndim:  # an AVIF without chroma
        expected = np.dstack([expected] * 3)
    assert photo.deep.shape == expected.shape
    error = np.abs(photo.deep.astype(int) - expected)
    # An AVIF is as good as lossless, but for the conversion to luma and chroma.
    assert error.max() <= (1 if file_format == "JPEG2000" else 4) * 65535 / (2**bits - 1)
    assert np.abs(photo.pixels[..., 0] - expected.reshape(*RAMP.shape, -1)[..., 0] / 257).max() < 2
    assert (photo.alpha is None) == (mode != "RGBA")


@pytest.mark.parametrize("bits", [1, 4, 7])
def test_fewer_bits_reach_white_too(bits):
    for samples in (RAMP, COLORS):
        values = (samples >> (16 - bits)).astype(np.uint8)
        photo = read_photo(imagecodecs.jpeg2k_encode(values, level=0, bitspersample=bits, codecformat="jp2"))
        np.testing.assert_array_equal(photo.levels, np.rint(values * (255 / (2**bits - 1))))


def test_a_codestream_alone_is_read_too(tmp_path):
    photo = read_photo(file_of("JPEG2000", COLORS, 16, codecformat="j2k"))
    np.testing.assert_array_equal(photo.deep, COLORS)
    np.testing.assert_array_equal(read_photo(save_photo(to_pil(photo, photo.deep), tmp_path / "a.tif")).deep, COLORS)


@pytest.mark.parametrize("file_format", ["AVIF", "JPEG2000"])
def test_eight_bits_stay_eight(pixels, file_format):
    photo = read_photo(encode(pixels, file_format))
    assert photo.deep is None
    assert not photo.notes


def test_white_is_white():
    """Pillow makes it black."""
    white = np.full((8, 8, 4), 65535, np.uint16)
    photo = read_photo(file_of("JPEG2000", white, 16))
    assert photo.pixels.min() == photo.deep.min() // 257 == photo.alpha.min() == 255


@pytest.mark.parametrize("file_format", ["AVIF", "JPEG2000"])
def test_the_size_is_not_told_by_decoding(tmp_path, pixels, file_format):
    path = tmp_path / "a"
    path.write_bytes(file_of(file_format, COLORS, 12))
    assert read_size(path) is None
    path.write_bytes(encode(pixels, file_format))
    assert read_size(path) == (60, 40)


def test_white_is_white_in_training_too():
    bright = np.where(COLORS > 60000, np.uint16(65535), COLORS)
    seen = decode(file_of("JPEG2000", bright, 16), HEIGHT)
    margin = (WIDTH - HEIGHT) // 2
    assert np.abs(seen.transpose(1, 2, 0) - bright[:, margin:-margin] / 257).max() <= 1


def test_an_image_that_pillow_would_misread_is_refused(pixels):
    with (
        Image.open(io.BytesIO(file_of("JPEG2000", COLORS, 12))) as image,
        pytest.raises(PhotoError, match="pass its path"),
    ):
        read_photo(image)
    with Image.open(io.BytesIO(encode(pixels, "JPEG2000", irreversible=False))) as image:
        np.testing.assert_array_equal(read_photo(image).pixels, pixels)


def test_luma_and_chroma_are_converted():
    content = file_of("JPEG2000", COLORS, 12)
    place = content.index(b"colr") + 7
    photo = read_photo(content[:place] + (18).to_bytes(4) + content[place + 4 :])
    luma, blue, red = np.moveaxis(COLORS / 65535 - (0, 0.5, 0.5), 2, 0)
    expected = np.dstack([luma + 1.402 * red, luma - 0.344 * blue - 0.714 * red, luma + 1.772 * blue]).clip(0, 1)
    assert np.abs(photo.deep / 65535 - expected).max() < 1e-3


def test_a_picture_other_than_pillows_is_refused(monkeypatch):
    monkeypatch.setattr(deep_codecs, "_MEAN_DIFFERENCE", -1)
    content = io.BytesIO(file_of("JPEG2000", COLORS, 12))
    with pytest.raises(Refused, match="12 bits and colors of a space"):
        deep_codecs.read_deep(content, 1, SimpleNamespace(check=lambda *size: None))


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setattr("colorizer.photos.files.separate_decoding.find_spec", lambda name: None)
    with pytest.raises(PhotoError, match=r"is a JPEG 2000 photo: install .*colorizer\[formats\]"):
        read_photo(file_of("JPEG2000", COLORS, 12))
    photo = read_photo(file_of("AVIF", COLORS, 10))  # which Pillow reads rightly
    assert photo.size == (WIDTH, HEIGHT)
    assert photo.deep is None
    assert photo.notes[0].startswith("read in 8 of its 10 bits")
    assert "colorizer[formats]" in photo.notes[0]


def test_a_cut_file_is_refused():
    content = file_of("JPEG2000", COLORS, 12)
    with pytest.raises(PhotoError):
        read_photo(content[: len(content) // 2])
