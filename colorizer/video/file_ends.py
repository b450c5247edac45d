"""Ends of clips' files: one that was cut off is shorter than it says, or mostly ends within some part."""

from collections.abc import Callable
from pathlib import Path

_MATROSKA_PARTS = (bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067"))  # header and segment: RFC 9559, section 5.1
_TAIL = 2**18  # bytes, more than the longest part of any
_OGG_LAST = 4  # flag of the last page: RFC 3533, section 6
_SYNC = 0x47
# Size of MPEG-TS packets, and the place of their sync byte: plain, with a time code (Blu-ray), with error correction.
_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
_PS_PACK, _PS_START, _PS_END = b"\0\0\1\xba", b"\0\0\1", 0xB9  # ISO/IEC 13818-1, section 2.5


def has_end(path: Path, format_name: str, frame_bytes: int) -> bool:
    """Return False if a clip's file ends as no complete one does.

    AVI and Matroska mostly say how large they are. GIF and Ogg have a mark at their end. MPEG-TS, MPEG-PS and DV have none:
    they are only known to be cut off within a packet, or within a frame, whose first has `frame_bytes`.
    """
    if format_name == "avi":
        return not _is_shorter_than_stated(path, _riff_part)
    if "matroska" in format_name:
        return not _is_shorter_than_stated(path, _matroska_part)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    match format_name:
        case "gif":
            return tail.rstrip(b"\0\r\n").endswith(b";")
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


def _riff_part(head: bytes) -> int | None:
    """Return the size of a part of an AVI file, which has several where it is large; None for anything else."""
    length = int.from_bytes(head[4:8], "little")
    return 8 + length + length % 2 if head[:4] == b"RIFF" and length else None


def _matroska_part(head: bytes) -> int | None:
    """Return the size of the header or the segment of a Matroska file; None for one of unknown size and anything else."""
    kind, first = head[:4], head[4] if len(head) > 4 else 0
    width = 9 - first.bit_length()
    length = int.from_bytes(head[4 : 4 + width]) & (2 ** (7 * width) - 1)
    is_known = kind in _MATROSKA_PARTS and first and length != 2 ** (7 * width) - 1
    return 4 + width + length if is_known else None


def _is_shorter_than_stated(path: Path, size_of: Callable[[bytes], int | None]) -> bool:
    place, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while place < size:
            file.seek(place)
            if (length := size_of(file.read(12))) is None:
                return False
            place += length
    return place > size + 1  # an odd part's padding is often missing at the end
