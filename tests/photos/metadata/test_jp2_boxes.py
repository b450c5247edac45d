"""Boxes of a JPEG 2000 file besides its pixels: profile, XMP, EXIF and resolution."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from colorizer.photos.files.reading import read_photo
from colorizer.photos.metadata.jp2_boxes import read_boxes
from tests.photos import color_profiles

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/">Jürgen</x:xmpmeta>'.encode()
OF_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
RESOLUTION = struct.pack(">4H2b", 11811, 1, 11811, 1, 0, 0)  # per meter


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def with_boxes(samples: np.ndarray, profile: bytes, *, after: bytes = b"") -> bytes:
    """A JP2 whose color box holds a profile, and whose header a resolution for display."""
    stream = io.BytesIO()
    Image.fromarray(samples).save(stream, "JPEG2000", no_jp2=False, irreversible=False)
    content = stream.getvalue()
    header = content.index(b"jp2h") - 4
    end = header + int.from_bytes(content[header : header + 4])
    color = content.index(b"colr", header) - 4
    color_end = color + int.from_bytes(content[color : color + 4])
    inner = content[header + 8 : color] + box(b"colr", b"\2\0\0" + profile) + content[color_end:end]
    return content[:header] + box(b"jp2h", inner + box(b"res ", box(b"resd", RESOLUTION))) + content[end:] + after


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
