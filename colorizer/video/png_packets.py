"""PNG frames of clips, made safe to decode: FFmpeg unpacks their texts, profiles and surplus pixels to any size."""

import struct
import zlib

import av
from av.packet import Packet

from colorizer.photos.metadata import png_chunks

# FFmpeg decodes frames and cover pictures while it opens a file, which would be before we see them.
CODECS = ("png", "apng")
WHILE_OPENING = {"codec_whitelist": ",".join(sorted(name for name in av.codecs_available if name not in CODECS))}

# Chunks that FFmpeg needs for a frame and its colors: PNG specification, third edition, chapter 11.
_PIXELS = b"IDAT"
_KEPT = {b"IHDR", b"PLTE", _PIXELS, b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"pHYs", b"sBIT"}
_HEADER = struct.Struct(">2I2B")  # width, height, bits and color type
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by color type
_STEP = 2**20  # bytes that are unpacked at a time


def without_surplus(packet: Packet, max_pixels: int) -> Packet:
    """Return a PNG frame without what isn't needed to decode it, and without its pixels if these are more than it may have."""
    content = bytes(packet)
    chunks = [found for found in png_chunks.chunks(content) if found[1] in _KEPT]
    if not _is_bounded([(kind, body) for _, kind, body in chunks], max_pixels):
        chunks = [found for found in chunks if found[1] != _PIXELS]  # FFmpeg takes a frame without pixels for damage
    # With their own checksums, which may say that they are damaged.
    kept = (content[place : place + png_chunks.FRAME_BYTES + len(body)] for place, _, body in chunks)
    result = Packet(png_chunks.SIGNATURE + b"".join(kept))
    result.pts, result.dts, result.duration, result.time_base = (
        packet.pts,
        packet.dts,
        packet.duration,
        packet.time_base,
    )
    result.is_keyframe = packet.is_keyframe  # others are added to the frame before
    return result


def _is_bounded(chunks: list[tuple[bytes, bytes]], max_pixels: int) -> bool:
    """Return True if the pixels unpack to no more than the header states, and this is no more than allowed."""
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) < _HEADER.size:
        return False
    width, height, bits, color_type = _HEADER.unpack_from(chunks[0][1])
    channels = _CHANNELS.get(color_type)
    if channels is None or width * height > max_pixels:
        return False
    # Each of the seven images of an interlaced one has rows of its own.
    left = 2 * height * (width * channels * bits // 8 + 8)
    unpacker = zlib.decompressobj()
    try:
        for packed in (body for kind, body in chunks if kind == _PIXELS):
            while packed and left >= 0 and not unpacker.eof:
                left -= len(unpacker.decompress(packed, min(_STEP, left + 1)))
                packed = unpacker.unconsumed_tail
    except zlib.error:
        pass  # FFmpeg unpacks no further either
    return left >= 0
