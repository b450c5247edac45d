"""Photos of 16 bits: Pillow holds colors in 8, so their other half is read apart, and their rounding to 8 bits."""

import sys
from typing import IO

import numpy as np
from PIL import Image

# Layouts of 16-bit colors in files, each with the one in which Pillow takes the other byte of the two.
_OTHER_BYTE = {"16B": "16L", "16L": "16B", "16N": "16B" if sys.byteorder == "little" else "16L"}
_COLORS = ("RGB", "RGBA", "RGBX")
_GRAY_WITH_ALPHA = "LA;16B"  # of a PNG, in whose four bytes of a pixel the lower ones can be read as channels
_ROWS = 64


def wide_layout(image: Image.Image) -> str | None:
    """Return the layout of the pixels of an image that is not decoded yet if Pillow would halve its 16 bits, or None."""
    tile = getattr(image, "tile", None)
    if image.format not in ("PNG", "TIFF") or not tile or image.mode not in ("RGB", "RGBA"):
        return None
    arguments = tile[0].args
    layout = arguments[0] if isinstance(arguments, tuple) else arguments
    if layout == _GRAY_WITH_ALPHA:
        return layout
    kind, _, order = layout.partition(";") if isinstance(layout, str) else ("", "", "")
    return layout if kind in _COLORS and order in _OTHER_BYTE else None


def read_wide(high: Image.Image, layout: str, file: IO[bytes], frame: int = 0) -> np.ndarray:
    """Return the colors of an image as uint16, (H, W, 3), or its gray, (H, W), by decoding its file again for the lower bytes.

    `high` is the image as Pillow decodes it, of the upper bytes.
    """
    with Image.open(file, formats=(high.format,)) as low:
        if frame:
            low.seek(frame)
        kind, _, order = layout.partition(";")
        is_gray = layout == _GRAY_WITH_ALPHA
        other = "RGBA" if is_gray else f"{kind};{_OTHER_BYTE[order]}"
        low.tile = [
            tile._replace(args=(other, *tile.args[1:]) if isinstance(tile.args, tuple) else other) for tile in low.tile
        ]
        low.load()
        joined = np.empty((high.height, high.width, *(() if is_gray else (3,))), np.uint16)
        for top in range(0, high.height, _ROWS):
            box = (0, top, high.width, min(top + _ROWS, high.height))
            above, below = (np.asarray(image.crop(box)) for image in (high, low))
            rows = (below[..., 0], below[..., 1]) if is_gray else (above[..., :3], below[..., :3])
            joined[top : top + _ROWS] = join_bytes(*rows)
        return joined


def join_bytes(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Return uint16 of its upper and lower bytes."""
    joined = high.astype(np.uint16)
    joined <<= 8
    joined |= low
    return joined


def in_full_range(values: np.ndarray, white: float, kind: type[np.unsignedinteger]) -> np.ndarray:
    """Scale values from 0 to `white` to an unsigned type whose largest value is white."""
    full = np.iinfo(kind).max
    if values.dtype == kind and white == full:
        return values
    scaled = np.empty(values.shape, kind)
    for top in range(0, len(values), _ROWS):
        rows = values[top : top + _ROWS].astype(np.float64) * (full / white)
        scaled[top : top + _ROWS] = np.rint(rows).clip(0, full)
    return scaled


def eight_bits(values: np.ndarray) -> np.ndarray:
    """Round uint16 to uint8, white to white."""
    rounded = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _ROWS):
        # Exact for all values.
        rounded[top : top + _ROWS] = (values[top : top + _ROWS].astype(np.uint32) * 255 + 32895) >> 16
    return rounded
