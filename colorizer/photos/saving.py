"""Save a colored photo as an image or file that keeps the photo's metadata and states that its colors are a guess."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from colorizer.atomic_write import write_file
from colorizer.errors import ColorizerError, quote
from colorizer.photos.marks import SOFTWARE, Mark
from colorizer.photos.photo import Photo
from colorizer.photos.pixel_formats import to_rgba

ORIENTATION = 0x0112
_DESCRIPTION = 0x010E

_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
_LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
_JPEG_EXIF_BYTES = 65533  # a JPEG segment can't hold more


def describe(model: str, mark: Mark | None = None) -> str:
    """Return the sentence for the metadata."""
    return f"Colors are a guess by {model} ({mark or 'colorizer'})"


def to_pil(photo: Photo, pixels: np.ndarray, *, model: str | None = None) -> Image.Image:
    """Convert `pixels`, uint8 (H, W, 3), to an image with the photo's alpha, EXIF and ICC profile.

    `model`, the name of the model that predicted the colors, is stored in the image for `save_photo` to write.
    """
    image = Image.fromarray(pixels)
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    if photo.exif:
        image.info["exif"] = photo.exif
    if photo.icc_profile:
        image.info["icc_profile"] = photo.icc_profile
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
) -> Path:
    """Save a colored photo in the format given by the file extension: png, jpg, webp or tiff.

    The file keeps the image's EXIF and ICC profile. Its metadata states that the colors are a guess, and by which `model`
    (default: the one given to `to_pil`). JPEG has no alpha, so transparent areas become white. `quality`, 1…100, applies to
    JPEG and WebP. `mark` is what a later run knows the file by. After a full disk or a kill, an existing file is unchanged.

    Raises ColorizerError for another extension, a photo too large for the format, or a file that can't be written.
    """
    path = Path(path)
    file_format = _FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise ColorizerError(f"{path} doesn't end in one of {', '.join(_FORMATS)}: the extension sets the format.")
    if 0 in image.size:
        raise ColorizerError(f"{path} can't be saved: the image has no pixels, it is {image.width}×{image.height}.")
    if max(image.size) > _LONGEST_SIDE.get(file_format, max(image.size)):
        raise ColorizerError(
            f"{file_format} allows at most {_LONGEST_SIDE[file_format]} pixels per side, but {path} has "
            f"{image.width}×{image.height}: save it as .png."
        )
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise ColorizerError(f"quality must be a whole number from 1 to 100, got {quote(quality)}.")
    description = describe(model or image.info.get("model") or "a model")
    software = str(mark or "colorizer")
    options = {"exif": _exif(image, description, software, file_format), "icc_profile": image.info.get("icc_profile")}
    if file_format == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Description", description)
        options["pnginfo"].add_text("Software", software)
    elif file_format == "JPEG":
        # Colors are the point of the photo: keep chroma at full resolution.
        options |= {"quality": quality, "subsampling": 0}
        image = _without_alpha(image)
    elif file_format == "WEBP":
        options["quality"] = quality
    else:
        # Compression uses libtiff, with which Pillow can't write EXIF sub-directories.
        options["compression"] = "raw"
    try:
        save_image(image, path, **options)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ColorizerError(f"{path} could not be saved: {reason}. An existing file is unchanged.") from error
    return path


def save_image(image: Image.Image, path: Path, *, flush: bool = True, **options: Any) -> None:
    """Save an image as it is, in the format given by the file extension, with Pillow's `options`.

    `flush=False` does not wait for the disk, for files that need not survive a power failure.

    Raises:
        OSError: the file can't be written; an existing one is unchanged.
    """
    with write_file(path, flush=flush) as stream:
        image.save(stream, _FORMATS[path.suffix.lower()], **options)


def _exif(image: Image.Image, description: str, software: str, file_format: str) -> bytes:
    """Return the image's EXIF block, with the description appended to its own."""
    exif = Image.Exif()
    if kept := image.info.get("exif"):
        exif.load(kept)
    content = _with_description(exif, description, software)
    if file_format == "JPEG" and len(content) > _JPEG_EXIF_BYTES:
        content = _with_description(Image.Exif(), description, software)
    return content


def _with_description(exif: Image.Exif, description: str, software: str) -> bytes:
    own = exif.get(_DESCRIPTION)
    own = own.strip("\0 .") if isinstance(own, str) else ""
    if description not in own:
        exif[_DESCRIPTION] = f"{own}. {description}" if own else description
    exif[SOFTWARE] = software
    return exif.tobytes()


def _without_alpha(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    image, paper = to_rgba(image), Image.new("RGB", image.size, "white")
    paper.paste(image, mask=image.getchannel("A"))
    return paper
