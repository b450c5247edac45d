"""Pixels of a TIFF directory as its tags define them, for the process that decodes."""

import math
from typing import IO, Any

import numpy as np
from PIL import Image
from tifffile import TiffFile, TiffPage

from colorizer.errors import quote
from colorizer.photos.depth import eight_bits, in_full_range
from colorizer.photos.files.decoder_bounds import Bounds, Refused
from colorizer.photos.files.tiff_directories import (
    CMYK,
    COLOR_MAP,
    LARGEST,
    PALETTE,
    PREMULTIPLIED,
    RGB,
    SMALLEST,
    YCBCR,
)

_COLORS = {0: 1, 1: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3}
_KINDS = {1: "unsigned", 2: "signed", 3: "float", 5: "complex integer", 6: "complex"}
_REFERENCE_BLACK_WHITE, _INK_SET = 532, 332
_FULL_RANGE = (0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)  # fractions: black and white of luma and chroma
_MAX_SAMPLES = 16
_BYTES_PER_PIXEL = 16
_MAX_PARTS = 100_000
_JPEG = (6, 7, 34892, 33007)
# Of floats beyond black and white, as sharpening leaves them. Beyond that, nobody knows what is white.
_OVERSHOOT = 0.1
_FULL_16_BITS = 65535
_ROWS = 64


def read_directory(file: IO[bytes], offset: int, bounds: Bounds) -> Image.Image:
    """Decode the directory at `offset` to an 8-bit image: L, LA, RGB, RGBA, CMYK or YCbCr.

    `info` has its ICC profile, gray or RGB of more than 8 bits in 16 bits as "wide", and as "alpha" what the mode has no
    channel for, uint8 (H, W).

    Raises:
        Exception: what the tags define is no photo, or the data are damaged or missing; the message says what it is.
    """
    tiff = TiffFile(file)
    tiff.filehandle.seek(offset)
    page = TiffPage(tiff, 0)
    bounds.check(page.imagewidth, page.imagelength)
    _check(page, tiff.filehandle.size)
    if page.nbytes > _BYTES_PER_PIXEL * bounds.max_pixels:
        raise Refused(f"{_describe(page)}, which take {page.nbytes >> 20} MiB, too much to be decoded safely")
    bounds.allow(page.imagewidth * page.imagelength, page.nbytes)
    values = _decode(page)
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    values = values.reshape(planes, page.imagelength, page.imagewidth, -1)
    values = np.moveaxis(values, 0, 2).reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    image = _to_image(page, values)
    if profile := page.iccprofile:
        image.info["icc_profile"] = profile
    return image


def _decode(page: TiffPage) -> np.ndarray:
    try:
        return page.asarray(maxworkers=1)
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # each of its decoders has its own kinds
        if "imagecodecs" in str(error):
            raise
        raise Refused(f"{_describe(page)}, compression {_name(page.compression)}, that can't be decoded") from error


def _describe(page: TiffPage) -> str:
    is_known = isinstance(page.sampleformat, int) and page.sampleformat in _KINDS
    kind = _KINDS[page.sampleformat] if is_known else f"format {_name(page.sampleformat)}"
    return f"is a TIFF of {_name(page.bitspersample)}-bit {kind} samples, photometric {_name(page.photometric)}"


def _name(value: object) -> str:
    """Return a tag's value as a message names it: it may be a number, or thousands of them."""
    return getattr(value, "name", None) or quote(value)


def _check(page: TiffPage, file_size: int) -> None:
    """Raise Refused for layouts that are no photo, and for missing data, which would become black."""
    colors = _COLORS.get(page.photometric)
    if (
        colors is None
        or page.imagedepth != 1
        or page.sampleformat not in (1, 2, 3)
        or not isinstance(page.bitspersample, int)
    ):
        raise Refused(f"{_describe(page)}, which can't be read: save it as RGB or gray first")
    num_extra = page.samplesperpixel - colors
    if num_extra != len(page.extrasamples) or page.samplesperpixel > _MAX_SAMPLES:
        raise Refused(f"{_describe(page)}, with {page.samplesperpixel} samples per pixel instead of {colors}")
    if page.photometric == CMYK and page.tags.valueof(_INK_SET, 1) != 1:
        raise Refused(f"{_describe(page)}, of other inks than CMYK: save it as RGB first")
    if page.photometric == YCBCR and (
        page.bitspersample != 8
        or page.is_subsampled
        or page.tags.valueof(_REFERENCE_BLACK_WHITE, _FULL_RANGE) != _FULL_RANGE
    ):
        raise Refused(f"{_describe(page)}, subsampled or of a reduced range: save it as RGB first")
    if page.photometric == 0 and PREMULTIPLIED in page.extrasamples:
        raise Refused(f"{_describe(page)}, premultiplied by alpha: save it as MinIsBlack first")
    num_parts = math.prod(page.chunked)
    if num_parts > _MAX_PARTS:
        raise Refused(f"is a TIFF of {num_parts} strips or tiles, too many to be decoded safely: save it again")
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    if len(places) < num_parts:
        raise Refused(f"is incomplete: {num_parts - len(places)} of its {num_parts} strips or tiles are missing")
    if lost := sum(not 0 < start < start + size <= file_size for start, size in places[:num_parts]):
        raise Refused(f"is incomplete: {lost} of its {num_parts} strips or tiles are missing")


def _to_image(page: TiffPage, values: np.ndarray) -> Image.Image:
    num_colors = _COLORS[page.photometric]
    place = next((num_colors + place for place, kind in enumerate(page.extrasamples) if kind in (1, 2)), None)
    if page.photometric == PALETTE:
        image = Image.fromarray(_look_up(page, values))
        if place is not None:
            image.info["alpha"] = in_full_range(values[..., place], 2**page.bitspersample - 1, np.uint8)
        return image
    levels, wide = _levels(page, values), None
    if page.photometric == 0:
        levels[..., 0] = np.iinfo(levels.dtype).max - levels[..., 0]
    if levels.dtype == np.uint16:
        wide = np.ascontiguousarray(levels[..., 0] if num_colors == 1 else levels[..., :num_colors])
        levels = eight_bits(levels)
    colors = levels[..., :num_colors]
    if page.photometric in (CMYK, YCBCR):
        is_converted = page.photometric == YCBCR and page.compression in _JPEG
        mode = "CMYK" if page.photometric == CMYK else "RGB" if is_converted else "YCbCr"
        image = Image.frombytes(mode, (page.imagewidth, page.imagelength), np.ascontiguousarray(colors).tobytes())
        if place is not None:
            image.info["alpha"] = np.ascontiguousarray(levels[..., place])
        return image
    if place is None:
        image = Image.fromarray(np.ascontiguousarray(colors[..., 0] if num_colors == 1 else colors))
    else:
        image = Image.fromarray(np.dstack([colors, levels[..., place]]), "LA" if num_colors == 1 else "RGBA")
    if wide is not None:
        image.info["wide"] = wide
    return image


def _look_up(page: TiffPage, values: np.ndarray) -> np.ndarray:
    colors = np.asarray(page.tags.valueof(COLOR_MAP), np.uint16).reshape(3, -1)
    if page.sampleformat != 1 or values[..., 0].max() >= colors.shape[1]:
        raise Refused(f"{_describe(page)}, whose palette lacks colors of its pixels")
    # As libtiff does: old programs write 8 bits where the standard has 16.
    colors = colors >> 8 if colors.max() > 255 else colors
    return np.ascontiguousarray(colors.astype(np.uint8).T[values[..., 0]])


def _levels(page: TiffPage, values: np.ndarray) -> np.ndarray:
    """Return the samples as uint8, or as uint16 if they are gray or RGB of more levels than that.

    Black and white are as the tags define them, and premultiplied colors are divided by alpha.
    """
    black, white = _range(page, values)
    is_wide = page.photometric in (0, 1, RGB) and (page.sampleformat == 3 or white - black > 255)
    kind = np.uint16 if is_wide else np.uint8
    full = np.iinfo(kind).max
    extra, num_colors = page.extrasamples, _COLORS[page.photometric]
    premultiplied = num_colors + extra.index(PREMULTIPLIED) if PREMULTIPLIED in extra else None
    if premultiplied is None and values.dtype == kind and (black, white) == (0, full):
        return values
    levels = np.empty(values.shape, kind)
    for top in range(0, len(values), _ROWS):
        rows = (values[top : top + _ROWS].astype(np.float64) - black) / (white - black)
        if premultiplied is not None:
            alpha = rows[..., premultiplied, None]
            rows[..., :num_colors] /= np.where(alpha > 0, alpha, 1)
        levels[top : top + _ROWS] = np.rint(rows * full).clip(0, full)
    return levels


def _range(page: TiffPage, values: np.ndarray) -> tuple[float, float]:
    """Return the values of black and white."""
    # Of bytes, they are statistics.
    tags = (SMALLEST, LARGEST) if page.bitspersample > 8 or page.sampleformat != 1 else ()
    smallest, largest = [_one(page.tags.valueof(tag)) for tag in tags] or (None, None)
    is_float, is_signed = page.sampleformat == 3, page.sampleformat == 2
    if is_float and not np.isfinite(values).all():
        raise Refused(f"{_describe(page)}, and has values that are not finite (NaN or infinity)")
    low, high = float(values.min()), float(values.max())
    full = 1.0 if is_float else 2.0 ** (page.bitspersample - is_signed) - 1
    if page.bitspersample == 32 and not is_float and high <= _FULL_16_BITS:
        # Pillow and others store 8 and 16 bits so. With the full range as white, all would be black.
        full = 255.0 if high <= 255 else float(_FULL_16_BITS)
    black, white = 0.0 if smallest is None else smallest, full if largest is None else largest
    if not black < white:
        raise Refused(f"{_describe(page)}, whose tags say that black is {black:g} and white {white:g}")
    margin = _OVERSHOOT * (white - black) if is_float else 0
    if page.sampleformat != 1 and (low < black - margin or high > white + margin):
        raise Refused(
            f"{_describe(page)}, with values from {low:g} to {high:g} where {black:g} is black and {white:g} white: "
            "scale it first, or save it with 8 or 16 bits"
        )
    return black, white


def _one(value: Any) -> float | None:
    """Return a tag's value, or None if the samples differ in it."""
    numbers = {float(number) for number in (value if isinstance(value, tuple) else (value,)) if number is not None}
    return numbers.pop() if len(numbers) == 1 else None
