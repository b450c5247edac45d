"""Properties of an XMP packet that describe other parts of its file: the video of a motion photo, or a gain map for HDR."""

import re

_CAMERA = b"http://ns.google.com/photos/1.0/camera/"
_MAPS = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/")
# Names of their properties by namespace. A directory lists all parts of the file.
_NAMES = {
    _CAMERA: rb"(?:MotionPhoto|MicroVideo)\w*",
    b"http://ns.google.com/photos/1.0/container/": rb"Directory",
    **dict.fromkeys(_MAPS, rb"\w+"),
}
_HAS_MAP = rb"[A-Za-z]*Version\b"
_HAS_VIDEO = rb"(?:MotionPhoto|MicroVideo)(?:\s{0,9}=\s{0,9}[\"']|>)1\b"
_MAX_PREFIXES = 8  # of these namespaces; a packet has one of each
_NAMESPACE = re.compile(rb"xmlns:([\w.-]{1,99})\s{0,9}=\s{0,9}[\"']([^\"']{1,99})[\"']")


def without_parts(packet: bytes) -> bytes:
    """Return an XMP packet without these properties, since a result holds the photo alone. All else stays as it is.

    Raises ValueError if it has very many names for them, each of which would be searched for.
    """
    for prefix, namespace in _prefixes(packet).items():
        name = re.escape(prefix) + b":" + _NAMES[namespace]
        packet = _without_elements(packet, re.compile(b"<(" + name + rb")(?=[\s/>])"))
        packet = re.sub(rb"(?<=\s)" + name + rb"\s{0,9}=\s{0,9}(?:\"[^\"]*\"|'[^']*')", b"", packet)
    return packet


def notes_on_parts(packet: bytes) -> tuple[str, ...]:
    """Return notes on the parts that a photo's XMP packet names, and that its result won't have."""
    notes = []
    for prefix, namespace in _prefixes(packet).items():
        start = rb"[\s<]" + re.escape(prefix) + b":"
        if namespace in _MAPS and re.search(start + _HAS_MAP, packet):
            notes.append("left out: its gain map, for HDR screens")
        elif namespace == _CAMERA and re.search(start + _HAS_VIDEO, packet):
            notes.append("left out: the video of a motion photo")
    return tuple(dict.fromkeys(notes))


def _prefixes(packet: bytes) -> dict[bytes, bytes]:
    prefixes = {prefix: namespace for prefix, namespace in _NAMESPACE.findall(packet) if namespace in _NAMES}
    if len(prefixes) > _MAX_PREFIXES:
        raise ValueError("too many prefixes")
    return prefixes


def _without_elements(packet: bytes, opening: re.Pattern[bytes]) -> bytes:
    kept, place = [], 0
    while match := opening.search(packet, place):
        end = packet.find(b">", match.end())
        if end >= 0 and packet[end - 1 : end] != b"/":
            closing = b"</" + match[1] + b">"
            end = packet.find(closing, end)
            end += len(closing) - 1 if end >= 0 else 0
        if end < 0:  # without its end, nothing says what it is
            break
        kept.append(packet[place : match.start()])
        place = end + 1
    return b"".join((*kept, packet[place:]))
