"""Metadata of a photo's file: collected and checked when it is read, to be written when its result is saved."""

import math
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO, Any

from PIL import Image
from PIL.PngImagePlugin import iTXt

from colorizer.photos import exif as exif_blocks
from colorizer.photos.bounded_file import is_bounded_exif
from colorizer.photos.exif import (
    IPTC,
    MAX_BYTES,
    ORIENTATION,
    PHOTOSHOP,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    XMP,
    Y_RESOLUTION,
    Value,
)

MAX_TEXT_BYTES = 2**20
"""Of all comments and texts."""
MAX_XMP_BYTES = 2**26
"""A phone's may have a map of depths."""

# TIFF tags of the file's own pixel layout, and of what is read apart, such as the profile.
LAYOUT_TAGS = frozenset(
    {*range(254, 260), 262, 266, 273, *range(277, 282), 284, *range(288, 294), 297, 301, 317}
    | {*range(318, 333), 334, 336, *range(338, 348), *range(512, 522), *range(529, 533), 32781}
    | {*range(32995, 32999), 34675, 37724, 50341, *range(50706, 51200), *range(65420, 65460)}
)
# Photoshop's copies of a preview, a profile, EXIF and XMP.
_COPIES = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424}
_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
_IPTC_RESOURCE = 0x0404
_MAX_RESOURCES = 10_000
_XMP_TURN = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]")
_INCH, _CENTIMETER = 2, 3
_RAW_PROFILE = "Raw profile type "


@dataclass(frozen=True)
class Metadata:
    """Content of a photo's file besides its pixels, EXIF block and color profile.

    xmp: XMP packet. extended_xmp: the parts of a JPEG's that has no place in one segment, as they are.
    photoshop: Photoshop's resources, of which one is the IPTC record.
    comments: comments of a JPEG or GIF. texts: names and texts of a PNG.
    dpi: pixels per inch, across and down.
    modified: time of the file's last change, in seconds since 1970.
    """

    xmp: bytes | None = None
    extended_xmp: tuple[bytes, ...] = ()
    photoshop: bytes | None = None
    comments: tuple[bytes, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    dpi: tuple[float, float] | None = None
    modified: float | None = None

    @property
    def iptc(self) -> bytes | None:
        """IPTC record."""
        for number, _, content in _resources(self.photoshop or b""):
            if number == _IPTC_RESOURCE:
                return content
        return None


NO_METADATA = Metadata()


class _Checks:
    """Calls of readers; whatever is wrong with metadata is a note, and no reason to refuse the photo."""

    def __init__(self):
        self.notes: list[str] = []

    def __call__(self, name: str, read: Callable[[], Any], default: Any = None) -> Any:
        try:
            return read()
        except Exception:  # broken metadata raises any kind of error
            self.notes.append(f"its {name} is damaged or too large and was ignored")
            return default


def read_metadata(image: Image.Image) -> tuple[int, bytes | None, Metadata, tuple[str, ...]]:
    """Collect the metadata of an image that is loaded.

    Returns its orientation (1 if there is none), its EXIF block for the upright photo, all else, and notes on what is damaged
    or too large and therefore left out.
    """
    check = _Checks()
    orientation = check("EXIF data", lambda: _orientation(image), 1)
    exif, is_whole = check("EXIF data", lambda: _exif(image), (None, True))
    segments, info = getattr(image, "applist", []), image.info
    exif, metadata = _sorted(check, exif, is_whole, segments, info)
    metadata = replace(
        metadata,
        extended_xmp=check("XMP data", lambda: tuple(_extended_xmp(segments)), ()) if metadata.xmp else (),
        comments=check("comment", lambda: tuple(_comments(image, segments)), ()),
        texts=check("text", lambda: tuple(_texts(image)), ()),
        dpi=check("resolution", lambda: _dpi(info["dpi"]) if "dpi" in info else _tag_dpi(exif) if exif else None),
    )
    return orientation, exif, metadata, tuple(dict.fromkeys(check.notes))


def tiff_exif(file: IO[bytes], directory: int | None, is_kept: Callable[[int], bool]) -> bytes:
    """Return the EXIF block of a directory of a TIFF file, classic or big, b"" if it has no tags to be kept.

    Tags are kept as they are, also the XMP packet and the IPTC record. `directory` is its place in the file, by default that of
    the first. Raises ValueError if it is damaged.
    """

    def read(start: int, size: int) -> bytes:
        file.seek(start)
        return file.read(size)

    head = read(0, 16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = struct.unpack(f"{order}H", head[2:4]) == (43,)
    first = struct.unpack(f"{order}Q", head[8:16])[0] if is_big else struct.unpack(f"{order}I", head[4:8])[0]
    start = first if directory is None else directory
    tags = exif_blocks.read_directory(read, start, order, is_big=is_big, is_kept=is_kept)
    return exif_blocks.write_block(tags, order) if tags else b""


def _sorted(
    check: _Checks, exif: bytes | None, is_whole: bool, segments: list[tuple[str, bytes]], info: dict[Any, Any]
) -> tuple[bytes | None, Metadata]:
    """Return the EXIF block without what has a place of its own in the metadata, and that."""
    if not is_whole:
        check.notes.append("a part of its EXIF data is cut off and was ignored")
    tags = exif_blocks.read_block(exif) if exif else {}
    packet = tags[XMP].content if isinstance(tags.get(XMP), Value) else info.get("xmp")
    if not packet and (raw := info.get(f"{_RAW_PROFILE}xmp")):
        packet = check("XMP data", lambda: _raw_profile(raw))
    photoshop = check("IPTC data", lambda: _photoshop(info, segments, tags))
    if held := tags.keys() & {XMP, IPTC, PHOTOSHOP}:
        exif = exif_blocks.with_tags(exif, dict.fromkeys(held)) if len(tags) > len(held) else None
    return exif, Metadata(check("XMP data", lambda: _xmp(packet)), photoshop=photoshop)


def _orientation(image: Image.Image) -> int:
    # TIFF files are rotated by Pillow, which then removes the orientation. Without EXIF, XMP may have it.
    if not is_bounded_exif(image.info.get("exif") or b""):
        raise ValueError("too large")
    if not isinstance(orientation := image.getexif().get(ORIENTATION, 1), int):
        raise ValueError("the orientation is no number")
    return orientation


def _exif(image: Image.Image) -> tuple[bytes | None, bool]:
    if image.format == "TIFF" and "exif" not in image.info:
        # Without its file there is only what Pillow has made of the tags.
        tags = image.getexif()
        tags.bigtiff = False  # the block is for files of any kind
        for tag in LAYOUT_TAGS & set(tags):
            del tags[tag]
        return (exif_blocks.upright(tags.tobytes())[0] if len(tags) else None), True
    block = image.info.get("exif") or b""
    if not block and (pair := image.info.get(f"{_RAW_PROFILE}exif")):
        block = _raw_profile(pair)
    return exif_blocks.upright(block) if block else (None, True)


def _xmp(packet: bytes | str | None) -> bytes | None:
    packet = packet.encode() if isinstance(packet, str) else packet
    if not packet:
        return None
    if len(packet) > MAX_XMP_BYTES or b"<" not in packet[:200]:
        raise ValueError("no XMP packet")
    return upright_xmp(packet)


def upright_xmp(packet: bytes) -> bytes:
    """Return an XMP packet for a photo that is turned upright."""
    return _XMP_TURN.sub(rb"\g<1>1", packet)


def _extended_xmp(segments: list[tuple[str, bytes]]) -> Iterator[bytes]:
    left = MAX_XMP_BYTES
    for name, content in segments:
        if name == "APP1" and content.startswith(b"http://ns.adobe.com/xmp/extension/\0"):
            if (left := left - len(content)) < 0:
                raise ValueError("too large")
            yield content


def _photoshop(info: dict[Any, Any], segments: list[tuple[str, bytes]], tags: exif_blocks.Directory) -> bytes | None:
    prefix = b"Photoshop 3.0\0"
    content = b"".join(body[len(prefix) :] for name, body in segments if name == "APP13" and body.startswith(prefix))
    for name in ("8bim", "iptc"):
        if raw := info.get(_RAW_PROFILE + name):
            content = content or _raw_profile(raw)
    if not content:
        content = next((tags[tag].content for tag in (PHOTOSHOP, IPTC) if tag in tags), b"")
    if content and not content.startswith(b"8BIM"):
        # The record alone. A TIFF may hold it as numbers of 32 bits, with zeros after its end.
        content = as_resource(content)
    if len(content) > MAX_BYTES:
        raise ValueError("too large")
    return b"".join(whole for number, whole, _ in _resources(content) if number not in _COPIES) or None


def as_resource(iptc: bytes) -> bytes:
    """Return an IPTC record as a resource of Photoshop's."""
    return b"8BIM" + _IPTC_RESOURCE.to_bytes(2) + bytes(2) + len(iptc).to_bytes(4) + iptc + bytes(len(iptc) % 2)


def _resources(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each of Photoshop's resources: its number, the whole, and its content. Raise ValueError for a broken one."""
    start = 0
    for _ in range(_MAX_RESOURCES):
        if not content[start : start + 12].strip(b"\0"):
            return
        if content[start : start + 4] not in _SIGNATURES or start + 12 > len(content):
            raise ValueError("no resource")
        name_size = 1 + content[start + 6]
        place = start + 6 + name_size + name_size % 2
        size = int.from_bytes(content[place : place + 4])
        end = place + 4 + size
        if end > len(content):
            raise ValueError("a resource is cut off")
        yield (
            int.from_bytes(content[start + 4 : start + 6]),
            content[start:end] + bytes(size % 2),
            content[place + 4 : end],
        )
        start = end + size % 2
    raise ValueError("too many resources")


def _comments(image: Image.Image, segments: list[tuple[str, bytes]]) -> Iterator[bytes]:
    comments = [content for name, content in segments if name == "COM"]
    if not comments and not isinstance(comment := image.info.get("comment", b""), str):
        comments = [comment]
    if sum(map(len, comments)) > MAX_TEXT_BYTES:
        raise ValueError("too large")
    yield from filter(None, comments)


def _texts(image: Image.Image) -> Iterator[tuple[str, str]]:
    # Asked for its texts, an animation would decode all frames.
    texts = image.text if image.format == "PNG" and not image.is_animated else {}
    if sum(len(name) + len(content) for name, content in texts.items()) > MAX_TEXT_BYTES:
        raise ValueError("too large")
    for name, content in texts.items():
        if isinstance(content, str) and name != "XML:com.adobe.xmp" and not name.startswith(_RAW_PROFILE):
            yield name, content


def _raw_profile(content: str | bytes | iTXt) -> bytes:
    """Decode what ImageMagick writes into a PNG: a name, a length, and numbers as text."""
    text = content.decode("ascii") if isinstance(content, bytes) else content
    _, _, length, *numbers = text.split("\n")
    decoded = bytes.fromhex("".join(numbers))
    if len(decoded) != int(length):
        raise ValueError("the length is wrong")
    return decoded


def _dpi(dpi: Any) -> tuple[float, float] | None:
    if dpi is None:
        return None
    across, down = (float(number) for number in dpi)
    # A file without a resolution may say 0 or 1.
    return (across, down) if all(math.isfinite(n) and 1 < n < 65535 for n in (across, down)) else None


def _tag_dpi(exif: bytes) -> tuple[float, float] | None:
    tags, order = exif_blocks.read_block(exif), exif_blocks.byte_order(exif)
    if X_RESOLUTION not in tags or Y_RESOLUTION not in tags:
        return None
    ratios = [struct.unpack(f"{order}II", tags[tag].content) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    (unit,) = struct.unpack(f"{order}H", tags[RESOLUTION_UNIT].content) if RESOLUTION_UNIT in tags else (_INCH,)
    factor = {_INCH: 1, _CENTIMETER: 2.54}.get(unit)
    return _dpi([factor * above / below for above, below in ratios]) if factor and all(b for _, b in ratios) else None
