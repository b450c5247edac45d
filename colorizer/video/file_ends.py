"""Ends of clips' files: one that was cut off is shorter than it says, or mostly ends within some part."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

_MATROSKA_PARTS = (bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067"))  # header and segment: RFC 9559, section 5.1
# Boxes that are in none: ISO/IEC 14496-12, section 6, and QuickTime's own.
_MP4_PARTS = set(b"ftyp styp moov moof mdat mfra meta sidx free skip udta uuid wide pnot".split())
_RM_PARTS = set(b".RMF PROP MDPR CONT DATA INDX RMMD RJMD".split())
_RM_SPARE = 10  # bytes that FFmpeg states too many
_TAIL = 2**18  # bytes, more than the longest part of any
_OGG_LAST = 4  # flag of the last page: RFC 3533, section 6
_SYNC = 0x47
# Size of MPEG-TS packets, and the place of their sync byte: plain, with a time code (Blu-ray), with error correction.
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
_MAX_PARTS = 2**16  # of a file, that are looked at
_PS_PACK, _PS_START, _PS_END = b"\0\0\1\xba", b"\0\0\1", 0xB9  # ISO/IEC 13818-1, section 2.5


def has_end(path: Path, format_name: str, frame_bytes: int) -> bool:
    """Return False if a clip's file ends as no complete one does.

    The parts of MP4, AVI, RealMedia and Matroska mostly say how large they are. GIF and Ogg have a mark at their end, FLV the
    size of its last part. MPEG-TS, MPEG-PS and DV have none: they are only known to be cut off within a packet, or within a
    frame, whose first has `frame_bytes`.
    """
    if "mp4" in format_name:
        return not _is_shorter_than_stated(path, _mp4_part)
    if format_name == "avi":
        return not _is_shorter_than_stated(path, _riff_part)
    if format_name == "rm":
        return not _is_shorter_than_stated(path, _rm_part, _RM_SPARE)
    if "matroska" in format_name:
        return not _is_shorter_than_stated(path, _matroska_part)
    size = path.stat().st_size
    with path.open("rb") as file:
        if format_name == "gif":
            return _ends_as_gif(file)
        if format_name == "flv":
            return _ends_as_flv(file, size)
        head = file.read(4096)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    match format_name:
        case "ogg":
            page = tail.rfind(b"OggS")
            return tail[page + 5 : page + 6] != b"" and bool(tail[page + 5] & _OGG_LAST)
        case "dv":
            return size % max(frame_bytes, 1) == 0
        case "mpegts":
            whole = [length for length, place in _TS_PACKETS if {*head[place::length]} == {_SYNC}]
            return not whole or any(size % length == 0 for length in whole)
        case "mpeg":
            return _ends_with_packet(tail)
    return True


def is_shorter_than_stated(path: Path) -> bool:
    """Return True if a file is an MP4, AVI or Matroska file, and its parts don't fit into it."""
    return any(_is_shorter_than_stated(path, part) for part in (_mp4_part, _riff_part, _matroska_part))


def _ends_with_packet(tail: bytes) -> bool:
    """Return False if the last pack of an MPEG program stream ends within a packet."""
    place = tail.rfind(_PS_PACK)
    if place < 0:
        return True
    is_mpeg_2 = len(tail) > place + 13 and tail[place + 4] >> 6 == 1
    place += 14 + (tail[place + 13] & 7) if is_mpeg_2 else 12
    while place + 6 <= len(tail) and tail.startswith(_PS_START, place):
        if tail[place + 3] == _PS_END:
            return True
        place += 6 + int.from_bytes(tail[place + 4 : place + 6])
    # What follows a whole packet may be padding.
    return place == len(tail) or (place < len(tail) and not tail[place:].strip(b"\0\xff"))


def _ends_as_flv(file: IO[bytes], size: int) -> bool:
    """Return False if an FLV file doesn't end with the size of its last part, which states the same but for its header."""
    file.seek(max(0, size - 4))
    length = int.from_bytes(file.read())
    file.seek(max(0, size - 4 - length + 1))
    return int.from_bytes(file.read(3)) + 11 == length


def _ends_as_gif(file: IO[bytes]) -> bool:
    """Return False if the blocks of a GIF don't lead to its trailer: FFmpeg reads no further than to what is no block."""
    file.seek(max(0, file.read(4096).find(b"GIF8")))
    head = file.read(13)
    file.seek(_gif_colors(head[10:11]), os.SEEK_CUR)
    while kind := file.read(1):
        match kind:
            case b";":
                return True
            case b"!":
                file.seek(1, os.SEEK_CUR)
            case b",":
                file.seek(_gif_colors(file.read(9)[8:]) + 1, os.SEEK_CUR)
            case b"\0":
                continue
            case _:
                return False
        while (length := file.read(1)) not in (b"", b"\0"):
            file.seek(length[0], os.SEEK_CUR)
    return False


def _gif_colors(flags: bytes) -> int:
    """Return the size of the table of colors that follows."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _mp4_part(head: bytes) -> int | None:
    """Return the size of an MP4 file's box; None for the last one, which may lack it, and anything else."""
    length, kind = int.from_bytes(head[:4]), head[4:8]
    if length == 1:
        length = int.from_bytes(head[8:16])
    return length if length >= 8 and kind in _MP4_PARTS else None


def _riff_part(head: bytes) -> int | None:
    """Return the size of a part of an AVI file, which has several where it is large; None for anything else."""
    length = int.from_bytes(head[4:8], "little")
    return 8 + length + length % 2 if head[:4] == b"RIFF" and length else None


def _rm_part(head: bytes) -> int | None:
    """Return the size of a part of a RealMedia file; None for one without, as live streams have, and anything else."""
    length = int.from_bytes(head[4:8])
    return length if head[:4] in _RM_PARTS and length > 10 else None


def _matroska_part(head: bytes) -> int | None:
    """Return the size of the header or the segment of a Matroska file; None for one of unknown size and anything else."""
    kind, first = head[:4], head[4] if len(head) > 4 else 0
    width = 9 - first.bit_length()
    length = int.from_bytes(head[4 : 4 + width]) & (2 ** (7 * width) - 1)
    is_known = kind in _MATROSKA_PARTS and first and length != 2 ** (7 * width) - 1
    return 4 + width + length if is_known else None


def _is_shorter_than_stated(path: Path, size_of: Callable[[bytes], int | None], spare: int = 1) -> bool:
    place, size = 0, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(_MAX_PARTS):
            if place >= size:
                break
            file.seek(place)
            if (length := size_of(file.read(16))) is None:
                return False
            place += length
    return place > size + spare  # an odd part's padding is often missing at the end
