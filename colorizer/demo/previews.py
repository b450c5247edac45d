"""Photos as the page shows them: not larger than screens are, and quick to send."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from colorizer.photos.photo import Photo
from colorizer.photos.saving import save_image

# More pixels than this a page seldom shows, and live changes have to keep up with a slider.
PREVIEW_PIXELS = 1_500_000


def smaller(
    photo: Photo, max_pixels: int | None = None, resampling: Image.Resampling = Image.Resampling.LANCZOS
) -> Photo:
    """The photo of at most `max_pixels`, `PREVIEW_PIXELS` unless given, without its EXIF data."""
    width, height = photo.size
    scale = ((max_pixels or PREVIEW_PIXELS) / (width * height)) ** 0.5
    if scale >= 1:
        return replace(photo, exif=None)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    planes = [photo.pixels] if photo.alpha is None else [photo.pixels, photo.alpha]
    pixels, *alpha = (np.asarray(Image.fromarray(plane).resize(size, resampling)) for plane in planes)
    return replace(photo, pixels=pixels, alpha=alpha[0] if alpha else None, exif=None)


def save_preview(image: Image.Image, folder: Path, stem: str) -> Path:
    """The picture as JPEG, a tenth of a PNG in time and bytes; as PNG where it has alpha, which JPEG can't hold."""
    profile = image.info.get("icc_profile")
    if image.mode == "RGBA":
        path = folder / f"{stem}.png"
        save_image(image, path, flush=False, compress_level=1, icc_profile=profile)
    else:
        path = folder / f"{stem}.jpg"
        save_image(image, path, flush=False, quality=92, subsampling=0, icc_profile=profile)
    return path


def file_stem(name: str, label: str) -> str:
    """What the file of a result is called, without its ending; `name` is that of the photo or clip."""
    return f"{plain(Path(name).stem)[:80]}-{plain(label)}"


def plain(text: str) -> str:
    """`text` as a file's name may have it."""
    return re.sub(r"[^\w.-]+", "-", text)
