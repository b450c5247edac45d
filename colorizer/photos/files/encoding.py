"""Encode a picture and its metadata as JPEG, PNG, WebP or TIFF, each part in its place in the format.

| | JPEG | PNG | WebP | TIFF |
|---|---|---|---|---|
| XMP | APP1 segment | iTXt chunk | XMP chunk | tag 700 |
| IPTC | APP13 segment | tags of the EXIF block | tags of the EXIF block | tags |
| comments, texts | COM segments | text chunks | description | description |
| density | JFIF | pHYs chunk | EXIF | tags |
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo, iTXt

from colorizer.photos.deep_colors import DeepColors, WithAlpha
from colorizer.photos.metadata import exif as exif_blocks
from colorizer.photos.metadata import png_chunks
from colorizer.photos.metadata.density import Density
from colorizer.photos.metadata.embedded import PHOTOSHOP_PREFIX, XMP_PREFIX, Metadata
from colorizer.photos.metadata.exif import BYTES, LONG, SHORT, Value

_SEGMENT_BYTES = 65533  # a JPEG segment can't hold more
_MAX_TIFF_BYTES = 2**32 - 2**26
_PNG_LEVEL = 2  # a ninth larger than at 6, the default, in a quarter of the time; 3 takes a third longer, 1 as long
_ROWS = 64  # written at a time
_TEXT_KINDS = (exif_blocks.ASCII, 129)
_RGB, _UNASSOCIATED_ALPHA = 2, 2
_JFIF_UNIT = 13  # place in a file of the unit, which the densities follow


Content = Image.Image | np.ndarray | DeepColors | WithAlpha


@dataclass(frozen=True, eq=False)
class Picture:
    """Content of a file to be encoded.

    content: an image, RGB or RGBA, or (PNG and TIFF) its 16 bits, uint16 (H, W, 3 or 4), with alpha last, of which rows are
        taken a few at a time.
    description: sentence on who made the colors; it is added to the photo's own.
    software: name of the program, which replaces the photo's own.
    """

    content: Content
    exif: bytes | None
    profile: bytes | None
    metadata: Metadata
    description: str
    software: str

    def encode(self, stream: IO[bytes], file_format: str, quality: int) -> None:
        """Write the file. Raises OSError or ValueError if that isn't possible."""
        _ENCODERS[file_format](self, stream, quality)


def _encode_jpeg(picture: Picture, stream: IO[bytes], quality: int) -> None:
    metadata = picture.metadata
    exif = _exif(picture, has_resources=True, has_texts=True, has_density=True)
    if len(exif) > _SEGMENT_BYTES:
        exif = exif_blocks.fitted(exif, _SEGMENT_BYTES)
    segments = []
    if metadata.xmp and len(metadata.xmp) <= _SEGMENT_BYTES - len(XMP_PREFIX):
        segments = [(0xE1, part) for part in (XMP_PREFIX + metadata.xmp, *metadata.extended_xmp)]
    step = _SEGMENT_BYTES - len(PHOTOSHOP_PREFIX)
    resources = metadata.photoshop or b""
    segments += [(0xED, PHOTOSHOP_PREFIX + resources[k : k + step]) for k in range(0, len(resources), step)]
    for comment in (*metadata.comments, *_lines(metadata)):
        segments += [(0xFE, comment[k : k + _SEGMENT_BYTES]) for k in range(0, len(comment), _SEGMENT_BYTES)]
    start = stream.tell()
    picture.content.save(
        stream,
        "JPEG",
        quality=quality,
        subsampling=0,  # Colors are the point of the photo: keep chroma at full resolution.
        exif=exif or b"",
        icc_profile=picture.profile,
        extra=b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments),
    )
    if metadata.density:
        # Pillow writes whole pixels per inch alone.
        _overwrite(stream, start + _JFIF_UNIT, metadata.density.jfif())


def _encode_webp(picture: Picture, stream: IO[bytes], quality: int) -> None:
    options = {"exif": _exif(picture), "icc_profile": picture.profile, "quality": quality}
    picture.content.save(stream, "WEBP", xmp=picture.metadata.xmp or b"", **options)


def _encode_png(picture: Picture, stream: IO[bytes], quality: int) -> None:
    metadata, info = picture.metadata, PngInfo()
    for name, text in _texts(picture):
        if isinstance(text, iTXt):
            info.add_itxt(name, text, text.lang or "", text.tkey or "")
        else:
            info.add_text(name, text)
    for comment in metadata.comments:
        info.add_text("Comment", _decoded(comment))
    if metadata.xmp:
        info.add(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + metadata.xmp)
    exif = _exif(picture, has_texts=True, has_density=True)
    options = {"exif": exif, "icc_profile": picture.profile, "pnginfo": info}
    if metadata.density:
        options["dpi"] = (1, 1)  # makes room: Pillow writes densities with a unit alone
    if not isinstance(picture.content, Image.Image):
        _encode_wide_png(picture.content, stream, options, metadata.density)
        return
    start = stream.tell()
    picture.content.save(stream, "PNG", compress_level=_PNG_LEVEL, **options)
    if metadata.density:
        # The chunks before the pixels are those of a single one.
        small = _one_pixel(picture.content.mode, options)
        place = next(place for place, kind, _ in png_chunks.chunks(small) if kind == b"pHYs")
        _overwrite(stream, start + place, png_chunks.chunk(b"pHYs", metadata.density.phys()))


def _texts(picture: Picture) -> Iterator[tuple[str, str]]:
    """Yield the texts of a PNG, the photo's own and the description."""
    own = [text for name, text in picture.metadata.texts if name == "Description"]
    is_described = any(picture.description in text for text in own)
    for name, text in picture.metadata.texts:
        if name == "Description" and not is_described:
            is_described = True
            text = ". ".join(filter(None, (text.strip("\0 ."), picture.description)))
        if name != "Software":
            yield name, text
    if not is_described:
        yield "Description", picture.description
    yield "Software", picture.software


def _one_pixel(mode: str, options: dict[str, object]) -> bytes:
    small = io.BytesIO()
    Image.new(mode, (1, 1)).save(small, "PNG", **options)
    return small.getvalue()


def _overwrite(stream: IO[bytes], place: int, content: bytes) -> None:
    stream.seek(place)
    stream.write(content)
    stream.seek(0, 2)


def _encode_wide_png(
    pixels: np.ndarray | DeepColors | WithAlpha, stream: IO[bytes], options: dict[str, object], density: Density | None
) -> None:
    """Write a PNG of 16 bits, which Pillow can't: the chunks that it writes for a single pixel, with other pixels."""
    height, width, channels = pixels.shape
    small = _one_pixel("RGB" if channels == 3 else "RGBA", options)

    def write(kind: bytes, body: bytes) -> None:
        stream.write(png_chunks.chunk(kind, body))

    stream.write(png_chunks.SIGNATURE)
    for _, kind, body in png_chunks.chunks(small):
        if kind == b"IHDR":
            write(kind, struct.pack(">II", width, height) + bytes([16, body[9]]) + body[10:])
        elif kind == b"pHYs":
            write(kind, density.phys())
        elif kind == b"IDAT":
            packer, above = zlib.compressobj(_PNG_LEVEL), bytes(width * channels * 2)
            for top in range(0, height, _ROWS):
                rows = pixels[top : top + _ROWS].astype(">u2").view(np.uint8).reshape(-1, width * channels * 2)
                previous = np.concatenate([np.frombuffer(above, np.uint8)[None], rows[:-1]])
                # Filter 2: the difference from the row above.
                lines = np.concatenate([np.full((len(rows), 1), 2, np.uint8), rows - previous], axis=1)
                above = rows[-1].tobytes()
                if packed := packer.compress(lines.tobytes()):
                    write(kind, packed)
            write(kind, packer.flush())
        else:
            write(kind, body)


def _encode_tiff(picture: Picture, stream: IO[bytes], quality: int) -> None:
    """Write an uncompressed TIFF. Pillow's has no EXIF directories in files of 16 bits, and recodes text."""
    content, depth = picture.content, 2
    if isinstance(content, Image.Image):
        (width, height), channels, depth = content.size, len(content.getbands()), 1
    else:
        height, width, channels = content.shape
    if height * width * channels * depth > _MAX_TIFF_BYTES:
        raise ValueError("a TIFF holds at most 4 GB: save it as .png")
    block = _exif(picture)
    order = exif_blocks.byte_order(block)
    tags = exif_blocks.read_block(block)

    def numbers(kind: int, *values: int) -> Value:
        return Value(kind, len(values), struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values))

    row = width * channels * depth
    starts = range(8, 8 + height * row, _ROWS * row)
    sizes = [min(_ROWS * row, 8 + height * row - start) for start in starts]
    tags |= {
        256: numbers(LONG, width),
        257: numbers(LONG, height),
        258: numbers(SHORT, *[8 * depth] * channels),
        259: numbers(SHORT, 1),
        262: numbers(SHORT, _RGB),
        273: numbers(LONG, *starts),
        277: numbers(SHORT, channels),
        278: numbers(LONG, _ROWS),
        279: numbers(LONG, *sizes),
        284: numbers(SHORT, 1),
    }
    if channels == 4:
        tags[338] = numbers(SHORT, _UNASSOCIATED_ALPHA)
    for tag, packet in ((exif_blocks.XMP, picture.metadata.xmp), (exif_blocks.PROFILE, picture.profile)):
        if packet:
            tags[tag] = Value(1 if tag == exif_blocks.XMP else BYTES, len(packet), packet)
    end = 8 + height * row
    stream.write((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", end + end % 2))
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        rows = content.crop((0, top, width, bottom)) if depth == 1 else content[top:bottom]
        stream.write(np.asarray(rows).astype(f"{order}u{depth}", order="C").data)
    stream.write(bytes(end % 2) + exif_blocks.write_directory(tags, order, end + end % 2))


def _exif(
    picture: Picture, *, has_resources: bool = False, has_texts: bool = False, has_density: bool = False
) -> bytes:
    """Return the picture's EXIF block with the description.

    The format may have places of its own for Photoshop's resources, texts and the resolution; otherwise they are added.
    """
    metadata, block = picture.metadata, picture.exif or exif_blocks.write_block({})
    try:
        tags = exif_blocks.read_block(block)
    except ValueError:
        block, tags = exif_blocks.write_block({}), {}
    order = exif_blocks.byte_order(block)
    own = tags.get(exif_blocks.DESCRIPTION)
    parts = [own.content.strip(b"\0 .")] if isinstance(own, Value) and own.kind in _TEXT_KINDS else []
    for part in (*(() if has_texts else (*metadata.comments, *_lines(metadata))), picture.description.encode()):
        if not any(part in earlier for earlier in parts):
            parts.append(part.strip(b"\0 ."))
    changes = {
        exif_blocks.DESCRIPTION: exif_blocks.text(b". ".join(filter(None, parts))),
        exif_blocks.SOFTWARE: exif_blocks.text(picture.software.encode()),
    }
    if not has_resources and metadata.photoshop:
        changes[exif_blocks.PHOTOSHOP] = Value(BYTES, len(metadata.photoshop), metadata.photoshop)
        if record := metadata.iptc:
            changes[exif_blocks.IPTC] = Value(BYTES, len(record), record)
    if not has_density and metadata.density and exif_blocks.X_RESOLUTION not in tags:
        changes |= metadata.density.tags(order)
    return exif_blocks.with_tags(block, changes)


def _lines(metadata: Metadata) -> Iterator[bytes]:
    """Yield the texts of a PNG for a format that has no names for them."""
    for name, text in metadata.texts:
        if name != "Software":
            yield (text if name in ("Comment", "Description") else f"{name}: {text}").encode()


def _decoded(comment: bytes) -> str:
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


_ENCODERS = {"JPEG": _encode_jpeg, "PNG": _encode_png, "WEBP": _encode_webp, "TIFF": _encode_tiff}
