"""Gamma of a PNG without a color profile (its gAMA chunk; W3C PNG specification, 11.3.2.2), as a profile."""

import struct

from PIL import Image

SRGB = 0.45455
_SAME = 0.02  # what rounding and the many names of 2.2 make of it
_RANGE = (0.1, 2)
_GRAYS = ("1", "L", "LA", "I", "I;16")
# sRGB's primaries in XYZ under D50.
_COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
_WHITE = (0.9642, 1.0, 0.8249)


def gamma_profile(image: Image.Image) -> bytes | None:
    """Return a profile of an image's gamma, of the primaries of sRGB; None if it has none that counts, or is sRGB's."""
    gamma = image.info.get("gamma")
    if not isinstance(gamma, float) or "srgb" in image.info or "icc_profile" in image.info:
        return None
    if abs(gamma - SRGB) < _SAME or not _RANGE[0] <= gamma <= _RANGE[1]:
        return None
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 / gamma))
    if image.mode in _GRAYS:
        return _profile(b"GRAY", {b"kTRC": curve})
    colorants = {name: _xyz(numbers) for name, numbers in _COLORANTS.items()}
    return _profile(b"RGB ", colorants | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _xyz(numbers: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * number) for number in numbers))


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return a profile of version 2.4 (ICC.1:2001)."""
    name = b"Gamma of a PNG\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text" + bytes(5),
        b"wtpt": _xyz(_WHITE),
    } | tags
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_WHITE)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data
