"""Reading photos from arrays of every type, and from files of every pixel mode and color profile."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from colorizer import PhotoError
from colorizer.photos.files.reading import read_photo
from tests.photos.conftest import encode


class TestArrays:
    def test_every_number_type_fills_its_range(self):
        gray = np.array([[0, 128, 255]], np.uint8)
        for array in (
            gray,
            gray[..., None],
            gray.astype(np.uint16) * 257,
            gray / 255,
            (gray / 255).astype(np.float32),
            (gray / 255).astype(np.float16),
        ):
            np.testing.assert_array_equal(read_photo(array).pixels, np.repeat(gray[..., None], 3, 2))
        np.testing.assert_array_equal(read_photo(np.array([[False, True]])).pixels[..., 0], [[0, 255]])

    def test_a_fourth_channel_is_alpha(self, pixels):
        alpha = np.arange(60 * 40, dtype=np.uint32).reshape(40, 60, 1).astype(np.uint8)
        photo = read_photo(np.concatenate([pixels, alpha], 2))
        np.testing.assert_array_equal(photo.alpha, alpha[..., 0])
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert read_photo(torch.ones(4, 5, 6)).alpha.shape == (5, 6)

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.full((4, 4, 3), np.nan), "not finite"),
            (np.full((4, 4, 3), np.inf, np.float32), "not finite"),
            (np.full((4, 4, 3), 200.0), "expected 0 to 1"),
            (np.full((4, 4, 3), -1.0), "expected 0 to 1"),
            (np.zeros((4, 4, 3), np.int64), "int64"),
            (np.zeros((4, 4, 3), complex), "complex"),
            (np.array([["a"]]), "<U1"),
            (np.zeros((4, 4, 2), np.uint8), "shape"),
            (np.zeros((2, 4, 4, 3), np.uint8), "shape"),
            (np.zeros(4, np.uint8), "shape"),
            (np.zeros((0, 4, 3), np.uint8), "no pixels"),
            (torch.full((3, 4, 4), float("nan")), "not finite"),
            (torch.zeros(3, 4, 4, dtype=torch.int64), "int64"),
            (torch.zeros(2, 3, 4, 4), "shape"),
            (torch.zeros(4, 4), "shape"),
            (torch.zeros(3, 0, 4), "no pixels"),
            (torch.zeros(3, 4, 4, device="meta"), "meta"),
        ],
        ids=str,
    )
    def test_arrays_that_are_no_photo_are_refused(self, array, message):
        with pytest.raises(PhotoError, match=message):
            read_photo(array)


class TestModes:
    def test_alpha_comes_along_whatever_way_it_is_stored(self, pixels):
        alpha = np.tile(np.arange(60, dtype=np.uint8), (40, 1))
        color = Image.fromarray(np.dstack([pixels, alpha]))
        gray = Image.merge("LA", [Image.fromarray(pixels[..., 1]), Image.fromarray(alpha)])
        for image, expected in ((color, pixels), (gray, np.repeat(pixels[..., 1:2], 3, 2))):
            photo = read_photo(encode(image))
            np.testing.assert_array_equal(photo.alpha, alpha)
            np.testing.assert_array_equal(photo.pixels, expected)
        premultiplied = read_photo(color.convert("RGBa"))
        np.testing.assert_array_equal(premultiplied.alpha, alpha)
        palette = Image.fromarray(pixels).quantize(8)
        photo = read_photo(encode(palette, transparency=0))
        np.testing.assert_array_equal(photo.pixels, np.array(palette.convert("RGB")))
        np.testing.assert_array_equal(photo.alpha == 0, np.array(palette) == 0)

    def test_sixteen_bits_keep_their_tones(self):
        ramp = np.linspace(0, 65535, 256).round().astype(np.uint16)[None].repeat(4, 0)
        expected = np.rint(ramp / 257).astype(np.uint8)
        for image in (
            encode(Image.fromarray(ramp)),
            encode(Image.fromarray(ramp), "TIFF"),
            encode(Image.fromarray(ramp.astype(np.int32)), "TIFF"),
            Image.fromarray(ramp.astype(np.int32)),
        ):
            np.testing.assert_array_equal(read_photo(image).pixels[..., 0], expected)
        levels = np.arange(256, dtype=np.uint8)[None]
        for mode in ("I", "F"):
            np.testing.assert_array_equal(read_photo(Image.fromarray(levels).convert(mode)).pixels[..., 0], levels)
        np.testing.assert_array_equal(read_photo(Image.fromarray(np.float32(levels / 255))).pixels[..., 0], levels)

    def test_values_without_a_place_between_black_and_white_are_refused(self):
        for values in (np.int32([[-5, 3]]), np.int32([[0, 70000]]), np.float32([[0, np.nan]])):
            with pytest.raises(PhotoError, match=r"16 bits|not finite"):
                read_photo(Image.fromarray(values))

    @pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "RGBX"])
    def test_every_mode_is_read_as_pillow_shows_it(self, pixels, mode):
        image = Image.fromarray(pixels).convert(mode)
        np.testing.assert_array_equal(read_photo(image).pixels, np.array(image.convert("RGB")))

    def test_lab_comes_back_as_the_color_it_was(self, pixels):
        lab = ImageCms.profileToProfile(
            Image.fromarray(pixels), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
        photo = read_photo(encode(lab, "TIFF"))
        assert np.abs(photo.pixels.astype(int) - pixels).mean() < 3

    def test_the_first_frame_of_an_animation_is_read_and_said(self, pixels):
        frames = [Image.fromarray(np.roll(pixels, shift, 1)) for shift in range(3)]
        for file_format in ("WEBP", "PNG", "TIFF"):
            options = {"lossless": True} if file_format == "WEBP" else {}
            photo = read_photo(encode(frames[0], file_format, save_all=True, append_images=frames[1:], **options))
            np.testing.assert_array_equal(photo.pixels, pixels)
            assert "the first of 3" in " ".join(photo.notes)
        assert read_photo(encode(pixels)).notes == ()


def png(bits: int, color_type: int, pixels: list[tuple[int, ...]], transparent: tuple[int, ...]) -> bytes:
    """Return a PNG of one row with a transparent color, of any bit depth."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    digits = "".join(f"{part:0{bits}b}" for pixel in pixels for part in pixel)
    row = int(digits.ljust(-len(digits) % 8 + len(digits), "0"), 2).to_bytes(-(-len(digits) // 8))
    header = struct.pack(">IIBBBBB", len(pixels), 1, bits, color_type, 0, 0, 0)
    tag = struct.pack(f">{len(transparent)}H", *transparent)
    parts = chunk(b"IHDR", header), chunk(b"tRNS", tag), chunk(b"IDAT", zlib.compress(b"\0" + row)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_one_gray_of_a_png_is_transparent(bits: int):
    levels = [0, 1] if bits == 1 else [0, 1, 2, 2**bits - 1]
    photo = read_photo(png(bits, 0, [(level,) for level in levels], (1,)))
    assert photo.alpha[0].tolist() == [0 if level == 1 else 255 for level in levels]
    np.testing.assert_array_equal(photo.pixels[0, :, 0], np.rint(np.array(levels) * 255 / (2**bits - 1)))


@pytest.mark.parametrize("bits", [8, 16])
def test_one_color_of_a_png_is_transparent(bits: int):
    white = 2**bits - 1
    colors = [(0, 0, 0), (white, 0, 0), (white // 3, white // 5, 0), (white, white, white)]
    photo = read_photo(png(bits, 2, colors, colors[2]))
    assert photo.alpha[0].tolist() == [255, 255, 0, 255]


class TestColorProfiles:
    def test_an_rgb_profile_is_kept_and_the_pixels_stay(self, pixels):
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        photo = read_photo(encode(pixels, icc_profile=profile))
        assert photo.icc_profile == profile
        np.testing.assert_array_equal(photo.pixels, pixels)

    def test_profiles_of_other_colors_or_of_none_are_left_out(self, pixels):
        rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        cmyk = bytearray(rgb)
        cmyk[16:20] = b"CMYK"  # a header that lies
        for image, profile in (
            (Image.fromarray(pixels), b"no profile"),
            (Image.fromarray(pixels), bytes(cmyk)),
            (Image.fromarray(pixels).convert("L"), rgb),
        ):
            photo = read_photo(encode(image, icc_profile=profile))
            assert photo.icc_profile is None
            np.testing.assert_array_equal(photo.pixels, np.array(image.convert("RGB")))
        photo = read_photo(encode(Image.fromarray(pixels).convert("CMYK"), "JPEG", icc_profile=bytes(cmyk)))
        assert photo.icc_profile is None
        assert "profile is damaged" in photo.notes[0]
