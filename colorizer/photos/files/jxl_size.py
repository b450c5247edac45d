"""Size of a JPEG XL image from its header, since its decoder tells only afterwards, and the boxes around it."""

from collections.abc import Iterator

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDE_BITS = (9, 13, 18, 30)
_MAX_BOXES = 1000
_HEADER = 16  # bytes: more than the size takes


def jxl_size(content: bytes) -> tuple[int, int]:
    """Return the width and height (ISO/IEC 18181-1, SizeHeader) before any turning; raise ValueError if there are none."""
    header = _codestream(content)
    if header[:2] != b"\xff\x0a" or len(header) < _HEADER:
        raise ValueError("it has no header")
    bits = int.from_bytes(header[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << count) - 1), bits >> count
        return value

    is_small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if is_small else take(_SIDE_BITS[take(2)]) + 1

    height = side()
    if ratio := take(3):
        numerator, denominator = _RATIOS[ratio - 1]
        return height * numerator // denominator, height
    return side(), height


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and content of each box of a container; a codestream alone has none."""
    start = 0 if content[4:8] == b"JXL " else len(content)
    for _ in range(_MAX_BOXES):
        size, kind, head = int.from_bytes(content[start : start + 4]), content[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(content[start + 8 : start + 16]), 16
        # A size of 0 is the rest of the file.
        end = start + size if size else len(content)
        if len(kind) < 4 or end < start + head:
            return
        yield kind, content[start + head : end]
        start = end


def _codestream(content: bytes) -> bytes:
    """Return the first bytes of the codestream, which a container may have in parts."""
    if content[4:8] != b"JXL ":
        return content[:_HEADER]
    header = b""
    for kind, body in boxes(content):
        if kind in (b"jxlc", b"jxlp"):
            # Parts begin with their number.
            header += body[4 : 4 + _HEADER] if kind == b"jxlp" else body[:_HEADER]
        if len(header) >= _HEADER:
            break
    return header
