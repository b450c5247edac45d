"""Texts of a PNG (PNG specification, third edition, 11.3.3): all of them, of which Pillow keeps the last of a name."""

import zlib
from collections.abc import Iterator
from typing import IO

from PIL import Image
from PIL.PngImagePlugin import iTXt

from colorizer.photos.metadata.png_chunks import heads

RAW_PROFILE = "Raw profile type "
"""Beginning of the name under which ImageMagick and ExifTool store EXIF, XMP and IPTC data as text."""
MAX_BYTES = 2**26
"""Of all texts, as Pillow's own limit."""

_MAX_CHUNKS = 100_000


def read_texts(image: Image.Image, file: IO[bytes] | None) -> tuple[list[tuple[str, str]], bool]:
    """Return the names and texts of a PNG, from its file if that is given, and False if some are damaged or too large.

    A text of an iTXt chunk is an `iTXt`, which has its language too.
    """
    if image.format != "PNG":
        return [], True
    if file is None:
        # Asked for its texts, an animation would decode all frames.
        return [] if image.is_animated else [pair for pair in image.text.items() if isinstance(pair[1], str)], True
    texts, left, is_whole = [], MAX_BYTES, True
    for kind, body in _text_chunks(file):
        try:
            name, text = _READERS[kind](body, left)
        except (ValueError, IndexError, zlib.error):
            is_whole = False
            continue
        left -= len(text)
        texts.append((name, text))
    return texts, is_whole


def raw_profile(text: str) -> bytes:
    """Decode a raw profile: a name, a length, and numbers as text. Raises ValueError if it is damaged."""
    _, _, length, *numbers = text.split("\n")
    decoded = bytes.fromhex("".join(numbers))
    if len(decoded) != int(length):
        raise ValueError("the length is wrong")
    return decoded


def _text_chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for size, kind in heads(file, _MAX_CHUNKS):
        if kind in _READERS:
            yield kind, file.read(size)


def _plain(body: bytes, limit: int) -> tuple[str, str]:
    name, _, text = body.partition(b"\0")
    return _decoded(name), _decoded(_within(text, limit))


def _packed(body: bytes, limit: int) -> tuple[str, str]:
    name, _, rest = body.partition(b"\0")
    return _decoded(name), _decoded(_unpacked(rest[1:], limit))


def _international(body: bytes, limit: int) -> tuple[str, str]:
    name, _, rest = body.partition(b"\0")
    language, translated, text = rest[2:].split(b"\0", 2)
    text = _unpacked(text, limit) if rest[0] else _within(text, limit)
    return _decoded(name), iTXt(text.decode(), language.decode(), translated.decode())


def _decoded(text: bytes) -> str:
    return text.decode("latin-1")


def _unpacked(body: bytes, limit: int) -> bytes:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(body, limit + 1)
    if not unpacker.eof:
        raise ValueError("a text is cut off or too large")
    return text


def _within(text: bytes, limit: int) -> bytes:
    if len(text) > limit:
        raise ValueError("the texts are too large")
    return text


_READERS = {b"tEXt": _plain, b"zTXt": _packed, b"iTXt": _international}
