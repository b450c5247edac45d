"""PNG, JPEG, GIF, WebP, BMP, PPM, JPEG 2000 and AVIF as parts. TIFF has directories instead: see `tiff`."""

import re
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

from tests.robustness.parts import Format, Part

_PNG = b"\x89PNG\r\n\x1a\n"
_SCAN = 0xDA
_BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"moof", b"traf", b"jp2h"}
_NO_BODY = {0x01, *range(0xD0, 0xDA)}
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def _split_png(content: bytes) -> list[Part]:
    parts, place = [Part(b"", content[:8])], 8
    while place + 8 <= len(content):
        length = int.from_bytes(content[place : place + 4])
        parts.append(Part(content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    return parts


def _join_png(parts: Sequence[Part]) -> bytes:
    joined = bytearray()
    for part in parts:
        if part.body[:8] == _PNG or not part.kind:
            joined += part.body
            continue
        length = len(part.body) if part.length is None else part.length
        joined += struct.pack(">I", length % 2**32) + part.kind + part.body
        joined += struct.pack(">I", zlib.crc32(part.kind + part.body) ^ (not part.is_intact))
    return bytes(joined)


def _split_jpeg(content: bytes) -> list[Part]:
    parts, place = [], 0
    while place + 2 <= len(content) and content[place] == 0xFF:
        kind, marker = content[place : place + 2], content[place + 1]
        place += 2
        if marker in _NO_BODY:
            parts.append(Part(kind))
            continue
        length = int.from_bytes(content[place : place + 2])
        end = place + length
        if marker == _SCAN:  # the data after it belongs to it
            found = _NEXT_MARKER.search(content, end)
            end = found.start() if found else len(content)
        parts.append(Part(kind, content[place + 2 : end]))
        place = end
    return parts


def _join_jpeg(parts: Sequence[Part]) -> bytes:
    joined = bytearray()
    for part in parts:
        joined += part.kind
        if len(part.kind) == 2 and part.kind[1] not in _NO_BODY:
            length = len(part.body) + 2
            if part.kind[1] == _SCAN and part.body:
                length = min(length, 6 + 2 * part.body[0])
            joined += struct.pack(">H", (length if part.length is None else part.length) % 2**16)
        joined += part.body
    return bytes(joined)


def _split_gif(content: bytes) -> list[Part]:
    place = 13 + (3 * 2 ** ((content[10] & 7) + 1) if content[10] & 0x80 else 0)
    parts = [Part(b"", content[:place])]
    while place < len(content) and content[place] in b"\x21\x2c":
        if content[place] == 0x21:
            kind, end = content[place : place + 2], place + 2
        else:
            flags = content[place + 9]
            kind, end = b"\x2c", place + 10 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0) + 1
        start, place = place + len(kind), end
        while place < len(content) and content[place]:
            place += content[place] + 1
        place += 1
        parts.append(Part(kind, content[start:place]))
    return [*parts, Part(b"", content[place:])]


def _join_plain(parts: Sequence[Part]) -> bytes:
    return b"".join(part.kind + part.body for part in parts)


def split_riff(content: bytes) -> list[Part]:
    """Split a WebP or AVI file into its chunks; the file's own header is a part with the others in it."""
    parts, place = [], 0
    while place + 8 <= len(content):
        kind, length = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        body = content[place + 8 : place + 8 + length]
        if kind in (b"RIFF", b"LIST") and body[:4] != b"movi":
            parts.append(Part(kind, body[:4], split_riff(body[4:])))
        else:
            parts.append(Part(kind, body))
        place += 8 + length + length % 2
    return parts


def join_riff(parts: Sequence[Part]) -> bytes:
    """Join the chunks of a WebP or AVI file."""
    joined = bytearray()
    for part in parts:
        body = part.body + (join_riff(part.parts) if part.parts is not None else b"")
        length = len(body) if part.length is None else part.length
        joined += part.kind + struct.pack("<I", length % 2**32) + body + bytes(len(body) % 2)
    return bytes(joined)


def split_boxes(content: bytes) -> list[Part]:
    """Split an MP4, AVIF or JPEG 2000 file into its boxes, with those in them."""
    parts, place = [], 0
    while place + 8 <= len(content):
        length, kind = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        body = content[place + 8 : place + length] if length >= 8 else content[place + 8 :]
        parts.append(Part(kind, b"", split_boxes(body)) if kind in _BOXES else Part(kind, body))
        place += length if length >= 8 else len(content)
    return parts


def join_boxes(parts: Sequence[Part]) -> bytes:
    """Join boxes."""
    joined = bytearray()
    for part in parts:
        body = part.body + (join_boxes(part.parts) if part.parts is not None else b"")
        length = len(body) + 8 if part.length is None else part.length
        joined += struct.pack(">I", length % 2**32) + part.kind + body
    return bytes(joined)


def _split_ppm(content: bytes) -> list[Part]:
    return [Part(b"", line) for line in content.split(b"\n", 3)]


def _join_lines(parts: Sequence[Part]) -> bytes:
    return b"\n".join(part.body for part in parts)


def _split_bmp(content: bytes) -> list[Part]:
    start, size = int.from_bytes(content[10:14], "little"), int.from_bytes(content[14:18], "little")
    ends = (0, 14, 14 + size, start, len(content))
    return [Part(b"", content[one:other]) for one, other in pairwise(ends)]


PHOTO_FORMATS = {
    "png": Format(
        _split_png,
        _join_png,
        frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME", b"pHYs", b"abCd"}),
        (
            Part(b"tEXt", b"Comment\0old"),
            Part(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000))),
            Part(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
            Part(b"abCd", b""),
            Part(b"tIME", b"\x07\xea\x01\x01\0\0\0"),
        ),
        has_checksums=True,
    ),
    "jpeg": Format(
        _split_jpeg,
        _join_jpeg,
        frozenset({b"\xff\xfe", b"\xff\xe5"}),
        (Part(b"\xff\xfe", b"a comment"), Part(b"\xff\xfe", bytes(60_000)), Part(b"\xff\xe5", b"private")),
    ),
    "gif": Format(
        _split_gif,
        _join_plain,
        frozenset({b"\x21\xfe"}),
        (Part(b"\x21\xfe", b"\x05hello\0"), Part(b"\x21\xfe", (b"\xff" + b"a" * 255) * 200 + b"\0")),
    ),
    "webp": Format(split_riff, join_riff, frozenset({b"abCd"})),
    "bmp": Format(_split_bmp, _join_plain),
    "ppm": Format(_split_ppm, _join_lines),
    "jpeg2000": Format(split_boxes, join_boxes),
    "avif": Format(split_boxes, join_boxes),
}
