"""Save a colored photo as an image or file that keeps the photo's metadata and states that its colors are a guess."""

import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from colorizer.atomic_write import write_file
from colorizer.errors import ColorizerError, quote
from colorizer.photos.deep_colors import DeepColors, WithAlpha
from colorizer.photos.depth import eight_bits
from colorizer.photos.files.addresses import public_name
from colorizer.photos.files.encoding import Content, Picture
from colorizer.photos.files.pixel_formats import to_rgba
from colorizer.photos.marks import Mark
from colorizer.photos.merging import merge_colors
from colorizer.photos.metadata.embedded import NO_METADATA
from colorizer.photos.photo import Photo

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_DEEP_FORMATS = ("PNG", "TIFF")
_BAND = 2**22  # pixels; larger photos are colored in bands
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}


def describe(model: str, mark: Mark | None = None) -> str:
    """Return the sentence for the metadata."""
    return f"Colors are a guess by {model} ({mark or 'colorizer'})"


def to_pil(photo: Photo, pixels: np.ndarray, *, model: str | None = None) -> Image.Image:
    """Convert `pixels`, uint8 or uint16 (H, W, 3), to an image with the photo's alpha, EXIF and ICC profile.

    The pixels in 16 bits, its other metadata, and `model`, the name of the model that predicted the colors, are in the image's
    `info`, for `save_photo` to write.
    """
    image = Image.fromarray(pixels if pixels.dtype == np.uint8 else eight_bits(pixels))
    if pixels.dtype == np.uint16:
        image.info["deep"] = pixels
    return _with_metadata(image, photo, model)


def color_photo(
    photo: Photo, ab: Tensor | np.ndarray, *, saturation: float = 1.0, model: str | None = None
) -> Image.Image:
    """Return `to_pil` of the photo merged with `ab` (see `merge_colors`), without a second copy of a large scan."""
    bands = _bands(photo.size)
    if len(bands) == 1:
        return to_pil(photo, merge_colors(photo, ab, saturation=saturation), model=model)
    image = Image.new("RGB", photo.size)
    for band in bands:
        rows = merge_colors(photo, ab, saturation=saturation, rows=band)
        image.paste(Image.fromarray(rows if photo.deep is None else eight_bits(rows)), (0, band.start))
    if photo.deep is not None:
        # Made again when they are saved: kept, they would take as much as all else.
        image.info["deep"] = DeepColors(photo, ab, saturation, _checksum(image))
    return _with_metadata(image, photo, model)


def _belongs(deep: DeepColors | np.ndarray, image: Image.Image) -> bool:
    """Return True if these are the picture's colors: a copy that was cropped or drawn upon may still carry them."""
    if deep.shape[:2] != image.size[::-1]:
        return False
    if isinstance(deep, DeepColors):
        return deep.checksum == _checksum(image)
    return np.array_equal(eight_bits(deep), np.asarray(image)[..., :3])


def _bands(size: tuple[int, int]) -> list[slice]:
    width, height = size
    step = max(1, _BAND // width)
    return [slice(top, min(top + step, height)) for top in range(0, height, step)]


def _checksum(image: Image.Image) -> int:
    """Return a checksum of the pixels of an image, without alpha."""
    checksum = 0
    for band in _bands(image.size):
        rows = image.crop((0, band.start, image.width, band.stop))
        checksum = zlib.crc32(rows.convert("RGB").tobytes(), checksum)
    return checksum


def _with_metadata(image: Image.Image, photo: Photo, model: str | None) -> Image.Image:
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    if photo.exif:
        image.info["exif"] = photo.exif
    if photo.icc_profile:
        image.info["icc_profile"] = photo.icc_profile
    if photo.metadata.density and (dpi := photo.metadata.density.dpi):
        image.info["dpi"] = dpi
    image.info["metadata"] = photo.metadata
    if model is not None:
        image.info["model"] = model
    return image


def save_photo(
    image: Image.Image,
    path: str | os.PathLike,
    *,
    model: str | None = None,
    quality: int = 95,
    mark: Mark | None = None,
    check: Callable[[], None] | None = None,
) -> Path:
    """Save a colored photo in the format given by the file extension: png, jpg, webp or tiff.

    The file keeps the ICC profile, EXIF, IPTC and XMP data, comments, texts, resolution and date of the photo's file. Its
    metadata states that the colors are a guess, and by which `model` (default: the one given to `to_pil`). A preview in the
    EXIF data is left out, since it is gray. JPEG has no room for an XMP packet or EXIF values over 64 kB, and no alpha:
    transparent areas become white. A photo of 16 bits is saved in 16 bits as PNG and TIFF. `quality`, 1…100, applies to JPEG
    and WebP. `mark` is what a later run knows the file by. After a full disk or a kill, an existing file is unchanged. `check`
    raises ColorizerError if the file that is there in the end must stay.

    Raises ColorizerError for another extension, a photo too large for the format, or a file that can't be written.
    """
    path = Path(path)
    name = public_name(str(path))
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ColorizerError(f"{name} doesn't end in one of {', '.join(_FORMATS)}: the extension sets the format.")
    if 0 in image.size:
        raise ColorizerError(f"{name} can't be saved: the image has no pixels, it is {image.width}×{image.height}.")
    if max(image.size) > _LONGEST_SIDE.get(file_format, max(image.size)):
        raise ColorizerError(
            f"{file_format} allows at most {_LONGEST_SIDE[file_format]} pixels per side, but {name} has "
            f"{image.width}×{image.height}: save it as .png."
        )
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise ColorizerError(f"quality must be a whole number from 1 to 100, got {quote(quality)}.")
    picture = Picture(
        _content(image, file_format),
        image.info.get("exif"),
        image.info.get("icc_profile"),
        metadata := image.info.get("metadata", NO_METADATA),
        describe(model or image.info.get("model") or "a model"),
        str(mark or "colorizer"),
    )
    try:
        with write_file(path, check=check) as stream:
            picture.encode(stream, file_format, quality)
        if metadata.modified is not None:
            os.utime(path, (time.time(), metadata.modified))
    except ColorizerError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorizerError(f"{name} could not be saved: {reason}. An existing file is unchanged.") from error
    return path


def save_image(image: Image.Image, path: Path, *, flush: bool = True, **options: Any) -> None:
    """Save an image as it is, in the format given by the file extension, with Pillow's `options`.

    `flush=False` does not wait for the disk, for files that need not survive a power failure.

    Raises:
        OSError: the file can't be written; an existing one is unchanged.
    """
    with write_file(path, flush=flush) as stream:
        image.save(stream, _FORMATS[path.suffix.lower()], **options)


def _content(image: Image.Image, file_format: str) -> Content:
    """Return what a file of this format gets: RGB, or RGBA where it has alpha, which becomes white in JPEG.

    16 bits for an image that has them, in a format that has them.
    """
    deep = image.info.get("deep") if file_format in _DEEP_FORMATS else None
    if deep is not None and _belongs(deep, image):
        return WithAlpha(deep, np.asarray(image.getchannel("A"))) if image.mode == "RGBA" else deep
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = to_rgba(image)
    if file_format == "JPEG":
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        image = paper
    return image
