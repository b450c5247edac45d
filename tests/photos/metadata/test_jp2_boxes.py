"""Boxes of a JPEG 2000 file besides its pixels: profile, XMP, EXIF and resolution."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from colorizer.data.decoding import decode
from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo
from colorizer.photos.metadata.jp2_boxes import read_boxes
from colorizer.photos.profiles import in_srgb
from tests.photos import color_profiles

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/">Jürgen</x:xmpmeta>'.encode()
OF_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
RESOLUTION = struct.pack(">4H2b", 11811, 1, 11811, 1, 0, 0)  # per meter


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def with_boxes(samples: np.ndarray, profile: bytes, *, after: bytes = b"") -> bytes:
    """A JP2 whose color box holds a profile, and whose header a resolution for display."""
    return with_header(samples, b"\2\0\0" + profile, box(b"res ", box(b"resd", RESOLUTION))) + after


def with_header(samples: np.ndarray, color_box: bytes, others: bytes = b"") -> bytes:
    """A JP2 with this color box, and other boxes in its header."""
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG2000", no_jp2=False, irreversible=False)
    content = stream.getvalue()
    header = content.index(b"jp2h") - 4
    end = header + int.from_bytes(content[header : header + 4])
    color = content.index(b"colr", header) - 4
    color_end = color + int.from_bytes(content[color : color + 4])
    inner = content[header + 8 : color] + box(b"colr", color_box) + content[color_end:end]
    return content[:header] + box(b"jp2h", inner + others) + content[end:]


def space(number: int) -> bytes:
    """A color box that names a space."""
    return b"\1\0\0" + struct.pack(">I", number)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_gray_profile_is_applied(dtype):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    samples = levels if dtype == np.uint8 else levels.astype(np.uint16) * 257
    photo = read_photo(with_boxes(samples, color_profiles.gray(1.0)))
    linear = levels[..., None] / 255
    expected = 255 * np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    np.testing.assert_allclose(photo.pixels, expected.repeat(3, 2), atol=0.6)


def test_profile_xmp_exif_and_resolution_come_along(pixels):
    profile, exif = color_profiles.rgb(*color_profiles.ADOBE_RGB), Image.Exif()
    exif[0x010F] = "Canon"
    tags = exif.tobytes().removeprefix(b"Exif\0\0")
    after = box(b"uuid", OF_XMP + XMP) + box(b"uuid", b"JpgTiffExif->JP2" + tags)
    photo = read_photo(with_boxes(pixels, profile, after=after))
    assert photo.icc_profile == profile
    assert photo.metadata.xmp == XMP
    assert b"Canon" in photo.exif
    assert photo.metadata.density.dpi == pytest.approx((300, 300), abs=0.01)
    np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("after", [b"\0\0\0\1uuid", struct.pack(">I", 2**31) + b"uuid", b"\0\0\0\3uuid", b"\0"])
def test_a_broken_box_ends_the_search(pixels, after):
    file = io.BytesIO(with_boxes(pixels, profile := color_profiles.gray(2.2), after=after))
    assert read_boxes(file)["icc_profile"] == profile
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("number", "others", "words"),
    [
        (14, b"", "the color space CIELab"),
        (99, b"", "the color space number 99"),
        (16, box(b"cdef", struct.pack(">10H", 3, 0, 0, 3, 1, 0, 2, 2, 0, 1)), "channels in an order of their own"),
        (16, box(b"pclr", struct.pack(">H4B", 2, 3, 15, 15, 15) + bytes(12)), "a palette of other than 8 bits"),
    ],
)
def test_colors_that_would_be_misread_are_refused(pixels, number, others, words):
    content = with_header(pixels, space(number), others)
    for source in (content, Image.open(io.BytesIO(content))):
        with pytest.raises(PhotoError, match=words):
            read_photo(source)


@pytest.mark.parametrize("number", [0, 16])  # OpenJPEG writes 0 for any space that it doesn't know
def test_colors_in_their_natural_order_are_read(pixels, number):
    order = box(b"cdef", struct.pack(">10H", 3, 0, 0, 1, 1, 0, 2, 2, 0, 3))
    np.testing.assert_array_equal(read_photo(with_header(pixels, space(number), order)).pixels, pixels)


def test_training_applies_the_profile_and_refuses_the_same(pixels):
    content, side = with_boxes(pixels, color_profiles.rgb(*color_profiles.ADOBE_RGB)), min(pixels.shape[:2])
    expected = decode(with_header(in_srgb(read_photo(content)).pixels, space(16)), side)
    assert np.abs(decode(content, side).astype(int) - expected).max() <= 1
    assert decode(with_header(pixels, space(14)), side).reason == "broken"


def test_a_palette_is_looked_up():
    palette = np.random.default_rng(0).integers(0, 256, (256, 3), dtype=np.uint8)
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mapping = b"".join(struct.pack(">HBB", 0, 1, channel) for channel in range(3))
    boxes = box(b"pclr", struct.pack(">H4B", 256, 3, 7, 7, 7) + palette.tobytes()) + box(b"cmap", mapping)
    np.testing.assert_array_equal(read_photo(with_header(indices, space(16), boxes)).pixels, palette[indices])
    with pytest.raises(PhotoError, match="sYCC"):
        read_photo(with_header(indices, space(18), boxes))
