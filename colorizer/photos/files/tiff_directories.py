"""The photos in a TIFF, found by its tags: pages, what is only a preview or a mask, and what Pillow reads rightly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, SAMPLES = 256, 257, 258, 259, 262, 277
PLANES, SUBIFDS, EXTRA_SAMPLES, SAMPLE_FORMAT, SMALLEST, LARGEST = 284, 330, 338, 339, 340, 341
COLOR_MAP = 320
NEW_SUBFILE_TYPE, SUBFILE_TYPE, DNG_VERSION = 254, 255, 50706
GRAYS, RGB, PALETTE, CMYK, YCBCR, LAB, CFA, LINEAR_RAW = (0, 1), 2, 3, 5, 6, 8, 32803, 34892
PREMULTIPLIED, UNASSOCIATED = 1, 2

MAX_SUBIFDS = 32
_JPEG = (6, 7)
# None, CCITT, LZW, JPEG, Deflate and PackBits.
_PILLOW_COMPRESSIONS = (*range(1, 9), 32773, 32946)


@dataclass(frozen=True)
class Page:
    """A photo in a TIFF: the offset of its directory, that of the page it belongs to, and the page's number from 0."""

    offset: int
    page_offset: int
    index: int
    is_raw: bool
    is_for_pillow: bool


def find_pages(file: IO[bytes]) -> Iterator[Page]:
    """Yield the photos of a TIFF, without reduced copies and masks; of a page with sub-directories, the largest.

    Raises:
        Exception: the directories are damaged, or what the file raises.
    """
    file.seek(0)
    header, prefix = file.read(8), None
    is_big = header[2:4] in (b"+\0", b"\0+")
    if is_big:
        # Pillow takes this word for that of a smaller file if its bytes are swapped.
        header, prefix = b"II+\0" + header[4:] + file.read(8), header[:2]
    directory = ImageFileDirectory_v2(header, prefix)
    offset, seen, is_dng, is_any, reduced = directory.next, set(), False, False, None
    while offset and offset not in seen:
        seen.add(offset)
        directory = _load(file, header, prefix, offset)
        is_dng |= DNG_VERSION in directory
        subs = directory.get(SUBIFDS, ())
        choices = [(offset, directory)]
        for place in (subs if isinstance(subs, tuple) else (subs,))[:MAX_SUBIFDS]:
            choices.append((place, _load(file, header, prefix, place)))
        full = [choice for choice in choices if not _is_reduced(choice[1])]
        # Of equal size, the page itself.
        place, tags = max(full or choices[:1], key=lambda choice: _num_pixels(choice[1]))
        is_raw = is_dng or any(tags.get(PHOTOMETRIC) in (CFA, LINEAR_RAW) for _, tags in choices)
        # Pillow misreads big files of swapped bytes.
        is_for_pillow = place == offset and suits_pillow(tags) and not (is_big and prefix == b"MM")
        page = Page(place, offset, len(seen) - 1, is_raw, is_for_pillow)
        if full:
            is_any = True
            yield page
        elif _num_pixels(tags) and reduced is None:
            reduced = page
        offset = directory.next
        if offset is None:
            raise ValueError("its list of pages is cut off")
    if not is_any and reduced:
        yield reduced


def _load(file: IO[bytes], header: bytes, prefix: bytes | None, offset: int) -> ImageFileDirectory_v2:
    directory = ImageFileDirectory_v2(header, prefix)
    directory.next = None
    file.seek(offset)
    directory.load(file)
    return directory


def _is_reduced(tags: ImageFileDirectory_v2) -> bool:
    """True for reduced copies (bit 0) and masks (bit 2), and for a directory without an image."""
    kind = tags.get(NEW_SUBFILE_TYPE, 0)
    return bool(isinstance(kind, int) and kind & 5) or tags.get(SUBFILE_TYPE) == 2 or not _num_pixels(tags)


def _num_pixels(tags: ImageFileDirectory_v2) -> int:
    size = tags.get(WIDTH, 0), tags.get(HEIGHT, 0)
    return size[0] * size[1] if all(isinstance(side, int) for side in size) else 0


def suits_pillow(tags: ImageFileDirectory_v2) -> bool:
    """True for the pixel layouts that Pillow reads rightly, if it reads them."""
    bits, planes, kind = set(tags.get(BITS, (1,))), tags.get(PLANES, 1), tags.get(PHOTOMETRIC, 0)
    samples, extra = tags.get(SAMPLES, 1), tags.get(EXTRA_SAMPLES, ())
    if kind == PALETTE and max(tags.get(COLOR_MAP, (0,)), default=0) < 256:
        return False  # a palette of 8 bits
    compression = tags.get(COMPRESSION, 1)
    if set(tags.get(SAMPLE_FORMAT, (1,))) != {1} or compression not in _PILLOW_COMPRESSIONS:
        return False
    if bits == {8}:
        if kind in GRAYS:
            return samples == 1 or (kind == 1 and planes == 1 and extra == (UNASSOCIATED,))
        if kind == RGB:
            return planes == 1 or extra in ((), (UNASSOCIATED,))
        if kind == YCBCR:
            # libtiff converts what is a JPEG inside.
            return planes == 1 and compression in _JPEG
        return planes == 1 and (kind, samples) in ((PALETTE, 1), (CMYK, 4), (LAB, 3))
    if bits == {16}:
        if planes != 1 or SMALLEST in tags or LARGEST in tags:
            return False
        return (kind, samples) in ((1, 1), (CMYK, 4)) or (kind == RGB and PREMULTIPLIED not in extra)
    return bits <= {1, 2, 4} and samples == 1 and kind in (*GRAYS, PALETTE)
