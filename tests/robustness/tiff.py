"""TIFF and BigTIFF, changed by their directories: the new ones stand at the end of the file, so that old offsets stay right."""

import struct
from dataclasses import dataclass
from random import Random

from tests.robustness.parts import EXTREMES, FREE, LOSSY, NEUTRAL, cut, flip

# Tags that say how pixels are stored, and others.
LAYOUT = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
    273,
    274,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    323,
    324,
    325,
    330,
    338,
    339,
    347,
)
OTHERS = (270, 305, 306, 315, 700, 33432, 34675, 34665, 34853, 40965, 50000, 65000)
VALUES = (*EXTREMES, 4, 5, 6, 8, 16, 17, 32, 64, 34712, 50001, 32773, 32946, 34925)
PRIVATE = 50000


@dataclass
class _Layout:
    order: str
    is_big: bool

    @property
    def entry(self) -> str:
        return self.order + ("HHQQ" if self.is_big else "HHII")

    @property
    def pointer(self) -> str:
        return self.order + ("Q" if self.is_big else "I")

    @property
    def count(self) -> str:
        return self.order + ("Q" if self.is_big else "H")


def mutate_tiff(random: Random, content: bytes) -> tuple[bytes, int]:
    """Change a TIFF file in one to four places; return it and the strongest effect of the changes, as `parts.mutate` does."""
    layout = _Layout("<" if content[:2] == b"II" else ">", content[2:4] in (b"\x2b\0", b"\0\x2b"))
    place = 8 if layout.is_big else 4
    (start,) = struct.unpack_from(layout.pointer, content, place)
    entries, after = _read(layout, content, start)
    effect, changed = NEUTRAL, bytearray(content + bytes(-len(content) % 8))
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        effect = max(effect, _change(random, layout, entries, changed))
    new, after = (
        len(changed),
        after if random.random() < 0.9 else random.choice((len(changed), 2**31, 1, len(changed) - 1)),
    )
    if after >= new:
        effect = max(effect, LOSSY)
    # A count that is not true, or many pages of one directory.
    pages = random.choice((1,) * 20 + (2, 300))
    for page in range(pages):
        own = len(changed)
        size = (
            struct.calcsize(layout.count)
            + len(entries) * struct.calcsize(layout.entry)
            + struct.calcsize(layout.pointer)
        )
        number = len(entries)
        if random.random() < 0.03:
            number, effect = random.choice(EXTREMES), FREE
        changed += struct.pack(layout.count, number % 256 ** struct.calcsize(layout.count))
        for entry in entries:
            limits = (2**16, 2**16, *((2**64, 2**64) if layout.is_big else (2**32, 2**32)))
            changed += struct.pack(layout.entry, *(value % limit for value, limit in zip(entry, limits, strict=True)))
        changed += struct.pack(layout.pointer, own + size if page < pages - 1 else after % 2**32)
    struct.pack_into(layout.pointer, changed, place, new)
    result = bytes(changed)
    if random.random() < 0.15:
        result, effect = cut(random, result), max(effect, LOSSY)
    if random.random() < 0.1:
        result, effect = flip(random, result), FREE
    return result, effect


def _read(layout: _Layout, content: bytes, start: int) -> tuple[list[tuple[int, int, int, int]], int]:
    (number,) = struct.unpack_from(layout.count, content, start)
    first, size = start + struct.calcsize(layout.count), struct.calcsize(layout.entry)
    entries = [struct.unpack_from(layout.entry, content, first + size * index) for index in range(number)]
    return entries, struct.unpack_from(layout.pointer, content, first + size * number)[0]


def _change(random: Random, layout: _Layout, entries: list[tuple[int, int, int, int]], content: bytearray) -> int:
    """Change the entries of a directory, or append what they refer to; return the effect."""
    how = random.choice(
        ("value", "value", "value", "kind", "count", "tag", "delete", "repeat", "swap", "private", "foreign")
    )
    if how == "private":
        at, size = len(content), random.choice((1, 4, 100, 100_000))
        content += random.randbytes(size) + bytes(-size % 8)
        number = random.choice((1, 1, 50, 2000))
        entries += [(PRIVATE + index, random.choice((1, 2, 7)), size, at if size > 8 else 0) for index in range(number)]
        return NEUTRAL
    if how == "foreign" or not entries:
        tag = random.choice((*LAYOUT, *OTHERS))
        entries.append((tag, random.randrange(1, 19), random.choice((1, 1, 2, *EXTREMES)), random.choice(VALUES)))
        return FREE
    place = random.randrange(len(entries))
    tag, kind, count, value = entries[place]
    if how == "delete":
        entries.pop(place)
    elif how == "repeat":
        entries[place:place] = [entries[place]] * random.choice((1, 2, 3000))
    elif how == "swap":
        other = random.randrange(len(entries))
        entries[place], entries[other] = entries[other], entries[place]
    elif how == "tag":
        entries[place] = (random.choice((*LAYOUT, *OTHERS, random.randrange(65536))), kind, count, value)
    elif how == "kind":
        entries[place] = (tag, random.choice((*range(20), 65535)), count, value)
    elif how == "count":
        entries[place] = (tag, kind, random.choice((*EXTREMES, count + 1, count - 1, count * 1000)), value)
    else:
        new = random.choice((*VALUES, value + 1, value - 1, value * 2, random.getrandbits(32)))
        if layout.order == ">" and kind == 3 and count == 1 and not layout.is_big:
            new = new % 65536 << 16  # left-aligned in the field
        entries[place] = (tag, kind, count, new)
    return FREE
