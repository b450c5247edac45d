"""EXIF blocks and TIFF directories as bytes.

Values are kept as they are and never decoded: text in any encoding and the notes of camera makers come through. Whatever a
file says of sizes and places is checked here.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ORIENTATION, DESCRIPTION, SOFTWARE, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 270, 305, 282, 283, 296
XMP, IPTC, PHOTOSHOP, PROFILE = 700, 33723, 34377, 34675
ASCII, SHORT, LONG, RATIONAL, BYTES = 2, 3, 4, 5, 7

MAX_BYTES = 2**24
"""Of all values of a block. A camera's have 64 kB, a scanner's a few hundred."""

_PREFIX = b"Exif\0\0"
_MAX_TAGS = 2000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_DIRECTORIES = {34665, 34853, 40965}  # EXIF, GPS, and interoperability within EXIF
_PREVIEW, _PREVIEW_SIZE = 513, 514


@dataclass(frozen=True)
class Value:
    """Value of a tag: its type and number by the TIFF standard, and its bytes in the order of its block."""

    kind: int
    count: int
    content: bytes


Directory = dict[int, "Value | Directory"]


def text(content: bytes) -> Value:
    """Return a text as the value of a tag."""
    return Value(ASCII, len(content) + 1, content + b"\0")


def byte_order(block: bytes) -> str:
    """Return the byte order of a block, with or without the prefix "Exif", as struct's. Raises ValueError if it is none."""
    orders = {b"II*\0": "<", b"MM\0*": ">"}
    if (order := orders.get(block.removeprefix(_PREFIX)[:4])) is None:
        raise ValueError("no EXIF block")
    return order


def read_block(block: bytes, lost: list[int] | None = None) -> Directory:
    """Return the tags of an EXIF block, as `read_directory` does. Raises ValueError if it is damaged."""
    order, block = byte_order(block), block.removeprefix(_PREFIX)

    def read(start: int, size: int) -> bytes:
        return block[start : start + size]

    # Values may share bytes, but thousands that each are the whole block would take gigabytes.
    return read_directory(read, _first(block, order), order, limit=min(2 * len(block), MAX_BYTES), lost=lost)


def read_directory(
    read: Callable[[int, int], bytes],
    start: int,
    order: str,
    *,
    is_big: bool = False,
    is_kept: Callable[[int], bool] = lambda tag: True,
    limit: int = MAX_BYTES,
    lost: list[int] | None = None,
    depth: int = 0,
) -> Directory:
    """Read a directory of TIFF tags and those that it points to.

    `read(start, size)` returns bytes of the file or block. Tags that aren't `is_kept` are left out, and so are those whose
    values lie outside, which are added to `lost`. Raises ValueError for a directory that is damaged, or whose values have more
    bytes in total than `limit`.
    """
    lost = [] if lost is None else lost
    number, pointer = ("Q", "Q") if is_big else ("H", "I")
    entry = struct.Struct(f"{order}HH{pointer}{struct.calcsize(pointer)}s")
    head = struct.calcsize(order + number)
    directory: Directory = {}
    try:
        (count,) = struct.unpack(order + number, read(start, head))
        if count > _MAX_TAGS:
            raise ValueError("too many tags")
        table = read(start + head, count * entry.size)
    except struct.error as error:
        raise ValueError("the directory is outside") from error
    if len(table) < count * entry.size:
        raise ValueError("the directory is cut off")
    total = 0
    for tag, kind, number, field in entry.iter_unpack(table):
        size = _SIZES.get(kind, 0) * number
        if not size or not is_kept(tag):
            continue
        if tag in _DIRECTORIES:
            if depth < 2 and kind in (4, 13, 16, 18) and number == 1:
                try:
                    (place,) = struct.unpack(f"{order}{pointer if kind > 13 else 'I'}", field[: _SIZES[kind]])
                    directory[tag] = read_directory(
                        read, place, order, is_big=is_big, limit=limit, lost=lost, depth=depth + 1
                    )
                except ValueError:
                    lost.append(tag)
            continue
        if size <= len(field):
            content = field[:size]
        else:
            (place,) = struct.unpack(order + pointer, field)
            total += size
            if total > limit:
                raise ValueError("the values are too large")
            content = read(place, size)
        if len(content) < size:
            lost.append(tag)
        elif kind not in (16, 17, 18):  # a block has no numbers of 64 bits
            directory[tag] = Value(kind, number, content)
    return directory


def write_directory(directory: Directory, order: str, start: int) -> bytes:
    """Return a directory with its values, and those that it points to, for the place `start` of a file or block."""
    # Joined at the end: bytes that grow are copied each time.
    table, data = [struct.pack(f"{order}H", len(directory))], []
    place = start + len(table[0]) + 12 * len(directory) + 4
    for tag, value in sorted(directory.items()):
        if isinstance(value, dict):
            field, content, kind, count = struct.pack(f"{order}I", place), write_directory(value, order, place), LONG, 1
        else:
            kind, count, content = value.kind, value.count, value.content
            field = content.ljust(4, b"\0")
            if len(content) > 4:
                field = struct.pack(f"{order}I", place)
            else:
                content = b""
        table.append(struct.pack(f"{order}HHI", tag, kind, count) + field)
        data.append(content + bytes(len(content) % 2))
        place += len(data[-1])
    return b"".join((*table, bytes(4), *data))


def write_block(directory: Directory, order: str = "<") -> bytes:
    """Return tags as an EXIF block."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return _PREFIX + head + struct.pack(f"{order}I", 8) + write_directory(directory, order, 8)


def with_tags(block: bytes, changes: Mapping[int, Value | None]) -> bytes:
    """Return an EXIF block with other values of some tags of its first directory; None removes a tag.

    All else stays in its place, since the notes of camera makers refer to places in the block: the first directory is written
    again at the end, and what it replaces becomes zeros. Raises ValueError if the block is damaged.
    """
    kept = read_block(block)
    changes = {tag: value for tag, value in changes.items() if kept.get(tag) != value}
    if not changes:
        return block
    order, block = byte_order(block), block.removeprefix(_PREFIX)
    entries = _entries(block, order)
    result = bytearray(block) + bytes(len(block) % 2)
    for tag, value in changes.items():
        if isinstance(kept.get(tag), Value) and (size := len(kept[tag].content)) > 4:
            (place,) = struct.unpack(f"{order}I", entries[tag][8:])
            result[place : place + size] = bytes(size)
        entries.pop(tag, None)
        if value is None:
            continue
        field = value.content.ljust(4, b"\0")
        if len(value.content) > 4:
            field = struct.pack(f"{order}I", len(result))
            result += value.content + bytes(len(value.content) % 2)
        entries[tag] = struct.pack(f"{order}HHI", tag, value.kind, value.count) + field
    struct.pack_into(f"{order}I", result, 4, len(result))
    result += struct.pack(f"{order}H", len(entries))
    result += b"".join(entry for _, entry in sorted(entries.items())) + bytes(4)
    return _PREFIX + bytes(result)


def upright(block: bytes) -> tuple[bytes | None, bool]:
    """Return an EXIF block for a photo that is turned and colored: upright, and without a preview of the gray photo.

    All else stays byte for byte, unless values are cut off: what is left is then written again, and the second result is
    False. The block is None if it has no tags. Raises ValueError if it is damaged.
    """
    lost: list[int] = []
    order, kept = byte_order(block), read_block(block, lost)
    if lost:
        block = write_block(kept, order)
    block = block.removeprefix(_PREFIX)
    start = _first(block, order)
    (count,) = struct.unpack_from(f"{order}H", block, start)
    if not kept:
        return None, not lost
    link = start + 2 + 12 * count
    result = bytearray(_without_preview(block, order, link))
    result[link : link + 4] = bytes(len(result[link : link + 4]))
    for place in range(start + 2, link, 12):
        if struct.unpack_from(f"{order}H", result, place)[0] == ORIENTATION:
            struct.pack_into(f"{order}HIH2x", result, place + 2, SHORT, 1, 1)
    return _PREFIX + bytes(result), not lost


def fitted(block: bytes, size: int) -> bytes | None:
    """Return an EXIF block without its largest values, so that it has at most `size` bytes; None if that leaves nothing."""
    directory, order = read_block(block), byte_order(block)
    holders = [directory, *(value for value in directory.values() if isinstance(value, dict))]
    values = [
        (value.content, tag, holder) for holder in holders for tag, value in holder.items() if isinstance(value, Value)
    ]
    surplus = len(write_block(directory, order)) - size
    for content, tag, holder in sorted(values, key=lambda part: (len(part[0]), part[1]), reverse=True):
        if surplus <= 0:
            break
        del holder[tag]
        surplus -= 12 + (len(content) + len(content) % 2 if len(content) > 4 else 0)
    return write_block(directory, order) if surplus <= 0 else None


def _without_preview(block: bytes, order: str, link: int) -> bytes:
    """Cut a preview off the end of a block, its usual place; in any other it is only forgotten."""
    following = int.from_bytes(block[link : link + 4], "little" if order == "<" else "big")
    try:
        fields = {tag: entry[8:] for tag, entry in _entries(block, order, following).items()}
        place, size = (struct.unpack(f"{order}I", fields[tag])[0] for tag in (_PREVIEW, _PREVIEW_SIZE))
    except (ValueError, KeyError):
        return block
    is_last = place > max(link, following) and len(block) - 8 <= place + size <= len(block)
    return block[:place] if is_last else block


def _first(block: bytes, order: str) -> int:
    if len(block) < 8:
        raise ValueError("the block is cut off")
    return struct.unpack_from(f"{order}I", block, 4)[0]


def _entries(block: bytes, order: str, start: int | None = None) -> dict[int, bytes]:
    """Return the tags of one directory, the first by default, as they are: 12 bytes each."""
    start = _first(block, order) if start is None else start
    try:
        (count,) = struct.unpack_from(f"{order}H", block, start)
    except struct.error as error:
        raise ValueError("the directory is outside") from error
    table = block[start + 2 : start + 2 + 12 * count]
    if start == 0 or len(table) < 12 * count:
        raise ValueError("the directory is cut off")
    parts = [table[place : place + 12] for place in range(0, len(table), 12)]
    return {struct.unpack_from(f"{order}H", part)[0]: part for part in parts}
