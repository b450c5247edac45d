"""Files as trees of parts (chunks, segments, boxes, elements), and random changes to them.

A change has an effect on what the file means: NEUTRAL ones can't change the picture, LOSSY ones can only take from it, so that
a reader may refuse the file or find the same picture, and after FREE ones any result is right.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

NEUTRAL, LOSSY, FREE = range(3)
EXTREMES = (
    0,
    1,
    2,
    3,
    7,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)
MAX_BYTES = 2_000_000  # of a changed file
MOST_COPIES = 3000


@dataclass
class Part:
    """A chunk, segment, box or element: its kind, and its content or the parts in it.

    length: the length that the file claims, if it is not the true one. is_intact: whether its checksum, if any, is right.
    """

    kind: bytes
    body: bytes = b""
    parts: "list[Part] | None" = None
    length: int | None = None
    is_intact: bool = True

    def copy(self) -> "Part":
        """Return a copy whose parts can be changed on their own."""
        parts = None if self.parts is None else [part.copy() for part in self.parts]
        return Part(self.kind, self.body, parts, self.length, self.is_intact)


@dataclass(frozen=True)
class Format:
    """Splitting and joining of the files of a format.

    neutral: kinds of parts that say nothing about the picture. extras: such parts, to be inserted. has_checksums: whether
    readers notice a part that has been changed without its checksum. first: place of the first part before which others may
    be inserted.
    """

    split: Callable[[bytes], list[Part]]
    join: Callable[[Sequence[Part]], bytes]
    neutral: frozenset[bytes] = frozenset()
    extras: tuple[Part, ...] = ()
    has_checksums: bool = False
    first: int = 1


def mutate(random: Random, file_format: Format, content: bytes, donors: Sequence[bytes]) -> tuple[bytes, int]:
    """Change a file in one to four places, with parts of `donors`; return it and the strongest effect of the changes."""
    parts, effect = file_format.split(content), NEUTRAL
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        effect = max(effect, random.choices(_CHANGES, _WEIGHTS)[0](random, file_format, parts, donors))
    changed = file_format.join(parts)[:MAX_BYTES]
    if random.random() < 0.15:
        changed, effect = cut(random, changed), max(effect, LOSSY)
    if random.random() < 0.1:
        changed, effect = flip(random, changed), FREE
    return changed, effect


def cut(random: Random, content: bytes) -> bytes:
    """Return the beginning of a file."""
    return content[: random.choice((random.randrange(len(content) + 1), max(0, len(content) - random.randrange(40))))]


def flip(random: Random, content: bytes) -> bytes:
    """Change a few bits, or a few bytes to others."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 8, 64)) if changed else 0):
        place = random.randrange(len(changed))
        changed[place] = random.choice((changed[place] ^ 1 << random.randrange(8), 0, 255, random.randrange(256)))
    return bytes(changed)


def set_number(random: Random, body: bytes, sizes: Sequence[int] = (1, 2, 4)) -> bytes:
    """Overwrite a number somewhere with an extreme one, or one close to its own."""
    sizes = [size for size in sizes if size <= len(body)]
    if not sizes:
        return body
    size, order = random.choice(sizes), random.choice(("big", "little"))
    # The fields that matter are at the beginning and aligned.
    reach = len(body) - size + 1
    place = random.choice(
        (random.randrange(reach), random.randrange(min(reach, 32)), random.randrange(min(reach, 32)) // size * size)
    )
    own = int.from_bytes(body[place : place + size], order)
    value = random.choice(
        (random.choice(EXTREMES), own + random.choice((-1, 1, 8, 256)), own * 2, random.getrandbits(8 * size))
    )
    return body[:place] + (value % 256**size).to_bytes(size, order) + body[place + size :]


def _pick(random: Random, parts: list[Part]) -> tuple[list[Part], int]:
    """Return a random part by the list that holds it and its place there."""
    found = list(_walk(parts))
    return random.choice(found) if found else (parts, -1)


def _walk(parts: list[Part]) -> "list[tuple[list[Part], int]]":
    found = []
    for place, part in enumerate(parts):
        found.append((parts, place))
        found += _walk(part.parts or [])
    return found


def _effect(file_format: Format, part: Part) -> int:
    return NEUTRAL if part.kind in file_format.neutral else FREE


def _change_number(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    if place < 0:
        return NEUTRAL
    part = holder[place]
    part.body = set_number(random, part.body)
    return _spoil(random, file_format, part)


def _change_bytes(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    if place < 0:
        return NEUTRAL
    part = holder[place]
    part.body = random.choice((flip, cut))(random, part.body) if part.body else random.randbytes(random.randrange(100))
    if random.random() < 0.2:
        part.body += random.choice((bytes, random.randbytes))(random.choice((1, 10, 1000, 100_000)))
    return _spoil(random, file_format, part)


def _spoil(random: Random, file_format: Format, part: Part) -> int:
    """Leave the old checksum of a changed part in some cases; return the effect."""
    if file_format.has_checksums and random.random() < 0.3:
        part.is_intact = False
        return min(LOSSY, _effect(file_format, part))
    return _effect(file_format, part)


def _claim_length(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    if place < 0:
        return NEUTRAL
    part = holder[place]
    part.length = random.choice((*EXTREMES, len(part.body) + random.choice((-4, -1, 1, 4, 100))))
    return FREE


def _delete(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    return _effect(file_format, holder.pop(place)) if place >= 0 else NEUTRAL


def _duplicate(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    if place < 0:
        return NEUTRAL
    part = holder[place]
    size = len(file_format.join([part])) + 1
    copies = min(random.choice((1, 1, 2, 10, MOST_COPIES)), max(1, MAX_BYTES // 2 // size))
    holder[place:place] = [part.copy() for _ in range(copies)]
    return _effect(file_format, part)


def _swap(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    (one, first), (other, second) = _pick(random, parts), _pick(random, parts)
    if one is not other or first < 0:
        return NEUTRAL
    effect = max(_effect(file_format, part) for part in one[min(first, second) : max(first, second) + 1])
    one[first], one[second] = one[second], one[first]
    return effect if first != second else NEUTRAL


def _rename(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    holder, place = _pick(random, parts)
    other, index = _pick(random, parts)
    if place < 0:
        return NEUTRAL
    kind = other[index].kind if random.random() < 0.6 else random.randbytes(len(holder[place].kind))
    effect = max(_effect(file_format, holder[place]), FREE)
    holder[place].kind = kind
    return effect


def _splice(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    other = file_format.split(random.choice(donors))
    (giver, taken), (holder, place) = _pick(random, other), _pick(random, parts)
    if taken < 0:
        return NEUTRAL
    part = giver[taken].copy()
    if place >= 0 and random.random() < 0.5:
        effect = max(_effect(file_format, holder[place]), _effect(file_format, part))
        holder[place] = part
        return effect
    holder.insert(place + 1, part)
    return _effect(file_format, part)


def _insert_extra(random: Random, file_format: Format, parts: list[Part], donors: Sequence[bytes]) -> int:
    if not file_format.extras:
        return NEUTRAL
    extra = random.choice(file_format.extras)
    count = min(random.choice((1, 1, 20, MOST_COPIES)), MAX_BYTES // (len(extra.body) + 20))
    place = random.randrange(file_format.first, max(file_format.first, len(parts)) + 1)
    parts[place:place] = [extra.copy() for _ in range(count)]
    return NEUTRAL


_CHANGES = {
    _change_number: 5,
    _change_bytes: 3,
    _claim_length: 3,
    _delete: 2,
    _duplicate: 2,
    _swap: 1,
    _rename: 1,
    _splice: 2,
    _insert_extra: 2,
}
_WEIGHTS = tuple(_CHANGES.values())
_CHANGES = tuple(_CHANGES)
