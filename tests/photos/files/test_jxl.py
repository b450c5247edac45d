"""JPEG XL: pixels of every kind as they are, and the profile, orientation and metadata of their file."""

import struct

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.jxl_size import jxl_size
from colorizer.photos.files.reading import read_photo
from colorizer.photos.metadata.exif import ASCII, Value, read_block, write_block
from colorizer.photos.profiles import in_srgb, rgb_profile, srgb_decoded
from tests.photos import color_profiles
from tests.photos.conftest import encode
from tests.photos.files.jxl_files import in_boxes, jxl

MODEL, ORIENTATION = 272, 274
EXIF = write_block({MODEL: Value(ASCII, 7, b"M\xfcller\0"), ORIENTATION: Value(3, 1, b"\6\0")}).removeprefix(
    b"Exif\0\0"
)
XMP = b'<x:xmpmeta><rdf tiff:Orientation="6" dc:title="M\xc3\xbcller"/></x:xmpmeta>'


@pytest.fixture(scope="module")
def profile() -> bytes:
    return color_profiles.rgb(*color_profiles.ADOBE_RGB)


def lossless(pixels: np.ndarray, **options: object) -> bytes:
    return imagecodecs.jpegxl_encode(pixels, lossless=True, **options)


class TestPixels:
    def test_colors_gray_and_alpha(self, pixels):
        gray, alpha = pixels[..., 1], pixels[..., 2]
        color, faint = read_photo(lossless(pixels)), read_photo(lossless(np.dstack([pixels, alpha])))
        np.testing.assert_array_equal(color.pixels, pixels)
        assert color.alpha is color.deep is None
        assert rgb_profile(color.icc_profile) is None  # sRGB
        assert not color.notes
        np.testing.assert_array_equal(faint.pixels, pixels)
        np.testing.assert_array_equal(faint.alpha, alpha)
        for content in (lossless(gray), lossless(np.dstack([gray, alpha]))):
            np.testing.assert_array_equal(read_photo(content).pixels, gray[..., None].repeat(3, 2))

    def test_the_first_frame_of_an_animation_is_read_and_noted(self, pixels):
        photo = read_photo(lossless(np.stack([pixels, pixels[::-1], pixels])))
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert photo.notes == ("animated: the first of 3 frames",)

    def test_premultiplied_colors_are_divided_by_alpha(self, pixels, profile):
        alpha = np.full(pixels.shape[:2], 128, np.uint8)
        content = jxl(
            np.dstack([np.rint(pixels * (128 / 255)), alpha]).astype(np.uint8), profile, is_premultiplied=True
        )
        photo = read_photo(content)
        assert np.abs(photo.pixels.astype(int) - pixels).max() <= 1
        np.testing.assert_array_equal(photo.alpha, alpha)

    @pytest.mark.parametrize("bits", [10, 12, 16])
    def test_wide_samples_are_as_bright_as_their_bits_say(self, pixels, bits):
        values = (pixels.astype(np.uint16) * 257) >> (16 - bits)
        for samples in (values, values[..., 1]):
            photo = read_photo(lossless(samples, bitspersample=bits))
            assert photo.deep.dtype == np.uint16
            assert photo.deep.shape == (samples.shape if samples.ndim == 3 else samples.shape[:2])
            if samples.ndim == 3:  # of gray, the profile is applied
                exact = samples / (2**bits - 1)
                assert np.abs(photo.deep / 65535 - exact).max() < 1e-5
                assert np.abs(photo.pixels / 255 - exact).max() <= 0.501 / 255

    @pytest.mark.parametrize("kind", [np.float16, np.float32])
    def test_floats_are_of_0_to_1(self, pixels, kind):
        photo = read_photo(lossless((pixels / 255).astype(kind)))
        assert np.abs(photo.deep / 65535 - pixels / 255).max() < 3e-4
        assert np.abs(photo.pixels.astype(int) - pixels).max() <= 1

    def test_an_animation_is_its_first_frame(self, pixels):
        np.testing.assert_array_equal(read_photo(lossless(np.stack([pixels, pixels[::-1]]))).pixels, pixels)

    def test_a_cut_file_is_refused(self, pixels):
        content = lossless(pixels)
        for share in (0.2, 0.9):
            with pytest.raises(PhotoError, match="is a JPEG XL photo that is damaged or incomplete"):
                read_photo(content[: int(share * len(content))])


class TestProfile:
    def test_the_profile_in_the_file_is_that_of_the_photo(self, pixels, profile):
        photo = read_photo(jxl(pixels, profile))
        assert photo.icc_profile == profile
        np.testing.assert_array_equal(photo.pixels, pixels)
        same = read_photo(encode(pixels, "PNG", icc_profile=profile))
        np.testing.assert_array_equal(in_srgb(photo).pixels, in_srgb(same).pixels)

    def test_linear_light_is_seen_as_such(self, pixels):
        # Without a profile, imagecodecs writes 16 bits as linear light.
        light = np.rint(65535 * srgb_decoded(pixels / 255)).astype(np.uint16)
        photo = read_photo(lossless(light))
        np.testing.assert_array_equal(photo.deep, light)
        seen = in_srgb(photo).pixels.astype(int)
        # Of linear light, 8 bits have few dark levels.
        assert np.abs(seen - pixels)[pixels > 90].max() <= 3


class TestMetadata:
    def test_the_header_turns_the_pixels_and_what_exif_and_xmp_say_is_done(self, pixels, profile):
        photo = read_photo(in_boxes(jxl(pixels, profile, orientation=6), Exif=bytes(4) + EXIF, xml_=XMP))
        np.testing.assert_array_equal(photo.pixels, np.rot90(pixels, -1))
        assert read_block(photo.exif) == {MODEL: Value(ASCII, 7, b"M\xfcller\0")}
        assert photo.metadata.xmp == XMP.replace(b'"6"', b'"1"')
        assert not photo.notes

    def test_compressed_boxes(self, pixels, profile):
        brob = b"xml " + imagecodecs.brotli_encode(XMP)
        photo = read_photo(in_boxes(jxl(pixels, profile), brob=brob))
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert photo.metadata.xmp == XMP.replace(b'"6"', b'"1"')

    @pytest.mark.parametrize("kind", [b"Exif", b"xml "])
    @pytest.mark.parametrize("is_large", [True, False])
    def test_compressed_boxes_that_are_damaged_or_unpack_to_far_more_are_noted(self, pixels, profile, kind, is_large):
        packed = imagecodecs.brotli_encode(b"<" * 2**27, level=1) if is_large else b"damaged"
        photo = read_photo(in_boxes(jxl(pixels, profile), brob=kind + packed))
        np.testing.assert_array_equal(photo.pixels, pixels)
        name = "EXIF" if kind == b"Exif" else "XMP"
        assert photo.notes == (f"its {name} data is damaged or too large and was ignored",)

    def test_damaged_exif_data_is_noted(self, pixels, profile):
        photo = read_photo(in_boxes(jxl(pixels, profile), Exif=bytes(4) + EXIF[:12]))
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert photo.notes == ("its EXIF data is damaged or too large and was ignored",)

    def test_a_packed_jpeg_is_that_jpeg(self, pixels, profile):
        exif = Image.Exif()
        exif[ORIENTATION], exif[MODEL] = 6, "Camera"
        jpeg = encode(pixels, "JPEG", exif=exif, icc_profile=profile, xmp=XMP)
        photo, same = read_photo(imagecodecs.jpegxl_encode_jpeg(jpeg, usecontainer=True)), read_photo(jpeg)
        np.testing.assert_array_equal(photo.pixels, same.pixels)
        assert photo.size == (40, 60)
        assert (photo.exif, photo.icc_profile, photo.metadata.xmp) == (same.exif, profile, same.metadata.xmp)


@pytest.mark.parametrize("size", [(1, 1), (8, 256), (600, 400), (300, 300), (1920, 1080), (7000, 3), (3, 20_000)])
def test_the_size_is_in_the_header(size):
    content = lossless(np.asarray(Image.new("L", size)))
    assert jxl_size(content) == size
    assert jxl_size(in_boxes(content, Exif=b"ab")) == size
    assert jxl_size(struct.pack(">I4s4xI4s", 12, b"JXL ", 0, b"jxlc") + content) == size
    if size[0] * size[1] > 10**5:
        with pytest.raises(PhotoError, match=r"more than the 0\.1 allowed"):
            read_photo(content, max_pixels=10**5)


def test_xmp_of_a_heic_and_a_jpeg_xl_is_in_the_result(pixels, profile, tmp_path):
    import pillow_heif

    from colorizer.photos.files.saving import save_photo, to_pil

    pillow_heif.register_heif_opener()
    for content in (encode(pixels, "HEIF", xmp=XMP), in_boxes(jxl(pixels, profile), xml_=XMP)):
        photo = read_photo(content)
        for ending in (".jpg", ".png", ".webp", ".tif"):
            saved = save_photo(to_pil(photo, photo.pixels), tmp_path / f"result{ending}")
            kept = read_photo(saved).metadata.xmp
            assert b'dc:title="M\xc3\xbcller"' in kept
            assert b'"6"' not in kept
