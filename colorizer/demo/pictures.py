"""Photos as the page shows them: not larger than screens are, and quick to send."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorizer import images
from colorizer.photo import Photo

# More pixels than this a page seldom shows, and live changes have to keep up with a slider.
PREVIEW_PIXELS = 1_500_000


def smaller(photo: Photo) -> Photo:
    """The photo of at most `PREVIEW_PIXELS`, without its EXIF data."""
    width, height = photo.size
    scale = (PREVIEW_PIXELS / (width * height)) ** 0.5
    if scale >= 1:
        return replace(photo, exif=None)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    planes = [photo.pixels] if photo.alpha is None else [photo.pixels, photo.alpha]
    pixels, *alpha = (np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS)) for plane in planes)
    return replace(photo, pixels=pixels, alpha=alpha[0] if alpha else None, exif=None)


def save_preview(image: Image.Image, folder: Path, stem: str) -> Path:
    """The picture as JPEG, a tenth of a PNG in time and bytes; as PNG where it has alpha, which JPEG can't hold."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGBA":
        path = folder / f"{stem}.png"
        image.save(path, compress_level=1, icc_profile=profile)
    else:
        path = folder / f"{stem}.jpg"
        image.save(path, quality=92, subsampling=0, icc_profile=profile)
    return path


def gray_pixels(pixels: np.ndarray) -> np.ndarray:
    """The photo (uint8, H×W×3) without its color: gray of the same lightness, which is all that the approaches see."""
    return images.merge(pixels, torch.zeros(2, 1, 1))


def file_stem(photo: Photo, label: str) -> str:
    """What the file of a photo's result is called, without its ending."""
    return f"{plain(Path(photo.name).stem)[:80]}-{plain(label)}"


def plain(text: str) -> str:
    """`text` as a file's name may have it."""
    return re.sub(r"[^\w.-]+", "-", text)
