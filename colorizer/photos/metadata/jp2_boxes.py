"""Boxes of a JPEG 2000 file (ISO/IEC 15444-1, annex I, and the UUIDs of Adobe and ExifTool) that Pillow passes over."""

import io
import struct
from collections.abc import Iterator
from typing import IO

_MAX_BOXES = 1000
_MAX_BYTES = 2**26
_COLOR_BYTES = 2**12  # more than a palette's sizes and all channels need
_ICC = (2, 3)  # methods of a color box: restricted profile, any profile
_NUMBERED = 1
# Numbers of color spaces; OpenJPEG writes that of bi-level for an unknown one.
_BILEVEL, _CMYK, _SRGB, _GRAY, _SYCC = 0, 12, 16, 17, 18
_SPACES = {
    1: "YCbCr",
    3: "YCbCr",
    4: "YCbCr",
    9: "PhotoYCC",
    11: "CMY",
    12: "CMYK",
    13: "YCCK",
    14: "CIELab",
    18: "sYCC",
}
_SPACES |= {19: "CIEJab", 20: "e-sRGB", 21: "ROMM RGB", 22: "YPbPr", 23: "YPbPr", 24: "e-sYCC"}
_NO_COLOR = (0, 0xFFFF)  # channels of all colors, or of none
_UUIDS = {bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp", b"JpgTiffExif->JP2": "exif"}
_INCH = 0.0254  # meters


def read_boxes(file: IO[bytes]) -> dict[str, object]:
    """Return the ICC profile, XMP packet, EXIF block and resolution for display as Pillow's `info` names them.

    A damaged box ends the search: what Pillow decodes is in boxes as well. The file stays at its place.
    """
    place = file.tell()
    size = file.seek(0, 2)
    info: dict[str, object] = {}
    for kind, start, end in _boxes(file, 0, size):
        if kind == b"uuid":
            content = _read(file, start, end)
            if name := _UUIDS.get(content[:16]):
                info.setdefault(name, content[16:])
        elif kind == b"jp2h":
            _read_header(file, start, end, info)
    file.seek(place)
    return info


def unsupported_colors(file: IO[bytes], bits: int) -> str:
    """Return what Pillow would misread in the colors of a file of so many bits, as words after "has", or "".

    The file stays at its place.
    """
    place, spaces, supported, reasons = file.tell(), [], {_BILEVEL, _SRGB, _GRAY, _CMYK, _SYCC}, []
    for inner, content in _header_boxes(file):
        if inner == b"colr" and len(content) >= 7:
            spaces.append(int.from_bytes(content[3:7]) if content[0] == _NUMBERED else _SRGB)
        elif inner == b"cdef":
            channels = struct.iter_unpack(">3H", content[2 : 2 + (len(content) - 2) // 6 * 6])
            if any(color not in (*_NO_COLOR, number + 1) for number, _, color in channels):
                reasons.append("channels in an order of their own")
        elif inner == b"pclr" and len(content) >= 3:
            supported -= {_CMYK, _SYCC}
            if bits != 8 or any(size != 7 for size in content[3 : 3 + content[2]]):
                reasons.append("a palette of other than 8 bits")
    file.seek(place)
    if spaces and supported.isdisjoint(spaces):
        reasons.append(f"the color space {_SPACES.get(spaces[0], f'number {spaces[0]}')}")
    return reasons[0] if reasons else ""


def without_profile(content: bytes, is_gray: bool) -> bytes:
    """Return a file that names gray or sRGB in place of its ICC profile: imagecodecs would apply it, in 8 bits."""
    file, changed = io.BytesIO(content), bytearray(content)
    for kind, start, end in _boxes(file, 0, len(content)):
        for inner, place, stop in _boxes(file, start, end) if kind == b"jp2h" else ():
            if inner == b"colr" and stop - place >= 7 and content[place] in _ICC:
                changed[place : place + 7] = struct.pack(">3BI", 1, 0, 0, _GRAY if is_gray else _SRGB)
    return bytes(changed)


def _read_header(file: IO[bytes], start: int, end: int, info: dict[str, object]) -> None:
    for kind, inner, inner_end in _boxes(file, start, end):
        if kind == b"colr" and (content := _read(file, inner, inner_end))[:1] and content[0] in _ICC:
            info.setdefault("icc_profile", content[3:])
        elif kind == b"res ":
            for resolution, place, place_end in _boxes(file, inner, inner_end):
                content = _read(file, place, place_end)
                if resolution == b"resd" and len(content) == 10:
                    down, below, across, beside, tens_down, tens_across = struct.unpack(">4H2b", content)
                    if below and beside:
                        per_meter = across / beside * 10.0**tens_across, down / below * 10.0**tens_down
                        info["dpi"] = tuple(number * _INCH for number in per_meter)


def _header_boxes(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    for kind, start, end in _boxes(file, 0, file.seek(0, 2)):
        for inner, place, stop in _boxes(file, start, end) if kind == b"jp2h" else ():
            yield inner, _read(file, place, min(stop, place + _COLOR_BYTES))


def _boxes(file: IO[bytes], start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, and the start and end of the content, of each box."""
    for _ in range(_MAX_BOXES):
        head = _read(file, start, min(start + 16, end))
        if len(head) < 8:
            return
        size, kind, skip = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, skip = int.from_bytes(head[8:16]), 16
        stop = start + size if size else end
        if not start + skip <= stop <= end:
            return
        yield kind, start + skip, stop
        start = stop


def _read(file: IO[bytes], start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(min(end - start, _MAX_BYTES))
