"""Read a photo safely from any source.

The number of bytes and, from the header, of pixels is limited before decoding.
"""

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image
from torch import Tensor

from colorizer.errors import PhotoError, quote
from colorizer.photos.depth import wide_layout
from colorizer.photos.files import deep_codecs
from colorizer.photos.files.addresses import download, is_address, public_name
from colorizer.photos.files.coded_colors import set_profile
from colorizer.photos.files.decoder_bounds import megapixels
from colorizer.photos.files.opening import Opened, count_frames, is_decoded_apart, load, load_wide, open_image
from colorizer.photos.files.opening import count_pages as _count_pages
from colorizer.photos.files.pixel_formats import (
    array_to_samples,
    image_to_samples,
    scale_transparency,
    tensor_to_samples,
)
from colorizer.photos.files.tiff_directories import PHOTOMETRIC, suits_pillow
from colorizer.photos.metadata.embedded import read_metadata
from colorizer.photos.metadata.jp2_boxes import unsupported_colors
from colorizer.photos.photo import Photo

MAX_PIXELS = 100_000_000
# Rows of a pixel or two take many times as long per pixel; the widest panoramas have a third of this.
MAX_SIDE = 1_000_000
MAX_BYTES = 512 * 1024**2
BYTES_PER_PIXEL = 4

_UPRIGHT = {
    2: lambda plane: plane[:, ::-1],
    3: lambda plane: plane[::-1, ::-1],
    4: lambda plane: plane[::-1],
    5: lambda plane: plane.swapaxes(0, 1),
    6: lambda plane: np.rot90(plane, -1),
    7: lambda plane: plane[::-1, ::-1].swapaxes(0, 1),
    8: lambda plane: np.rot90(plane),
}


def read_photo(
    source: Any,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int | None = None,
    name: str | None = None,
    page: int | None = None,
) -> Photo:
    """Read a photo.

    Args:
        source: a path, an http(s) address, bytes, a binary file, a PIL image, a numpy array ((H, W) or (H, W, 1, 3 or 4);
            uint8, uint16, bool, or float in 0…1), a torch tensor ((C, H, W) or (1, C, H, W); uint8, or float in 0…1), or a
            Photo, which is returned unchanged.
        max_pixels: refuse larger photos before decoding.
        max_bytes: refuse larger files and downloads (default: 512 MiB, or as many as `max_pixels` take uncompressed).
        name: name of the photo in messages, if not its path or address.
        page: number of the page of a TIFF or PDF, from 1 (default: the first, with a note if there are several).

    Raises:
        PhotoError: it can't be read, is too large or has no usable pixels; the message names it.
    """
    if isinstance(source, Photo):
        return source
    if max_bytes is None:
        max_bytes = max(MAX_BYTES, max_pixels * BYTES_PER_PIXEL)
    if isinstance(source, Image.Image):
        _check_layout(source)
        return _from_image(source, name or os.fspath(getattr(source, "filename", "")) or None, max_pixels)
    if isinstance(source, np.ndarray):
        return _from_values(*array_to_samples(source, "The array"), name, max_pixels)
    if isinstance(source, Tensor):
        return _from_values(*tensor_to_samples(source, "The tensor"), name, max_pixels)
    if isinstance(source, str) and is_address(source):
        return _from_file(io.BytesIO(download(source, max_bytes)), name or public_name(source), max_pixels, page)
    if isinstance(source, str | os.PathLike):
        name = name or public_name(str(Path(source)))
        with _open(Path(source), name, max_bytes) as file:
            photo = _from_file(file, name, max_pixels, page)
            return replace(photo, metadata=replace(photo.metadata, modified=os.fstat(file.fileno()).st_mtime))
    if isinstance(source, bytes | bytearray | memoryview):
        _check_bytes(memoryview(source).nbytes, max_bytes, name or "The photo")
        return _from_file(io.BytesIO(source), name, max_pixels, page)
    if hasattr(source, "read"):
        return _from_stream(source, name or _stream_name(source), max_pixels, max_bytes, page)
    raise PhotoError(
        f"A photo can't be read from {type(source).__name__}: pass a path, an http(s) address, bytes, a binary file, "
        "a PIL image, a numpy array or a torch tensor."
    )


def count_pages(path: str | os.PathLike) -> int:
    """Return the number of pages of a TIFF or PDF, each of which `read_photo` reads.

    1 for everything else, for what can't be read, and for too many to count: `read_photo` then reads the first, with a note.
    """
    if not os.path.isfile(path):  # a pipe would be waited for
        return 1
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _count_pages(file)
    except (OSError, ValueError):  # reading it will report why
        return 1


def read_size(
    path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS, name: str | None = None
) -> tuple[int, int] | None:
    """Return the width and height of a photo's file from its header, before it is turned upright.

    None for formats of which the header alone does not tell them.

    Raises:
        PhotoError: as in `read_photo`, as far as the header tells.
    """
    name = name or public_name(str(Path(path)))
    with _open(Path(path), name, MAX_BYTES) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if is_decoded_apart(file):
            return None
        with open_image(file, name, max_pixels).image as image:
            _check_size(image.width, image.height, max_pixels, name)
            return image.size


def _check_layout(image: Image.Image) -> None:
    """Raise PhotoError for an image opened by Pillow whose samples it misreads."""
    file = getattr(image, "fp", None)
    if image.format == "JPEG2000" and file:
        bits = deep_codecs.bits_of(file, image.format)
        if image.mode != "I;16" and bits > 8:
            raise PhotoError(
                "Pillow misreads white in a JPEG 2000 of more than 8 bits: pass its path instead of an image."
            )
        if colors := unsupported_colors(file, bits):
            raise PhotoError(f"Pillow misreads a JPEG 2000 with {colors}: save it as RGB first.")
    if image.format != "TIFF" or suits_pillow(image.tag_v2):
        return
    # Values of wide modes are right, and their range decides what is white.
    if image.mode not in ("I", "F") or image.tag_v2.get(PHOTOMETRIC) != 1:
        raise PhotoError("Pillow misreads a TIFF of this layout of samples: pass its path instead of an image.")


def _from_values(samples: np.ndarray, alpha: np.ndarray | None, name: str | None, max_pixels: int) -> Photo:
    _check_size(samples.shape[1], samples.shape[0], max_pixels, name or "The photo")
    return Photo(samples, alpha, name=name)


@contextmanager
def _open(path: Path, name: str, max_bytes: int) -> Iterator[IO[bytes]]:
    try:
        if not path.exists():
            raise PhotoError(f"There is no file {name}.")
        if not path.is_file():
            raise PhotoError(f"{name} is not a file.")
        _check_bytes(path.stat().st_size, max_bytes, name)
        with path.open("rb") as file:
            yield file
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{name!r} can't be opened: {_reason(error)}.") from error


def _from_stream(stream: IO[bytes], name: str | None, max_pixels: int, max_bytes: int, page: int | None) -> Photo:
    label = name or "The photo"
    try:
        content = stream.read(max_bytes + 1)
    except (OSError, ValueError, TypeError) as error:  # closed, or not the `read` of a file
        raise PhotoError(f"{label} can't be read: {_reason(error)}.") from error
    if not isinstance(content, bytes | bytearray):
        raise PhotoError(f"{label} is open in text mode: open it in binary mode, 'rb'.")
    _check_bytes(len(content), max_bytes, label)
    return _from_file(io.BytesIO(content), name, max_pixels, page)


def _from_file(file: IO[bytes], name: str | None, max_pixels: int, page: int | None) -> Photo:
    with warnings.catch_warnings():
        # Our own limit applies, and a file that can't be opened is reported once.
        warnings.simplefilter("ignore")
        opened = open_image(file, name, max_pixels, 1 if page is None else page)
        with opened.image as image:
            return _from_image(image, name, max_pixels, opened, is_first_of_many=page is None)


def _from_image(
    image: Image.Image, name: str | None, max_pixels: int, opened: Opened | None = None, is_first_of_many: bool = True
) -> Photo:
    label = name or "The photo"
    width, height = image.size
    if width < 1 or height < 1:
        raise PhotoError(f"{label} has no pixels: it is {width}×{height}.")
    _check_size(width, height, max_pixels, label)
    try:
        if opened is None:
            notes = set_profile(image, getattr(image, "fp", None), image.format)
            opened = Opened(image, num_pages=count_frames(image), notes=notes)
        scale_transparency(image)
        layout = wide_layout(image)
        image, notes = load(opened)
        wide = load_wide(opened, image, layout)
        samples, alpha, profile, more_notes = image_to_samples(image, label, wide)
        alpha = opened.alpha if alpha is None else alpha
    except PhotoError:
        raise
    except Exception as error:  # Pillow's plugins raise any kind of error for broken data
        raise PhotoError(f"{label} is damaged or incomplete: {quote(error)}.") from error
    if image.format == "TGA" and alpha is not None and not alpha.any():
        # Many programs leave the fourth byte of a pixel at zero; what nobody sees would be no photo.
        alpha, notes = None, (*notes, "its transparency hides all of it and was ignored")
    if is_first_of_many and (count := opened.num_pages):
        several = f"animated: the first of {count} frames"
        notes += (f"several pages: the first of {count}" if image.format in (None, "TIFF") else several,)
    # After loading: Pillow rotates TIFF files itself and then removes the orientation.
    if opened.exif:
        image.info["exif"] = opened.exif
    file = opened.file
    if file is not None:
        file.allow_count()
    orientation, exif, metadata, metadata_notes = read_metadata(image, file)
    if turn := _UPRIGHT.get(orientation):
        samples = np.ascontiguousarray(turn(samples))
        alpha = None if alpha is None else np.ascontiguousarray(turn(alpha))
    return Photo(
        samples, alpha, exif, profile, name, notes + more_notes + metadata_notes, metadata, _chroma_step(image)
    )


def _chroma_step(image: Image.Image) -> float:
    """Return the levels to which a JPEG rounds the mean chroma of a block, 0 for other files."""
    if image.format not in ("JPEG", "MPO") or image.mode != "RGB" or image.info.get("adobe_transform") == 0:
        return 0.0
    tables = getattr(image, "quantization", {})
    return max((tables[number][0] for *_, number in getattr(image, "layer", ())[1:] if number in tables), default=0) / 8


def _check_size(width: int, height: int, max_pixels: int, label: str) -> None:
    if (side := max(width, height)) > MAX_SIDE:
        raise PhotoError(f"{label} has a side of {side:,} pixels, more than the {MAX_SIDE:,} allowed: crop it.")
    if (count := width * height) > max_pixels:
        raise PhotoError(f"{label} has {megapixels(count)} million pixels, more than the {max_pixels / 1e6:g} allowed.")


def _check_bytes(count: int, max_bytes: int, label: str) -> None:
    if count > max_bytes:
        raise PhotoError(f"{label} has more than the {max_bytes / 1024**2:g} MiB allowed.")
    if count == 0:
        raise PhotoError(f"{label} is empty.")


def _stream_name(stream: IO[bytes]) -> str | None:
    return stream.name if isinstance(getattr(stream, "name", None), str) else None


def _reason(error: Exception) -> str:
    """Return what went wrong; the messages of most errors of the system repeat the path."""
    return quote(OSError(error.strerror) if isinstance(error, OSError) and error.strerror else error)
