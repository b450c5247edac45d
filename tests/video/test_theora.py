"""Ogg Theora, whose packets without data repeat the frame before, and files without their end.

FFmpeg has no encoder for Theora, so the file is written here.
"""

import struct
from pathlib import Path

import pytest
from PIL import Image

from colorizer import colorize_video
from colorizer.pipelines.image_colorization import ColorizationPipeline
from colorizer.video import inspect
from tests.clips import frames_of, make_clip, pan, times_of

WIDTH, HEIGHT, RATE = 64, 48, 24


class Bits:
    """Big-endian bits, as in the Theora specification."""

    def __init__(self) -> None:
        self.text = ""

    def put(self, *fields: tuple[int, int]) -> "Bits":
        """Append numbers, each with its number of bits."""
        self.text += "".join(f"{number:0{length}b}" for number, length in fields)
        return self

    def __bytes__(self) -> bytes:
        padded = self.text + "0" * (-len(self.text) % 8)
        return int(padded, 2).to_bytes(len(padded) // 8, "big")


def checksum(page: bytes) -> int:
    """CRC-32 of an Ogg page: RFC 3533, section 6."""
    rest = 0
    for byte in page:
        rest ^= byte << 24
        for _ in range(8):
            rest = ((rest << 1) ^ (0x104C11DB7 if rest & 0x80000000 else 0)) & 0xFFFFFFFF
    return rest


def ogg_page(packets: list[bytes], number: int, granule: int, flags: int = 0) -> bytes:
    lengths = b"".join(bytes([255] * (len(packet) // 255) + [len(packet) % 255]) for packet in packets)
    head = b"OggS" + struct.pack("<BBqIII", 0, flags, granule, 7, number, 0) + bytes([len(lengths)])
    page = head + lengths + b"".join(packets)
    return page[:22] + struct.pack("<I", checksum(page)) + page[26:]


def theora(is_empty: list[bool]) -> bytes:
    """Return a file of gray frames; some have an empty packet."""
    size = struct.pack(">HH", WIDTH // 16, HEIGHT // 16) + WIDTH.to_bytes(3, "big") + HEIGHT.to_bytes(3, "big")
    start = b"\x80theora\x03\x02\x01" + size + bytes(2) + struct.pack(">II", RATE, 1) + b"\0\0\1\0\0\1" + bytes(4)
    start += bytes(Bits().put((0, 6), (6, 5), (0, 2), (0, 3)))
    tables = Bits().put((0, 3))  # no loop filter
    for _ in ("AC", "DC"):
        tables.put((0, 4), *[(1, 1)] * 64)  # scales
    tables.put((1, 9), *[(100, 8)] * 128)  # two matrices
    for plane in range(6):
        tables.put(*[(1, 1)] * (plane > 0), (0, 1), (62, 6), (0, 1))  # a range of all qualities
    tables.put(*[(0, 1), (1, 1), (0, 5), (1, 1), (9, 5)] * 80)  # Huffman trees: "0" is the end of a block
    comment, setup = b"\x81theora" + bytes(8), b"\x82theora" + bytes(tables)
    blocks = WIDTH * HEIGHT // 64 * 3 // 2
    frame = bytes(Bits().put((0, 1), (0, 1), (0, 6), (0, 1), (0, 3), (0, 8), *[(0, 1)] * blocks, (0, 8)))
    pages = [ogg_page([start], 0, 0, 2), ogg_page([comment, setup], 1, 0)]
    for number, has_nothing in enumerate(is_empty, 1):
        is_last = number == len(is_empty)
        pages.append(ogg_page([b"" if has_nothing else frame], number + 1, number << 6, 4 * is_last))
    return b"".join(pages)


def test_empty_packets_are_no_damage(pipe: ColorizationPipeline, tmp_path: Path):
    clip = tmp_path / "clip.ogv"
    clip.write_bytes(theora([False, False, True, False, True, True, False, True]))
    assert inspect(clip).num_frames == 8
    result = colorize_video(clip, tmp_path / "colored.mp4", pipe)
    assert result.notes == ()
    assert len(frames_of(result.path)) == 8
    assert times_of(result.path) == pytest.approx([k / RATE for k in range(9)], abs=1e-3)


def test_a_short_file_without_its_end_is_noted(pipe: ColorizationPipeline, tmp_path: Path):
    ogg, gif = tmp_path / "clip.ogv", tmp_path / "clip.gif"
    mkv = make_clip(tmp_path / "clip.mkv", pan(6))
    avi = make_clip(tmp_path / "clip.avi", pan(6), codec="mjpeg", pix_fmt="yuvj420p", sound=None)
    ogg.write_bytes(theora([False] * 6))
    first, *others = (Image.fromarray(pixels) for pixels in pan(6))
    first.save(gif, save_all=True, append_images=others, duration=50)
    for clip in (ogg, gif, mkv, avi):
        assert colorize_video(clip, tmp_path / "colored.mp4", pipe).notes == ()
        clip.write_bytes(clip.read_bytes()[:-70])
        assert "no end" in " ".join(colorize_video(clip, tmp_path / "colored.mp4", pipe).notes)


def test_a_matroska_file_of_unknown_size_is_whole(tmp_path: Path):
    clip = make_clip(tmp_path / "clip.mkv", pan(6))
    segment = clip.read_bytes().index(bytes.fromhex("18538067"))
    content = bytearray(clip.read_bytes()[:-70])
    content[segment + 4 : segment + 12] = b"\x01" + b"\xff" * 7
    clip.write_bytes(content)
    assert inspect(clip).has_end
