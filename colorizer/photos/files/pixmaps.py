"""Graymaps and pixmaps (PGM, PPM) whose white is not 255: Pillow decodes them sample by sample, and colors in 8 bits."""

from typing import IO

import numpy as np
from PIL import Image

from colorizer.photos.depth import eight_bits, in_full_range


def is_scaled(image: Image.Image) -> bool:
    """Return True for an image, not yet decoded, of such a file with binary samples."""
    return image.format == "PPM" and image.tile[0].codec_name == "ppm"


def read_scaled(image: Image.Image, file: IO[bytes]) -> tuple[Image.Image, np.ndarray | None]:
    """Return its image, L or RGB, and its samples in 16 bits, uint16 (H, W) or (H, W, 3), if it has more than 8.

    Raises ValueError if some are missing.
    """
    (width, height), channels = image.size, 3 if image.mode == "RGB" else 1
    *_, white = image.tile[0].args
    kind = np.dtype(">u2" if white > 255 else "u1")
    file.seek(image.tile[0].offset)
    content = file.read(width * height * channels * kind.itemsize)
    if len(content) < width * height * channels * kind.itemsize:
        raise ValueError("its end is missing")
    values = np.frombuffer(content, kind).reshape(height, width, *((3,) if channels == 3 else ()))
    samples = in_full_range(values, white, np.uint16 if white > 255 else np.uint8)
    if samples.dtype == np.uint8:
        return Image.fromarray(samples), None
    return Image.fromarray(eight_bits(samples)), samples
