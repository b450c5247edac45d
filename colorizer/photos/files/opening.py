"""Open a file as an image: by Pillow, or by a decoder in a process of its own."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import IO

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from colorizer.errors import PhotoError, quote
from colorizer.photos.depth import read_wide
from colorizer.photos.files import deep_codecs, separate_decoding
from colorizer.photos.files.coded_colors import set_profile
from colorizer.photos.files.cut_jpegs import complete_cut_jpeg
from colorizer.photos.files.formats import HEAD_BYTES, format_of
from colorizer.photos.files.pixmaps import is_other_pixmap, is_scaled, read_other_pixmap, read_scaled
from colorizer.photos.files.psd import read_psd
from colorizer.photos.files.tiff_directories import Page, find_pages
from colorizer.photos.metadata.bounded_file import BoundedFile, check_parts
from colorizer.photos.metadata.embedded import LAYOUT_TAGS, tiff_exif
from colorizer.photos.metadata.exif import ORIENTATION
from colorizer.photos.metadata.jp2_boxes import read_boxes, unsupported_colors

# Without EPS and the like, which Pillow passes to other programs, and without TIFF, whose tags decide who reads it.
Image.init()
FORMATS = tuple(
    name
    for name in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF", "PCX", "PCD")
    if name in Image.OPEN
)
# A photo is not refused for one long text or profile; all texts together have a limit as well.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
MAX_PAGES = 1000

# Of a RAW photo: description, camera, date, author, copyright, EXIF and GPS. The others are about its sensor.
_RAW_TAGS = {270, 271, 272, 306, 315, 33432, 34665, 34853}

_TGA_SUFFIXES = (".tga", ".icb", ".vda", ".vst")
_PHOTO_CD_TURN = 2048 + 1538  # place of its quarter turns to the left, in the lowest bits
# Notes on files of several pictures that are no pages.
_SEVERAL = {"JXL": "animated: the first of {} frames", "HEIF": "several photos: the main one of {}"}


@dataclass(frozen=True)
class Opened:
    """An image, not yet decoded if `file` is given; its number of pages ("" for one, "many" if counting takes long).

    exif: EXIF block of a file that has its tags elsewhere, or b"". notes: remarks on what was not read.
    wide: its gray (H, W) or RGB (H, W, 3) in 16 bits, uint16, if that is decoded already. alpha: that of a mode without one,
        uint8 (H, W).
    """

    image: Image.Image
    file: BoundedFile | None = None
    num_pages: str = ""
    exif: bytes = b""
    wide: np.ndarray | None = None
    alpha: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def open_image(file: IO[bytes], name: str | None, max_pixels: int, page: int = 1) -> Opened:
    """Open an image file. `page`, counted from 1, is one of a TIFF or PDF.

    Raises:
        PhotoError: it is in no supported format, damaged, too large, or lacks the page.
    """
    label = name or "The photo"
    head = b""
    try:
        check_parts(file, label)
        file.seek(0)
        head = file.read(HEAD_BYTES)
        kind = format_of(head, _suffix(file, name))
        bounded = BoundedFile(file, label)
        if kind == "TIFF":
            return _open_tiff(file, bounded, label, max_pixels, page)
        if page < 1 or (page > 1 and kind != "PDF"):
            raise PhotoError(f"{label} has no page {page}.")
        if kind == "RAW":
            return _develop(file, bounded, label, max_pixels)
        if kind is not None:
            image, count = separate_decoding.decode(file, kind, label, max_pixels, page)
            notes, wide = set_profile(image, file, kind), image.info.pop("wide", None)
            if count > 1 and kind in _SEVERAL:
                notes, count = (*notes, _SEVERAL[kind].format(count)), 1
            return Opened(image, None, str(count) if count > 1 else "", wide=wide, notes=notes)
        if head.startswith(b"8BPS"):
            image, wide, alpha = read_psd(bounded, label, max_pixels)
            return Opened(image, wide=wide, alpha=alpha)
        if is_other_pixmap(head):
            return Opened(**read_other_pixmap(bounded, label, max_pixels)._asdict())
        image = _open_by_pillow(bounded, (*FORMATS, *_tga(file, name)), max_pixels)
        if is_scaled(image):
            return Opened(**read_scaled(image, bounded)._asdict())
        if image.format == "JPEG2000":
            image.info = read_boxes(bounded) | image.info
            if colors := unsupported_colors(bounded, deep_codecs.bits_of(file, image.format)):
                raise PhotoError(f"{label} has {colors}, which isn't supported: save it as RGB first.")
        notes, num_frames = set_profile(image, bounded, image.format), count_frames(image, bounded)
        if image.format == "PCD":
            notes += (_turn_photo_cd(image, bounded),)
        if image.format in deep_codecs.FORMATS and (bits := deep_codecs.bits_of(file, image.format)) > 8:
            return _open_deep(file, Opened(image, bounded, num_frames, notes=notes), label, max_pixels, bits)
        return Opened(image, bounded, num_frames, notes=notes)
    except PhotoError:
        raise
    except UnidentifiedImageError as error:
        raise PhotoError(f"{label} is not a photo in a supported format, or is damaged.") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{label} has more pixels than the {max_pixels / 1e6:g} million allowed.") from error
    except Exception as error:  # Pillow's plugins raise any kind of error for a broken header
        if str(error).startswith("Unsupported"):
            raise PhotoError(f"{label} can't be read ({quote(error)}): save it as PNG first.") from error
        raise PhotoError(f"{label} is damaged: {quote(error)}.") from error


def is_decoded_apart(file: IO[bytes]) -> bool:
    """Return True for a format, of the file at its start, that may be decoded by a process of its own."""
    kind = format_of(file.read(HEAD_BYTES), _suffix(file, None))
    file.seek(0)
    return kind is not None or deep_codecs.is_deep(file)


def load(opened: Opened) -> tuple[Image.Image, tuple[str, ...]]:
    """Decode an opened image; return it with notes. A JPEG that lacks its last bytes is completed, as viewers do.

    Raises:
        Exception: the data are damaged.
    """
    image = opened.image
    try:
        if opened.file is not None:
            opened.file.allow_decoding()
        image.load()
    except OSError:
        whole = complete_cut_jpeg(opened.file) if opened.file and image.format in ("JPEG", "MPO") else None
        if whole is None:
            raise
        return whole, ("its last bytes are missing: the end of the photo is gray or blurred",)
    if opened.file is not None and image.format == "JPEG2000":
        image = deep_codecs.in_all_levels(image, opened.file)
    return image, opened.notes


def load_wide(opened: Opened, image: Image.Image, layout: str | None) -> np.ndarray | None:
    """Return the gray or colors of an image that is decoded in 16 bits, uint16 (H, W) or (H, W, 3), if it has; see `depth`."""
    if opened.file is None or opened.image is not image or layout is None:
        return opened.wide
    opened.file.seek(0)
    opened.file.allow_decoding()
    return read_wide(image, layout, opened.file, image.tell())


def count_pages(file: IO[bytes]) -> int:
    """Return the number of pages of a TIFF or PDF; 1 for everything else, and for more than `MAX_PAGES`.

    Raises:
        PhotoError, or ValueError: it is damaged, or what reads a PDF is missing.
    """
    kind = format_of(file.read(HEAD_BYTES), _suffix(file, None))
    if kind == "PDF":
        return separate_decoding.count_pages(file, "The photo")
    pages, is_all = _find_pages(BoundedFile(file, "The photo")) if kind == "TIFF" else ([], True)
    return len(pages) if pages and is_all and not pages[0].is_raw and len(pages) <= MAX_PAGES else 1


def _suffix(file: IO[bytes], name: str | None) -> str:
    return PurePath(name or str(getattr(file, "name", ""))).suffix.lower()


def _develop(file: IO[bytes], bounded: BoundedFile, label: str, max_pixels: int) -> Opened:
    image, _ = separate_decoding.decode(file, "RAW", label, max_pixels)
    bounded.allow_count()
    return Opened(image, exif=_tiff_exif(bounded, None, lambda tag: tag in _RAW_TAGS))


def _open_deep(file: IO[bytes], opened: Opened, label: str, max_pixels: int, bits: int) -> Opened:
    """Decode a file whose bits Pillow doesn't keep, and whose metadata it has read."""
    try:
        deep, _ = separate_decoding.decode(file, opened.image.format, label, max_pixels)
    except PhotoError as error:
        if opened.image.format != "AVIF":  # Pillow misreads it
            raise
        reason = str(error).removeprefix(label).strip(" .")
        return replace(opened, notes=(*opened.notes, f"read in 8 of its {bits} bits: it {reason}"))
    wide = deep.info.pop("wide")
    deep.info = opened.image.info
    return replace(opened, image=deep, file=None, wide=wide)


def _open_tiff(file: IO[bytes], bounded: BoundedFile, label: str, max_pixels: int, number: int) -> Opened:
    pages, is_all = _find_pages(bounded)
    if not 1 <= number <= len(pages):
        raise PhotoError(f"{label} has no page {number}." if pages else f"{label} is a TIFF without an image.")
    page = pages[number - 1]
    if page.is_raw:
        return _develop(file, bounded, label, max_pixels)
    num_pages = "many" if not is_all else str(len(pages)) if len(pages) > 1 else ""
    bounded.allow_decoding()
    if page.is_for_pillow:
        with suppress(UnidentifiedImageError):
            image = _open_by_pillow(bounded, ("TIFF",), max_pixels)
            if page.index:
                image.seek(page.index)
            # Pillow turns the image upright.
            exif = _tiff_exif(bounded, page.page_offset, lambda tag: tag not in LAYOUT_TAGS and tag != ORIENTATION)
            bounded.allow_decoding()
            return Opened(image, bounded, num_pages, exif)
    image, _ = separate_decoding.decode(file, "TIFF", label, max_pixels, page.offset)
    exif = _tiff_exif(bounded, page.page_offset, lambda tag: tag not in LAYOUT_TAGS)
    return Opened(image, None, num_pages, exif, image.info.pop("wide", None), image.info.pop("alpha", None))


def _find_pages(bounded: BoundedFile) -> tuple[list[Page], bool]:
    """Return the pages, and whether these are all."""
    pages = []
    bounded.allow_count()
    try:
        for page in find_pages(bounded):
            pages.append(page)
    except PhotoError:
        if not pages:
            raise
        return pages, False
    return pages, True


def _open_by_pillow(bounded: BoundedFile, formats: tuple[str, ...], max_pixels: int) -> Image.Image:
    # A global of Pillow's, which refuses twice as many.
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > 2 * Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels
    return Image.open(bounded, formats=formats)


def _turn_photo_cd(image: Image.Image, bounded: BoundedFile) -> str:
    """Have a Photo CD's image turned upright that lies upside down, which Pillow doesn't; return the note on its size."""
    bounded.seek(_PHOTO_CD_TURN)
    if bounded.read(1)[0] & 3 == 2:
        image.tile_post_rotate = 180
    return "a Photo CD: read at 768×512, the size that Pillow knows; save it as TIFF for a larger one"


def _tga(file: IO[bytes], name: str | None) -> tuple[str, ...]:
    """Return ("TGA",) if the name or the footer says so: almost any bytes could be its header."""
    file.seek(max(0, file.seek(0, 2) - 18))
    is_tga = file.read(18) == b"TRUEVISION-XFILE.\0" or _suffix(file, name) in _TGA_SUFFIXES
    file.seek(0)
    return ("TGA",) if is_tga else ()


def count_frames(image: Image.Image, bounded: BoundedFile | None = None) -> str:
    """Return the number of frames, "many" if counting them takes long, or "" if there is one."""
    # A phone's MPO is one photo with previews, and a layered PSD is flattened already.
    if image.format in ("MPO", "PSD"):
        return ""
    try:
        if bounded is not None:
            bounded.allow_count()
        return str(image.n_frames) if getattr(image, "is_animated", False) else ""
    except PhotoError:
        bounded.allow_decoding()
        image.seek(0)
        return "many"


def _tiff_exif(bounded: BoundedFile, offset: int | None, is_kept: Callable[[int], bool]) -> bytes:
    """Return the EXIF block of a TIFF directory, by default the first. A damaged one gives no block, which is said later."""
    try:
        return tiff_exif(bounded, offset, is_kept)
    except Exception:  # no reason to refuse the photo
        return b"damaged"
