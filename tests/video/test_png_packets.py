"""Clips of PNGs: FFmpeg would unpack their texts, profiles and pixels to any size."""

import io
import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from colorizer.errors import VideoError
from colorizer.video.frames import frames, inspect
from colorizer.video.opening import opened
from colorizer.video.png_packets import without_surplus

WIDTH, HEIGHT = 64, 48
LARGE = zlib.compress(bytes(2**22))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(level: int, *, mode: str = "RGB", more: bytes = b"") -> bytes:
    stream = io.BytesIO()
    image = Image.new("RGB", (WIDTH, HEIGHT), (level, 80, 200))
    (image.quantize(2) if mode == "P" else image.convert(mode)).save(stream, "PNG")
    content = stream.getvalue()
    return content[:33] + more + content[33:]


def of_pixels(packed: bytes, size: tuple[int, int] = (WIDTH, HEIGHT), interlaced: int = 0) -> bytes:
    header = struct.pack(">2I5B", *size, 8, 2, 0, 0, interlaced)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def kept(content: bytes) -> bytes:
    packet = av.Packet(content)
    packet.time_base = Fraction(1, 25)
    return bytes(without_surplus(packet, WIDTH * HEIGHT))


def write(path: Path, contents: Sequence[bytes]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "rgb24"
        container.start_encoding()
        for number, content in enumerate(contents):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, stream.codec_context.time_base
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, True
            container.mux(packet)
    return path


@pytest.mark.parametrize("ending", ["mov", "avi"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_every_frame_is_read(mode: str, ending: str, tmp_path: Path):
    clip = inspect(write(tmp_path / f"clip.{ending}", [png(level, mode=mode) for level in (0, 90, 180)]))
    assert (clip.size, clip.num_frames) == ((WIDTH, HEIGHT), 3)
    for frame, level in zip(frames(clip), (0, 90, 180), strict=True):
        assert not frame.is_damaged
        assert np.abs(frame.pixels.astype(int) - (level, 80, 200)).max() <= 1


def test_nothing_is_decoded_while_a_clip_is_opened(tmp_path: Path):
    with opened(write(tmp_path / "clip.mov", [png(0)])) as (_, stream):
        assert stream.codec_context.name == "png"
        assert stream.codec_context.pix_fmt is None


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_texts_and_profiles_are_not_unpacked(kind: bytes, tmp_path: Path):
    content = png(90, more=chunk(kind, b"name\0\0" + LARGE))
    assert kept(content) == png(90)
    (frame,) = frames(inspect(write(tmp_path / "clip.mov", [content])))
    assert np.abs(frame.pixels.astype(int) - (90, 80, 200)).max() <= 1


@pytest.mark.parametrize(
    "content",
    [of_pixels(LARGE), of_pixels(LARGE, (2**15, 2**15)), of_pixels(LARGE)[:40], b"\x89PNG\r\n\x1a\n", b"PNG", b""],
    ids=["surplus", "size", "cut", "empty", "other", "nothing"],
)
def test_surplus_pixels_are_damage(content: bytes, tmp_path: Path):
    assert b"IDAT" not in kept(content)
    if content:
        clip = inspect(write(tmp_path / "later.mov", [png(90), content, png(90)]))
        assert [frame.is_damaged for frame in frames(clip)] == [False, True, False]
        with pytest.raises(VideoError, match="no frame that can be decoded"):
            inspect(write(tmp_path / "first.mov", [content]))


def test_an_interlaced_frame_has_no_surplus():
    rows = [(w, h) for w, h in ((8, 6), (8, 6), (16, 6), (16, 12), (32, 12), (32, 24), (64, 24))]
    content = of_pixels(zlib.compress(b"".join(h * bytes(1 + 3 * w) for w, h in rows)), interlaced=1)
    assert kept(content) == content
