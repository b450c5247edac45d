"""PNG frames of clips, made safe to decode: FFmpeg unpacks their texts, profiles and surplus pixels to any size."""

import zlib
from collections.abc import Iterator

import av
from av.packet import Packet

# FFmpeg decodes frames and cover pictures while it opens a file, which would be before we see them.
CODECS = ("png", "apng")
WHILE_OPENING = {"codec_whitelist": ",".join(sorted(name for name in av.codecs_available if name not in CODECS))}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks that FFmpeg needs for a frame and its colors: PNG specification, third edition, chapter 11.
_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"pHYs", b"sBIT"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
_STEP = 2**20  # bytes that are unpacked at a time


def without_surplus(packet: Packet, max_pixels: int) -> Packet:
    """Return a PNG frame without what isn't needed to decode it, and without its pixels if these are more than it may have."""
    content = bytes(packet)
    chunks = [(kind, chunk) for kind, chunk in _chunks(content) if kind in _KEPT]
    if not _is_bounded(chunks, max_pixels):
        chunks = [(kind, chunk) for kind, chunk in chunks if kind != b"IDAT"]  # which FFmpeg takes for damage
    kept = Packet(_SIGNATURE + b"".join(chunk for _, chunk in chunks))
    kept.pts, kept.dts, kept.duration, kept.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    kept.is_keyframe = packet.is_keyframe  # others are added to the frame before
    return kept


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind of each chunk, and all of it."""
    place = len(_SIGNATURE) if content.startswith(_SIGNATURE) else len(content)
    while place + 8 <= len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4])
        yield content[place + 4 : place + 8], content[place:end]
        place = end


def _is_bounded(chunks: list[tuple[bytes, bytes]], max_pixels: int) -> bool:
    """Return True if the pixels unpack to no more than the header states, and this is no more than allowed."""
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) < 18:
        return False
    header = chunks[0][1][8:]
    width, height, bits, channels = (*_sides(header), header[8], _CHANNELS.get(header[9]))
    if channels is None or width * height > max_pixels:
        return False
    # Each of the seven images of an interlaced one has rows of its own.
    left = 2 * height * (width * channels * bits // 8 + 8)
    unpacker = zlib.decompressobj()
    try:
        for chunk in (chunk for kind, chunk in chunks if kind == b"IDAT"):
            packed = chunk[8:-4]
            while packed and left >= 0 and not unpacker.eof:
                left -= len(unpacker.decompress(packed, min(_STEP, left + 1)))
                packed = unpacker.unconsumed_tail
    except zlib.error:
        pass  # FFmpeg unpacks no further either
    return left >= 0


def _sides(header: bytes) -> tuple[int, int]:
    return int.from_bytes(header[:4]), int.from_bytes(header[4:8])
