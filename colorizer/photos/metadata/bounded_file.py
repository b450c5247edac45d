"""Bounds on what a file may ask of the image library before and while it is decoded.

Pillow's parsers are loops in Python that read a chunk, a segment or even a byte at a time, and some append each to what they
have. A file of a few megabytes can keep them busy for hours. Every loop reads from the file, so one place can bound them all.
"""

import mmap
import re
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from typing import IO, Any

from colorizer.errors import PhotoError

# Reads of a header. A JPEG with 32 MB of XMP has 2,000, a TIFF one or two per tag.
HEADER_READS = 4_000
# Reads to count frames, and a file's reads besides those of its data: a GIF has one per 128 bytes, a BMP of runs one per byte.
READS, BYTES_PER_READ, MAX_READS = 20_000, 64, 1_000_000
_RUNS = b"BM"
# Bytes read in total, in file sizes: tags may share bytes, but not all of them.
MAX_REREADS, SPARE_BYTES = 4, 2**25
# Progressive JPEGs have about 10 scans, and could use a few dozen. Each costs time for the whole photo.
MAX_SCANS = 64
MAX_SEGMENTS = 10_000
# EXIF segments of a JPEG. A normal one has one or two, and Pillow joins them in quadratic time.
MAX_EXIF_SEGMENTS = 16
# Chunks of a PNG whose checksums are compared; an encoder writes one per 8 KB.
MAX_CHUNKS = 200_000
# PGM and PPM with numbers as text are parsed in Python, and each comment moves a block of a megabyte.
MAX_TEXT_BYTES, MAX_COMMENTS = 2**24, 1000

# A marker that begins a segment, or the end: neither padding, nor a stuffed 0xFF, nor a restart within a scan.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_STANDALONE = {0x01, 0xD8, 0xD9}
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
# Markers of JPEG's frames that libjpeg doesn't decode (ITU-T T.81, table B.1, and T.87).
_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_OTHER_FRAMES = dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "a lossless JPEG") | {0xF7: "a JPEG-LS"}
_OTHER_FRAMES |= dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "a hierarchical JPEG")
_TEXT = (b"P1", b"P2", b"P3")
_EXIF = b"Exif\0\0"
_IFD_POINTERS = {0x8769, 0x8825, 0xA005, 0x014A}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}


class BoundedFile:
    """File that raises PhotoError, with `label`, after too many reads. Everything else is the file's own."""

    def __init__(self, file: IO[bytes], label: str) -> None:
        self._file, self._label = file, label
        self._size = file.seek(0, 2)
        file.seek(0)
        self._bytes_per_read = 1 if file.read(len(_RUNS)) == _RUNS else BYTES_PER_READ
        file.seek(0)
        self._bytes_left = MAX_REREADS * self._size + SPARE_BYTES
        self._reads_left = HEADER_READS

    def allow_count(self) -> None:
        """Allow as many reads from now on as counting frames may take."""
        self._reads_left = READS

    def allow_decoding(self) -> None:
        """Allow as many reads from now on as decoding may take."""
        self._reads_left = READS + min(self._size // self._bytes_per_read, MAX_READS)

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, or all that are left."""
        content = self._file.read(size)
        self._reads_left -= 1
        self._bytes_left -= len(content)
        if self._reads_left < 0 or self._bytes_left < 0:
            raise PhotoError(f"{self._label} is split into too many parts to be decoded safely: save it again.")
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def check_parts(file: IO[bytes], label: str) -> None:
    """Check what Pillow decodes in a single call, or does not check itself.

    Raises:
        PhotoError: a JPEG or a PPM as text has too many parts, a JPEG is of a kind that it doesn't read, or the pixels of a PNG
            are damaged; the message has `label`.
    """
    file.seek(0)
    magic = file.read(3)
    file.seek(0)
    check = next((check for start, check in _CHECKS.items() if magic.startswith(start)), None)
    if check is None:
        return
    if isinstance(file, BytesIO):
        with file.getbuffer() as content:
            problem = check(content)
    else:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as content:
            problem = check(content)
    if problem:
        raise PhotoError(f"{label} {problem}")


def _png_problem(content: memoryview) -> str | None:
    """Compare the checksums of the pixels: Pillow does not, and where bits have changed it decodes another picture."""
    position = 8
    for _ in range(MAX_CHUNKS):
        end = position + 8 + int.from_bytes(content[position : position + 4])
        kind = bytes(content[position + 4 : position + 8])
        if end + 4 > len(content) or kind == b"IEND":
            return None
        if kind == b"IDAT" and zlib.crc32(content[position + 4 : end]) != int.from_bytes(content[end : end + 4]):
            return "is damaged: its pixels don't have the checksum that is stored with them."
        position = end + 4
    return None  # the reads of so many are bounded


def _text_problem(content: Any) -> str | None:
    if len(content) > MAX_TEXT_BYTES:
        return _too_many(f"{MAX_TEXT_BYTES // 2**20} MiB of numbers as text")
    return _too_many(f"{MAX_COMMENTS} comments") if len(re.findall(b"#", content)) > MAX_COMMENTS else None


def _jpeg_problem(content: Any) -> str | None:
    position, num_scans, num_exif, exif = 2, 0, 0, b""
    for _ in range(MAX_SEGMENTS):
        if not (match := _MARKER.search(content, position)):
            return None
        marker, position = content[match.end() - 1], match.end()
        if marker == _END and num_scans:
            return None
        if marker in _STANDALONE:
            continue
        num_scans += marker == _SCAN
        if num_scans > MAX_SCANS:
            return _too_many(f"{MAX_SCANS} scans")
        if marker in _FRAMES and (problem := _frame_problem(marker, content[position + 2 : position + 3])):
            return problem
        end = position + max(2, int.from_bytes(content[position : position + 2]))
        if marker == _APP1 and bytes(content[position + 2 : position + 8]) == _EXIF:
            # Pillow joins them, and reads the tags when it opens the file.
            num_exif, exif = num_exif + 1, exif + bytes(content[position + 8 : end])
            if num_exif > MAX_EXIF_SEGMENTS:
                return _too_many(f"{MAX_EXIF_SEGMENTS} EXIF segments")
            if not is_bounded_exif(exif):
                return "has EXIF data that refers to itself: save it again without."
        position = end
    return _too_many(f"{MAX_SEGMENTS} segments")


def _frame_problem(marker: int, bits: bytes) -> str | None:
    kind = _OTHER_FRAMES.get(marker)
    if kind is None and bits in (b"", b"\x08"):
        return None
    return f"is {kind or 'a JPEG'} of {bits[0] if bits else 'unknown'} bits, which can't be read: save it as PNG first."


def _too_many(limit: str) -> str:
    return f"has more than {limit}, too much to be decoded safely: save it again."


_CHECKS = {b"\xff\xd8\xff": _jpeg_problem, b"\x89PN": _png_problem} | dict.fromkeys(_TEXT, _text_problem)


def is_bounded_exif(exif: bytes) -> bool:
    """Return False if the tags of an EXIF block have more bytes in total than twice the block.

    Tags may share bytes: thousands of them that each are the whole block would take gigabytes.
    """
    block = exif.removeprefix(_EXIF)
    order = ">" if block[:2] == b"MM" else "<"
    total, seen, pointers = 0, set(), []
    with suppress(struct.error):  # its end is missing: Pillow reads as far as it goes
        pointers = [struct.unpack_from(f"{order}I", block, 4)[0]]
        while pointers:
            pointer = pointers.pop()
            if pointer in seen:
                continue
            seen.add(pointer)
            for index in range(struct.unpack_from(f"{order}H", block, pointer)[0]):
                entry = struct.unpack_from(f"{order}HHII", block, pointer + 2 + 12 * index)
                tag, kind, count, value = entry
                total += min(_TYPE_BYTES.get(kind, 0) * count, len(block))
                if total > 2 * len(block):
                    return False
                if tag in _IFD_POINTERS:
                    pointers.append(value)
    return True
