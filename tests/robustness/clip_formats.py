"""MP4 and Matroska as trees of parts. AVI and GIF are those of `photo_formats`."""

from collections.abc import Sequence
from dataclasses import replace

from tests.robustness.parts import Format, Part
from tests.robustness.photo_formats import PHOTO_FORMATS, join_boxes, join_riff, split_boxes, split_riff

_ELEMENTS = {
    bytes.fromhex(name)
    for name in [
        "1a45dfa3",
        "18538067",
        "114d9b74",
        "4dbb",
        "1549a966",
        "1654ae6b",
        "ae",
        "e0",
        "e1",
        "1f43b675",
        "a0",
        "1c53bb6b",
        "bb",
        "b7",
    ]
}
_VOID, _TAGS = b"\xec", bytes.fromhex("1254c367")


def _number_size(first: int) -> int:
    return 9 - first.bit_length() if first else 9


def _split_elements(content: bytes) -> list[Part]:
    parts, place = [], 0
    while place < len(content):
        start = place + _number_size(content[place])
        if start >= len(content):
            break
        kind, size = content[place:start], _number_size(content[start])
        length = int.from_bytes(content[start : start + size]) & ((1 << 7 * size) - 1)
        body = content[start + size : start + size + length]
        parts.append(Part(kind, b"", _split_elements(body)) if kind in _ELEMENTS else Part(kind, body))
        place = start + size + length
    return parts


def _join_elements(parts: Sequence[Part]) -> bytes:
    joined = bytearray()
    for part in parts:
        body = part.body + (_join_elements(part.parts) if part.parts is not None else b"")
        length = len(body) if part.length is None else part.length
        joined += part.kind + (1 << 56 | length % 2**56).to_bytes(8) + body
    return bytes(joined)


CLIP_FORMATS = {
    # Boxes before the frames would move these away from the places that the index gives.
    ".mp4": Format(
        split_boxes, join_boxes, frozenset({b"udta"}), (Part(b"free", bytes(9)), Part(b"uuid", bytes(40))), first=3
    ),
    ".mkv": Format(_split_elements, _join_elements, frozenset({_VOID, _TAGS}), (Part(_VOID, bytes(9)),), first=2),
    ".avi": Format(split_riff, join_riff, frozenset({b"JUNK"}), (Part(b"JUNK", bytes(10)),)),
    ".gif": replace(PHOTO_FORMATS["gif"], extras=PHOTO_FORMATS["gif"].extras[:1]),
}
