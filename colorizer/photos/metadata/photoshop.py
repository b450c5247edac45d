"""Image resources of Photoshop (its file format specification), in which JPEG, TIFF and PSD files hold IPTC data."""

from collections.abc import Iterator

IPTC, RESOLUTION, EXIF, XMP = 0x0404, 0x03ED, 0x0422, 0x0424
COPIES = {0x0409, 0x040C, 0x040F, EXIF, 0x0423, XMP}
"""Copies of a preview, a profile, EXIF and XMP."""
OF_PSD = {IPTC, RESOLUTION, 0x040A, 0x040B, 0x0425}
"""Resources of a PSD about its photo, not its layers: IPTC data and their digest, resolution, copyright, and an address."""

_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
_MAX_RESOURCES = 10_000


def as_resource(number: int, content: bytes) -> bytes:
    """Return content, such as an IPTC record, as a resource."""
    return b"8BIM" + number.to_bytes(2) + bytes(2) + len(content).to_bytes(4) + content + bytes(len(content) % 2)


def read_resources(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the number of each resource, the whole, and its content. Raise ValueError for a broken one."""
    start = 0
    for _ in range(_MAX_RESOURCES):
        if not content[start : start + 12].strip(b"\0"):
            return
        if content[start : start + 4] not in _SIGNATURES or start + 12 > len(content):
            raise ValueError("no resource")
        name_size = 1 + content[start + 6]
        place = start + 6 + name_size + name_size % 2
        size = int.from_bytes(content[place : place + 4])
        end = place + 4 + size
        if end > len(content):
            raise ValueError("a resource is cut off")
        yield (
            int.from_bytes(content[start + 4 : start + 6]),
            content[start:end] + bytes(size % 2),
            content[place + 4 : end],
        )
        start = end + size % 2
    raise ValueError("too many resources")
