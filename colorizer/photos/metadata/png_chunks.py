"""Chunks of a PNG (PNG specification, third edition, 5.3): a size, a kind, the body, and a checksum."""

import struct
import zlib
from collections.abc import Iterator
from typing import IO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FRAME_BYTES = 12
"""Of a chunk, besides its body."""

_HEAD = struct.Struct(">I4s")


def heads(file: IO[bytes], most: int) -> Iterator[tuple[int, bytes]]:
    """Yield the size and kind of each chunk of a file, of so many at most; the file then stands at the chunk's body."""
    place = len(SIGNATURE)
    for _ in range(most):
        file.seek(place)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        size, kind = _HEAD.unpack(head)
        yield size, kind
        if kind == b"IEND":
            return
        place += FRAME_BYTES + size


def chunks(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the place, kind and body of each chunk; the last body may be cut off. What is no PNG has none."""
    place = len(SIGNATURE) if content.startswith(SIGNATURE) else len(content)
    while place + _HEAD.size <= len(content):
        size, kind = _HEAD.unpack_from(content, place)
        yield place, kind, content[place + _HEAD.size : place + _HEAD.size + size]
        place += FRAME_BYTES + size


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk with its size and checksum."""
    return _HEAD.pack(len(body), kind) + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
