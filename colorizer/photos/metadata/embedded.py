"""Metadata of a photo's file: collected and checked when it is read, to be written when its result is saved."""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from PIL import Image

from colorizer.photos.metadata import exif as exif_blocks
from colorizer.photos.metadata import photoshop as resources
from colorizer.photos.metadata.bounded_file import is_bounded_exif
from colorizer.photos.metadata.density import Density, read_density
from colorizer.photos.metadata.exif import IPTC, MAX_BYTES, ORIENTATION, PHOTOSHOP, XMP, Value
from colorizer.photos.metadata.png_texts import RAW_PROFILE, raw_profile, read_texts
from colorizer.photos.metadata.xmp_parts import notes_on_parts, without_parts

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
_XMP_TURN = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[2-8]")
_PNG_XMP = "XML:com.adobe.xmp"
# Beginnings of a JPEG's segments.
EXIF_PREFIX, XMP_PREFIX, PHOTOSHOP_PREFIX = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
_EXTENDED_XMP_PREFIX = b"http://ns.adobe.com/xmp/extension/\0"
# Raw profiles of a PNG: the segment of a JPEG that each would be, and what notes call it.
_RAW_PROFILES = {
    "exif": ("APP1", EXIF_PREFIX, "EXIF data"),
    "app1": ("APP1", b"", "EXIF data"),
    "xmp": ("APP1", XMP_PREFIX, "XMP data"),
    "8bim": ("APP13", PHOTOSHOP_PREFIX, "IPTC data"),
    "iptc": ("APP13", PHOTOSHOP_PREFIX, "IPTC data"),
}


@dataclass(frozen=True)
class Metadata:
    """Content of a photo's file besides its pixels, EXIF block and color profile.

    xmp: XMP packet. extended_xmp: the parts of a JPEG's that has no place in one segment, as they are.
    photoshop: Photoshop's resources, of which one is the IPTC record.
    comments: comments of a JPEG or GIF. texts: names and texts of a PNG; names may repeat.
    modified: time of the file's last change, in seconds since 1970.
    """

    xmp: bytes | None = None
    extended_xmp: tuple[bytes, ...] = ()
    photoshop: bytes | None = None
    comments: tuple[bytes, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    density: Density | None = None
    modified: float | None = None

    @property
    def iptc(self) -> bytes | None:
        """IPTC record."""
        return _resource(self.photoshop, resources.IPTC)


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


def read_metadata(
    image: Image.Image, file: IO[bytes] | None = None
) -> tuple[int, bytes | None, Metadata, tuple[str, ...]]:
    """Collect the metadata of an image that is loaded, and of its file if that is given and open.

    Returns its orientation (1 if there is none), its EXIF block for the upright photo, all else, and notes on what is damaged
    or too large and therefore left out.
    """
    check = _Checks()
    texts, is_whole = check("text", lambda: read_texts(image, file), ([], True))
    if not is_whole:
        check.notes.append("a part of its text is damaged or too large and was ignored")
    segments = [*getattr(image, "applist", []), *_of_texts(check, texts), *_of_psd(image)]
    block = image.info.get("exif") or _first(segments, EXIF_PREFIX)
    orientation = check("EXIF data", lambda: _orientation(image, block), 1)
    exif, is_whole = check("EXIF data", lambda: _exif(image, block), (None, True))
    if not is_whole:
        check.notes.append("a part of its EXIF data is cut off and was ignored")
    tags = exif_blocks.read_block(exif) if exif else {}
    given = tags[XMP].content if isinstance(tags.get(XMP), Value) else image.info.get("xmp")
    packet = check("XMP data", lambda: _packet(given or _first(segments, XMP_PREFIX)))
    xmp = check("XMP data", lambda: without_parts(upright_xmp(packet))) if packet else None
    if xmp:
        check.notes += notes_on_parts(packet)
    photoshop = check("IPTC data", lambda: _photoshop(segments, tags))
    # What has a place of its own in the metadata.
    if held := tags.keys() & {XMP, IPTC, PHOTOSHOP}:
        exif = exif_blocks.with_tags(exif, dict.fromkeys(held)) if len(tags) > len(held) else None
    metadata = Metadata(
        xmp=xmp,
        extended_xmp=check("XMP data", lambda: tuple(_extended_xmp(segments)), ()) if xmp else (),
        photoshop=photoshop,
        comments=check("comment", lambda: tuple(_comments(image, segments)), ()),
        texts=check("text", lambda: _kept_texts(texts), ()),
        density=check("resolution", lambda: read_density(image, exif, _resource(photoshop, resources.RESOLUTION))),
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


def _of_texts(check: _Checks, texts: list[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Yield what a PNG has as raw profiles, as segments of a JPEG."""
    for name, text in texts:
        kind, prefix, words = _RAW_PROFILES.get(name.removeprefix(RAW_PROFILE).lower(), ("", b"", ""))
        if kind and name.startswith(RAW_PROFILE) and (body := check(words, lambda text=text: raw_profile(text))):
            yield kind, prefix + (_as_resources(body) if kind == "APP13" else body.removeprefix(prefix))


def _of_psd(image: Image.Image) -> Iterator[tuple[str, bytes]]:
    """Yield what a PSD has as resources, as segments of a JPEG."""
    if image.format != "PSD":
        return
    for number, _, content in image.resources:
        if prefix := {resources.EXIF: EXIF_PREFIX, resources.XMP: XMP_PREFIX}.get(number):
            yield "APP1", prefix + content
        elif number in resources.OF_PSD:
            yield "APP13", PHOTOSHOP_PREFIX + resources.as_resource(number, content)


def _first(segments: list[tuple[str, bytes]], prefix: bytes) -> bytes | None:
    """Return the first APP1 segment of a kind, an EXIF block with the prefix that it may have in other formats."""
    bodies = (content for name, content in segments if name == "APP1" and content.startswith(prefix))
    body = next(bodies, None)
    return body.removeprefix(prefix) if body and prefix != EXIF_PREFIX else body


def _resource(photoshop: bytes | None, number: int) -> bytes | None:
    return next((content for kind, _, content in resources.read_resources(photoshop or b"") if kind == number), None)


def _orientation(image: Image.Image, block: bytes | None) -> int:
    if not is_bounded_exif(block or b""):
        raise ValueError("too large")
    tags = image.getexif()
    if block and "exif" not in image.info:
        tags.load(block)
    # TIFF files are rotated by Pillow, which then removes the orientation. Without EXIF, XMP may have it.
    if not isinstance(orientation := tags.get(ORIENTATION, 1), int):
        raise ValueError("the orientation is no number")
    return orientation


def _exif(image: Image.Image, block: bytes | None) -> tuple[bytes | None, bool]:
    if image.format == "TIFF" and not block:
        # Without its file there is only what Pillow has made of the tags.
        tags = image.getexif()
        tags.bigtiff = False  # the block is for files of any kind
        for tag in LAYOUT_TAGS & set(tags):
            del tags[tag]
        return (exif_blocks.upright(tags.tobytes())[0] if len(tags) else None), True
    return exif_blocks.upright(block) if block else (None, True)


def _packet(packet: bytes | str | None) -> bytes | None:
    """Return an XMP packet as bytes, None if there is none. Raises ValueError for what isn't one."""
    packet = packet.encode() if isinstance(packet, str) else packet
    if not packet:
        return None
    if len(packet) > MAX_XMP_BYTES or b"<" not in packet[:200]:
        raise ValueError("no XMP packet")
    return packet


def upright_xmp(packet: bytes) -> bytes:
    """Return an XMP packet for a photo that is turned upright."""
    return _XMP_TURN.sub(rb"\g<1>1", packet)


def _extended_xmp(segments: list[tuple[str, bytes]]) -> Iterator[bytes]:
    left = MAX_XMP_BYTES
    for name, content in segments:
        if name == "APP1" and content.startswith(_EXTENDED_XMP_PREFIX):
            if (left := left - len(content)) < 0:
                raise ValueError("too large")
            yield content


def _photoshop(segments: list[tuple[str, bytes]], tags: exif_blocks.Directory) -> bytes | None:
    bodies = (body for name, body in segments if name == "APP13" and body.startswith(PHOTOSHOP_PREFIX))
    content = b"".join(body.removeprefix(PHOTOSHOP_PREFIX) for body in bodies)
    if not content:
        content = next((tags[tag].content for tag in (PHOTOSHOP, IPTC) if tag in tags), b"")
    if len(content) > MAX_BYTES:
        raise ValueError("too large")
    kept = {}
    for number, whole, _ in resources.read_resources(_as_resources(content)):
        if number not in resources.COPIES:
            kept.setdefault(number, whole)
    return b"".join(kept.values()) or None


def _as_resources(content: bytes) -> bytes:
    """Return Photoshop's resources, or as such an IPTC record alone, which a TIFF pads with zeros to numbers of 32 bits."""
    return resources.as_resource(resources.IPTC, content) if content and content[:4] != b"8BIM" else content


def _comments(image: Image.Image, segments: list[tuple[str, bytes]]) -> Iterator[bytes]:
    comments = [content for name, content in segments if name == "COM"]
    if not comments and not isinstance(comment := image.info.get("comment", b""), str):
        comments = [comment]
    if sum(map(len, comments)) > MAX_TEXT_BYTES:
        raise ValueError("too large")
    yield from filter(None, comments)


def _kept_texts(texts: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    kept = tuple(pair for pair in texts if pair[0] != _PNG_XMP and not pair[0].startswith(RAW_PROFILE))
    if sum(len(name) + len(content) for name, content in kept) > MAX_TEXT_BYTES:
        raise ValueError("too large")
    return kept
