"""Visitors' photos, and previews of them for the page: no larger than a screen and quick to send."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.files.reading import read_photo
from colorizer.photos.files.saving import save_image
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import in_srgb
from colorizer.server.fair_turns import MAX_PIXELS

# A page seldom shows more pixels, and live changes have to keep up with a slider.
PREVIEW_PIXELS = 1_500_000
# JPEG, the format of the previews, has no longer sides.
MAX_SIDE = 65_500


def read_visitor_photo(source: str | None) -> Photo:
    """Read the uploaded photo. Raises PhotoError if there is none or it can't be read.

    Its name, and the error, contain only the file name: visitors need not know the server's folders.
    """
    if not source:
        raise PhotoError("Choose a photo first: upload, paste or take one, or pick an example.")
    return read_photo(source, max_pixels=MAX_PIXELS, name=Path(source).name)


def smaller(
    photo: Photo, max_pixels: int | None = None, resampling: Image.Resampling = Image.Resampling.LANCZOS
) -> Photo:
    """Return the photo in sRGB, of at most `max_pixels` (default: `PREVIEW_PIXELS`) and `MAX_SIDE`, without EXIF data."""
    width, height = photo.size
    scale = min(((max_pixels or PREVIEW_PIXELS) / (width * height)) ** 0.5, MAX_SIDE / max(width, height))
    samples = photo.levels
    if scale >= 1:
        return in_srgb(replace(photo, exif=None, samples=samples))
    size = max(1, int(width * scale)), max(1, int(height * scale))
    planes = [samples] if photo.alpha is None else [samples, photo.alpha]
    pixels, *alpha = (np.asarray(Image.fromarray(plane).resize(size, resampling)) for plane in planes)
    return in_srgb(replace(photo, samples=pixels, alpha=alpha[0] if alpha else None, exif=None, chroma_step=0.0))


def save_preview(image: Image.Image, folder: Path, stem: str) -> Path:
    """Save a picture as JPEG, ten times faster and smaller than PNG, or as PNG if it has alpha. Returns the path."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGBA":
        path = folder / f"{stem}.png"
        save_image(image, path, flush=False, compress_level=1, icc_profile=profile)
    else:
        path = folder / f"{stem}.jpg"
        save_image(image, path, flush=False, quality=92, subsampling=0, icc_profile=profile)
    return path


def file_stem(name: str, label: str) -> str:
    """Return the file name of a result, without extension; `name` is the name of the photo or clip."""
    return f"{plain(Path(name).stem)[:80]}-{plain(label)}"


def plain(text: str) -> str:
    """Return `text` with only characters that are safe in a file name."""
    return re.sub(r"[^\w.-]+", "-", text)
