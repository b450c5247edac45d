"""Netpbm's formats of binary samples: PGM and PPM whose white is not 255, PAM, and PFM of gray or color.

Of the first two, Pillow decodes samples one by one, and colors in 8 bits; of PAM and PFM it knows gray PFM alone.
"""

import re
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from colorizer.errors import PhotoError, quote
from colorizer.photos.depth import eight_bits, in_full_range

_PAM = re.compile(rb"P7[ \t\r]*\n")
_PFM = re.compile(rb"P([Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+.\deE]{1,30})\s")
_HEADER_BYTES = 2**16
_CHANNELS = {"BLACKANDWHITE": 1, "GRAYSCALE": 1, "RGB": 3}
_ALPHA = "_ALPHA"
_TYPES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}  # of files that don't name theirs
# Of floats beyond black and white, as sharpening leaves them.
_OVERSHOOT = 0.1


class Pixmap(NamedTuple):
    """An image, L or RGB, its samples in 16 bits if it has more than 8, and its alpha, uint8 (H, W), if it has some."""

    image: Image.Image
    wide: np.ndarray | None = None
    alpha: np.ndarray | None = None


def is_scaled(image: Image.Image) -> bool:
    """Return True for an image, not yet decoded, of a PGM or PPM with binary samples whose white is not 255."""
    return image.format == "PPM" and image.tile[0].codec_name == "ppm"


def read_scaled(image: Image.Image, file: IO[bytes]) -> Pixmap:
    """Return the pixels of such a file, which Pillow has opened. Raises ValueError if some are missing."""
    (width, height), channels = image.size, 3 if image.mode == "RGB" else 1
    *_, white = image.tile[0].args
    file.seek(image.tile[0].offset)
    return _pixmap(_samples(file, (height, width, channels), _kind(white)), white)


def is_other_pixmap(head: bytes) -> bool:
    """Return True for the first bytes of a PAM or PFM."""
    return bool(_PAM.match(head) or re.match(rb"P[Ff]\s", head))


def read_other_pixmap(file: IO[bytes], label: str, max_pixels: int) -> Pixmap:
    """Return the pixels of a PAM or PFM. Their values are levels, as Netpbm's own programs take them.

    Raises:
        PhotoError: it has other colors than gray and RGB, or values of which nobody knows what is white.
        DecompressionBombError: it has more pixels.
        ValueError: it is damaged.
    """
    file.seek(0)
    head = file.read(_HEADER_BYTES)
    return (_read_pam if head.startswith(b"P7") else _read_pfm)(file, head, label, max_pixels)


def _read_pam(file: IO[bytes], head: bytes, label: str, max_pixels: int) -> Pixmap:
    lines, values, start = head.splitlines(keepends=True), {}, 0
    for line in lines:
        start += len(line)
        name, _, value = line.decode("latin-1").strip().partition(" ")
        if name == "ENDHDR":
            break
        if name and not name.startswith("#"):
            # Repeated, the parts of a type are joined.
            values[name] = f"{values[name]} {value.strip()}" if name == "TUPLTYPE" in values else value.strip()
    else:
        raise ValueError("its header has no end")
    try:
        width, height, depth, white = (int(values[name]) for name in ("WIDTH", "HEIGHT", "DEPTH", "MAXVAL"))
    except KeyError as error:
        raise ValueError(f"its header has no {error.args[0]}") from error
    kind = values.get("TUPLTYPE") or _TYPES.get(depth, "")
    channels = _CHANNELS.get(kind.removesuffix(_ALPHA))
    if channels is None or depth != channels + kind.endswith(_ALPHA) or not 1 <= white <= 65535:
        raise PhotoError(
            f"{label} is a PAM of type {quote(kind or 'unknown')}, {depth} samples per pixel and white at {white}: "
            "save it as RGB or gray first."
        )
    _check(width, height, max_pixels)
    file.seek(start)
    return _pixmap(_samples(file, (height, width, depth), _kind(white)), white, channels)


def _read_pfm(file: IO[bytes], head: bytes, label: str, max_pixels: int) -> Pixmap:
    if (match := _PFM.match(head)) is None:
        raise ValueError("its header is cut off")
    width, height, scale = int(match[2]), int(match[3]), float(match[4])
    if abs(scale) != 1:
        raise PhotoError(f"{label} is a PFM of scale {abs(scale):g}, which programs read differently: save it with 1.")
    _check(width, height, max_pixels)
    file.seek(match.end())
    # The sign is the order of bytes, and the last row comes first.
    kind = np.dtype("<f4" if scale < 0 else ">f4")
    values = _samples(file, (height, width, 3 if match[1] == b"F" else 1), kind)[::-1]
    if not np.isfinite(values).all():
        raise PhotoError(f"{label} has values that are not finite (NaN or infinity).")
    low, high = values.min(), values.max()
    if low < -_OVERSHOOT or high > 1 + _OVERSHOOT:
        raise PhotoError(f"{label} has values from {low:g} to {high:g}: expected 0 to 1. Convert it first.")
    return _pixmap(values, 1)


def _check(width: int, height: int, max_pixels: int) -> None:
    if width < 1 or height < 1:
        raise ValueError(f"it is {width}×{height}")
    if width * height > max_pixels:
        raise Image.DecompressionBombError


def _kind(white: int) -> np.dtype:
    return np.dtype(">u2" if white > 255 else "u1")


def _samples(file: IO[bytes], shape: tuple[int, int, int], kind: np.dtype) -> np.ndarray:
    """Return samples from the file's place on, (H, W, channels)."""
    size = shape[0] * shape[1] * shape[2] * kind.itemsize
    content = file.read(size)
    if len(content) < size:
        raise ValueError("its end is missing")
    return np.frombuffer(content, kind).reshape(shape)


def _pixmap(values: np.ndarray, white: float, channels: int | None = None) -> Pixmap:
    """Return samples (H, W, `channels`, by default all, and perhaps alpha) from 0 to `white`."""
    kind = np.uint16 if white > 255 or values.dtype.kind == "f" else np.uint8
    colors = in_full_range(values[..., :channels], white, kind)
    colors = np.ascontiguousarray(colors[..., 0] if colors.shape[2] == 1 else colors)
    alpha = in_full_range(values[..., channels], white, np.uint8) if channels and channels < values.shape[2] else None
    if kind == np.uint8:
        return Pixmap(Image.fromarray(colors), None, alpha)
    return Pixmap(Image.fromarray(eight_bits(colors)), colors, alpha)
