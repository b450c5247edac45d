"""Decode a file to a small square of uint8 RGB, or find the reason why the photo can't be used for training."""

import io
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO
from urllib.parse import unquote_to_bytes

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError

from colorizer.data.local_files import readable
from colorizer.data.named_files import find_named
from colorizer.data.sources import Source, translate_errors
from colorizer.photos.color import colorfulness
from colorizer.photos.files.coded_colors import set_profile
from colorizer.photos.files.opening import FORMATS, Opened, is_decoded_apart, load, open_image
from colorizer.photos.profiles import is_srgb, srgb_pixels

MAX_PIXELS = 200_000_000
"""A file with more pixels, according to its header, is refused before decoding (a decompression bomb)."""

# Transposition for each EXIF orientation; 1 and unknown values need none.
ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

GRAY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"}

# Without JPEG 2000, whose boxes Pillow passes over and whose few bits it shifts up, and Photo CD, which it leaves as it lies.
_BY_PILLOW = tuple(name for name in FORMATS if name not in ("JPEG2000", "PCD"))

MIN_UNEXPLAINED = 3.5

NUM_NAMES = 20

REASONS = ("gray", "broken", "tiny", "dull")


@dataclass(frozen=True)
class Rejected:
    """Reason for leaving out a photo: one of REASONS, and a short explanation."""

    reason: str
    why: str


@dataclass
class DatasetReport:
    """Counts of photos kept and left out. `names` lists the first 20 that were left out, each with its reason."""

    kept: int = 0
    gray: int = 0
    broken: int = 0
    tiny: int = 0
    dull: int = 0
    names: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        return self.gray + self.broken + self.tiny + self.dull

    def reject(self, name: str, rejected: Rejected) -> None:
        setattr(self, rejected.reason, getattr(self, rejected.reason) + 1)
        if len(self.names) < NUM_NAMES:
            self.names.append(f"{name} ({rejected.why})")

    def __str__(self) -> str:
        text = f"{self.kept} photos"
        if self.dropped:
            counts = ", ".join(f"{getattr(self, r)} {r}" for r in REASONS if getattr(self, r))
            more = f" and {self.dropped - len(self.names)} more" if self.dropped > len(self.names) else ""
            text += f"; left out: {counts}: {', '.join(self.names)}{more}"
        return "; ".join([text, *self.notes])


def is_gray(photo: Image.Image) -> bool:
    """Return True if an RGB photo is gray or toned, that is, if its colors are hardly more than a function of its luma.

    The measure is the residual of red - green and yellow - blue, in levels of 255, after subtracting the mean color of each
    of 64 steps of luma. Sepia and cyanotype leave 1 to 3 (including JPEG's blocks); of color photos, one in a thousand
    leaves less than 3.5.
    """
    # A small version gives the same result, faster, and without JPEG's color noise along edges.
    small = photo.reduce(max(1, min(photo.size) // 64))
    red, green, blue = np.asarray(small).reshape(-1, 3).astype(np.float32).T
    bins = ((red + 2 * green + blue) / 16).astype(np.intp)
    count = np.bincount(bins)
    unexplained = 0.0
    for opponent in (red - green, (red + green) / 2 - blue):
        mean = np.bincount(bins, opponent) / count.clip(1)
        unexplained += float(((opponent - mean[bins]) ** 2).sum())
    # Each mean uses one degree of freedom.
    return (unexplained / max(len(bins) - np.count_nonzero(count), 1)) ** 0.5 < MIN_UNEXPLAINED


def _reason_of(error: Exception, name: str | None) -> str:
    if isinstance(error.__cause__, UnidentifiedImageError):
        return "not a photo"
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
    return reason.removeprefix(f"{name or 'The photo'} ").rstrip(".")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged EXIF block raises many kinds of errors, none of which affects the pixels
        return 1


def decode(source: bytes | str | Path, resolution: int, *, min_colorfulness: float = 0.0) -> np.ndarray | Rejected:
    """Decode a photo's central square at `resolution` as uint8 sRGB, (3, S, S), upright; return Rejected if it is unusable.

    It is seen through its color profile. JPEGs are decoded at the smallest of 1/1, 1/2, 1/4, 1/8 that still covers the square:
    decoding takes most of the time. Of several pages, the first is taken.
    """
    name = None if isinstance(source, bytes) else Path(source).name
    try:
        if name is not None and os.path.exists(source) and not os.path.isfile(source):
            return Rejected("broken", "not a file")  # a pipe would be waited for, and some devices have no end
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            opened = _open(file, name)
            image = opened.image
            width, height = image.size
            if width * height > MAX_PIXELS:
                return Rejected("broken", f"too many pixels: {width}×{height}")
            if min(width, height) < max(resolution / 4, 2):
                return Rejected("tiny", f"{width}×{height}")
            if image.mode in GRAY_MODES:
                return Rejected("gray", "gray")
            profile = image.info.get("icc_profile")
            image.draft("RGB", (resolution, resolution))
            image, _ = load(opened)
            if opened.exif:
                image.info["exif"] = opened.exif
            # Not before: Pillow turns a TIFF while it is loaded.
            orientation = _orientation(image)
            # The profile of CMYK says what its inks look like together.
            has_inks = image.mode == "CMYK" and profile
            square = _square(image if image.mode == "RGB" or has_inks else image.convert("RGB"), resolution)
            if profile and not is_srgb(profile):
                square = Image.fromarray(srgb_pixels(np.array(square), profile))
            elif has_inks:
                square = square.convert("RGB")
    except Exception as error:  # Pillow's decoders raise many kinds of errors for broken files: OSError, SyntaxError, …
        return Rejected("broken", _reason_of(error, name))
    if orientation in ORIENTATIONS:
        square = square.transpose(ORIENTATIONS[orientation])
    if is_gray(square):
        return Rejected("gray", "gray or toned")
    pixels = np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
    if min_colorfulness > 0:
        value = float(colorfulness(torch.from_numpy(pixels).float() / 255))
        if value < min_colorfulness:
            return Rejected("dull", f"colorfulness {value:.1f}")
    return pixels


def _open(file: IO[bytes], name: str | None) -> Opened:
    """Open a photo: nearly all by Pillow alone, since what else `open_image` checks takes as long as decoding a small one."""
    if not is_decoded_apart(file):
        with suppress(UnidentifiedImageError):
            image = Image.open(file, formats=_BY_PILLOW)
            set_profile(image, file, image.format)
            return Opened(image)
    return open_image(file, name, MAX_PIXELS)


def _square(image: Image.Image, resolution: int) -> Image.Image:
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize(
        (resolution, resolution),
        # Antialiased; sharper filters take twice the time and make no difference to the network.
        Image.Resampling.BILINEAR,
        box=(left, top, left + side, top + side),
        reducing_gap=2.0,
    )


def _path_of(image: dict) -> str | None:
    """Return the path of an image in a row; a folder's rows have URIs."""
    path = image.get("path")
    if path is not None and path.startswith("file:///"):
        return os.fsdecode(unquote_to_bytes(path.removeprefix("file://")))
    return path


def num_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def decode_rows(
    source: Source, resolution: int, *, min_colorfulness: float = 0.0, num_workers: int = 0
) -> Iterator[tuple[str, np.ndarray | Rejected, int | str | None]]:
    """Yield for each row of `source`, in order, its name, its pixels or the reason for rejecting it, and its label.

    Threads decode ahead, `num_workers` of them or one per core: Pillow releases the GIL while decoding.
    """
    num_workers = num_workers or num_cores()

    def decode_row(row: dict) -> np.ndarray | Rejected:
        image = row["image"] or {}
        encoded = image.get("bytes") or _path_of(image)
        if encoded and source.roots is not None and not isinstance(encoded, bytes):
            encoded = find_named(encoded, source.roots)
            if encoded is None:
                return Rejected("broken", "not in the dataset's folder")
        return (
            decode(encoded, resolution, min_colorfulness=min_colorfulness) if encoded else Rejected("broken", "empty")
        )

    rows = enumerate(source.rows)
    decoders = ThreadPoolExecutor(num_workers, thread_name_prefix="photo-decoding")
    coming: deque = deque()
    try:
        while True:
            with translate_errors(source.name):
                for number, row in islice(rows, 4 * num_workers - len(coming)):
                    name = readable(Path(_path_of(row["image"] or {}) or f"row {number}").name)
                    coming.append((name, decoders.submit(decode_row, row), row.get("label")))
            if not coming:
                return
            name, pixels, label = coming.popleft()
            yield name, pixels.result(), label
    finally:
        decoders.shutdown(wait=True, cancel_futures=True)
