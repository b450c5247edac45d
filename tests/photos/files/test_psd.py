"""Photoshop's files: what is read is the flattened picture, whatever else they hold."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo
from colorizer.photos.metadata.photoshop import as_resource

BITMAP, GRAY, INDEXED, RGB, CMYK, MULTICHANNEL, LAB = 0, 1, 2, 3, 4, 7, 9


def psd(
    mode: int,
    planes: np.ndarray,
    *,
    size: tuple[int, int] | None = None,
    bits: int | None = None,
    version: int = 1,
    num_layers: int = 0,
    blocks: bytes = b"",
    resources: bytes = b"",
    palette: bytes = b"",
    is_packed: bool = False,
) -> bytes:
    """A file of planes (C, H, W), uint8 or uint16; `size` is height and width, if rows are packed bits."""
    big = planes.astype(planes.dtype.newbyteorder(">"))
    height, width = size or planes.shape[1:]
    word = ">I" if version == 1 else ">Q"
    header = b"8BPS" + struct.pack(">H6xHIIHH", version, len(planes), height, width, bits or 8 * planes.itemsize, mode)
    layers = struct.pack(word, 2) + struct.pack(">h", num_layers) if num_layers else struct.pack(word, 0)
    section = layers + bytes(4) + blocks
    if is_packed:  # each row as literal runs
        rows = [row.tobytes() for plane in big for row in plane]
        rows = [
            b"".join(bytes([len(r[k : k + 128]) - 1]) + r[k : k + 128] for k in range(0, len(r), 128)) for r in rows
        ]
        counts = struct.pack(f">{len(rows)}{'H' if version == 1 else 'I'}", *map(len, rows))
        picture = b"\0\1" + counts + b"".join(rows)
    else:
        picture = b"\0\0" + big.tobytes()
    parts = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(resources)) + resources
    return header + parts + struct.pack(word, len(section)) + section + picture


@pytest.fixture
def planes(pixels):
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


@pytest.fixture
def mask(pixels):
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[2:] = 200
    return mask


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rgb(pixels, planes, version, is_packed, dtype):
    values = planes if dtype == np.uint8 else planes.astype(np.uint16) * 257 + 1 * (planes < 255)
    photo = read_photo(psd(RGB, values.astype(dtype), version=version, is_packed=is_packed))
    np.testing.assert_array_equal(photo.pixels, pixels)
    np.testing.assert_array_equal(photo.samples, values.transpose(1, 2, 0))
    assert photo.samples.dtype == dtype


@pytest.mark.parametrize("num_layers", [0, 1])
@pytest.mark.parametrize("num_masks", [1, 2])
def test_a_saved_selection_is_no_transparency(pixels, planes, mask, num_layers, num_masks):
    photo = read_photo(psd(RGB, np.stack([*planes, *[mask] * num_masks]), num_layers=num_layers))
    assert photo.alpha is None
    np.testing.assert_array_equal(photo.pixels, pixels)


@pytest.mark.parametrize("mode", [GRAY, RGB, CMYK, LAB])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparency_is_and_its_colors_are_without_the_paper(planes, mask, mode, dtype):
    inks, lab = (
        np.stack([*planes, planes[1] // 2 + 128]),
        np.stack([planes[0], planes[1] // 8 + 112, planes[2] // 8 + 112]),
    )
    colors = {GRAY: planes[:1], RGB: planes, CMYK: inks, LAB: lab}[mode]
    scale = 1 if dtype == np.uint8 else 257
    white = np.reshape([255, 128, 128] if mode == LAB else [255] * len(colors), (-1, 1, 1))
    blended = np.where(mask > 0, white + (colors - white.astype(float)) * mask / 255, colors)
    layers = struct.pack(">4s4sIh", b"8BIM", b"Lr16", 2, -1)
    options = {"num_layers": -1} if dtype == np.uint8 else {"blocks": layers + bytes(2)}
    photo = read_photo(psd(mode, np.rint(np.stack([*blended, mask]) * scale).astype(dtype), **options))
    np.testing.assert_array_equal(photo.alpha, mask)
    opaque = read_photo(psd(mode, (colors * float(scale)).astype(dtype)))
    assert np.abs(photo.pixels.astype(int) - opaque.pixels).max() <= (6 if mode == LAB else 2)


def test_a_palette_has_a_transparent_color(planes):
    palette = np.arange(256, dtype=np.uint8)[None].repeat(3, 0)
    index = int(planes[0, 0, 0])
    resources = as_resource(1047, index.to_bytes(2))
    photo = read_photo(psd(INDEXED, planes[:1], palette=palette.tobytes(), resources=resources))
    np.testing.assert_array_equal(photo.alpha, np.where(planes[0] == index, 0, 255))


def test_a_bitmap_is_black_where_its_bits_are_set():
    levels = np.where(np.arange(12 * 5).reshape(5, 12) % 5 < 2, 0, 255).astype(np.uint8)
    packed = np.packbits(levels == 0, axis=1)[None]
    photo = read_photo(psd(BITMAP, packed, size=levels.shape, bits=1))
    np.testing.assert_array_equal(photo.pixels, levels[..., None].repeat(3, 2))


def test_gray_and_indexed(planes):
    np.testing.assert_array_equal(read_photo(psd(GRAY, planes[:1])).pixels[..., 1], planes[0])
    palette = np.stack([np.arange(256), 255 - np.arange(256), np.full(256, 7)]).astype(np.uint8)
    photo = read_photo(psd(INDEXED, planes[:1], palette=palette.tobytes()))
    np.testing.assert_array_equal(photo.pixels, palette.T[planes[0]])


def test_inks_are_stored_inverted(pixels):
    inks = np.asarray(Image.fromarray(pixels).convert("CMYK"))
    photo = read_photo(psd(CMYK, np.ascontiguousarray(255 - inks.transpose(2, 0, 1))))
    np.testing.assert_array_equal(photo.pixels, Image.fromarray(inks, "CMYK").convert("RGB"))


def test_lab_comes_back_as_the_color_it_was():
    levels = np.arange(0, 256, 5, np.uint8).reshape(4, 13)
    spaces = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(levels).convert("RGB"), *spaces, outputMode="LAB")
    lightness = np.asarray(image)[..., 0]
    neutral = np.full_like(lightness, 128)
    photo = read_photo(psd(LAB, np.stack([lightness, neutral, neutral])))
    np.testing.assert_allclose(photo.pixels, levels[..., None].repeat(3, 2), atol=3)


def test_layers_without_a_flattened_picture_are_named(planes):
    version = as_resource(1057, struct.pack(">IBIII", 1, 0, 0, 0, 1))
    white = np.full_like(planes, 255)
    with pytest.raises(PhotoError, match="no flattened picture"):
        read_photo(psd(RGB, white, num_layers=1, resources=version))
    # Without layers, nothing else is there.
    assert read_photo(psd(RGB, white, resources=version)).pixels.all()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_cut_file_is_refused(planes, is_packed):
    with pytest.raises(PhotoError, match="damaged"):
        read_photo(psd(RGB, planes, is_packed=is_packed)[:-9])


def test_other_kinds_and_sizes_are_named(planes):
    with pytest.raises(PhotoError, match="mode 7 and 8 bits"):
        read_photo(psd(MULTICHANNEL, planes))
    with pytest.raises(PhotoError, match="more pixels"):
        read_photo(psd(RGB, planes), max_pixels=5)
