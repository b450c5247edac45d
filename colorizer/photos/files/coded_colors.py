"""Colors that a file describes by numbers instead of a color profile, as a profile.

A PNG has chunks for them (PNG specification, third edition, 4.3): cICP, which goes before a profile; sRGB; gAMA and cHRM, which
come after it. AVIF and HEIC have a box of the codes of cICP, which are those of ITU-T H.273.
"""

import struct
from collections.abc import Mapping
from typing import IO

import numpy as np
from PIL import Image

from colorizer.photos.metadata.png_chunks import heads

_SRGB_GAMMA = 0.45455
_SAME_GAMMA = 0.02  # what rounding and the many names of 2.2 make of it
_GAMMAS = (0.1, 2)
_GRAYS = ("1", "L", "LA", "I", "I;16")
_D65, _C = (0.3127, 0.3290), (0.310, 0.316)
Chromaticities = tuple[tuple[float, float], ...]
"""x and y of red, green, blue and white."""
_SRGB = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65)
_SAME_CHROMATICITY = 0.002
_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_BY_CODE = {
    1: _SRGB,
    2: _SRGB,  # unspecified
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), _C),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), _C),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: (*_P3, (0.314, 0.351)),
    12: (*_P3, _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}
# None is sRGB's curve, also for what was filmed: screens show it about so, and its own curve is that of the camera.
_GAMMA_BY_CODE = {1: None, 2: None, 4: 1 / 2.2, 5: 1 / 2.8, 6: None, 8: 1.0, 13: None, 14: None, 15: None}
HDR = {16: "PQ", 18: "HLG"}
_HEAD_BYTES = 2**20  # where the box is looked for
_MAX_CHUNKS = 1000
_CURVE_SIZE = 1024
_WHITE = (0.9642, 1.0, 0.8249)  # D50
# Bradford's, by which profiles go from one white to another (ICC.1:2022, annex E).
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def unsupported_levels(kind: str) -> str:
    """Return the note on a photo or clip whose levels are of a kind that is not supported."""
    return f"its levels are of {kind}, which is not supported, and were taken for those of sRGB"


def set_profile(image: Image.Image, file: IO[bytes] | None, file_format: str | None) -> tuple[str, ...]:
    """Set the profile in the `info` of an image that isn't decoded yet by the numbers in its file, if they count.

    Returns notes. The file stays at its place; of a PNG without one, only what Pillow has read counts.
    """
    if file_format not in ("PNG", "AVIF", "HEIF"):
        return ()
    info, codes, is_gray = image.info, None, image.mode in _GRAYS
    if file is not None and (file_format == "PNG" or "icc_profile" not in info):
        place = file.tell()
        codes = _chunk(file) if file_format == "PNG" else _box(file)
        file.seek(place)
    notes = ()
    if codes is not None:
        primaries, transfer, is_full_range = codes
        if primaries in _BY_CODE and transfer in _GAMMA_BY_CODE and is_full_range:
            _put(info, _profile_of(_BY_CODE[primaries], _GAMMA_BY_CODE[transfer], is_gray))
            return ()
        if "icc_profile" not in info:
            kind = HDR.get(transfer, f"codes {primaries} and {transfer}" if is_full_range else "a reduced range")
            notes = (unsupported_levels(kind),)
    elif file_format == "PNG" and "icc_profile" not in info and "srgb" not in info:
        _put(info, _profile_of(_chromaticities(info), _gamma(info), is_gray))
    return notes


def _put(info: dict, profile: bytes | None) -> None:
    info.pop("icc_profile", None)
    if profile:
        info["icc_profile"] = profile


def _chunk(file: IO[bytes]) -> tuple[int, int, bool] | None:
    """Return primaries and transfer of a PNG's cICP chunk, and whether its levels have the full range."""
    for size, kind in heads(file, _MAX_CHUNKS):
        if kind == b"IDAT":
            return None
        if kind == b"cICP" and size == 4:
            body = file.read(size)
            return (body[0], body[1], body[3] == 1) if len(body) == size else None
    return None


def _box(file: IO[bytes]) -> tuple[int, int, bool] | None:
    """Return the same of an AVIF or HEIC. Its range is that of luma, which decoders convert."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    place = head.find(b"colrnclx") + 8
    return (*struct.unpack_from(">HH", head, place), True) if 8 <= place <= len(head) - 4 else None


def _gamma(info: Mapping) -> float | None:
    """Return what the gAMA chunk of a PNG says; None if it has none that counts, or that of sRGB."""
    gamma = info.get("gamma")
    return gamma if isinstance(gamma, float) and _GAMMAS[0] <= gamma <= _GAMMAS[1] else None


def _chromaticities(info: Mapping) -> Chromaticities:
    """Return what the cHRM chunk of a PNG says, or the primaries of sRGB if it has none that counts."""
    values = info.get("chromaticity", ())
    if len(values) != 8:
        return _SRGB
    white, *colors = ((values[k], values[k + 1]) for k in range(0, 8, 2))
    found = (*colors, white)
    (x, y), (x2, y2), (x3, y3) = colors
    area = abs((x2 - x) * (y3 - y) - (x3 - x) * (y2 - y)) / 2
    return found if area > 0.01 and white[1] > 0.1 and all(0 <= v <= 1 for pair in found for v in pair) else _SRGB


def _profile_of(chromaticities: Chromaticities, gamma: float | None, is_gray: bool) -> bytes | None:
    """Return a profile of these primaries and this gamma, by default sRGB's curve; None if it would be sRGB."""
    has_srgb_primaries = is_gray or np.abs(np.subtract(chromaticities, _SRGB)).max() < _SAME_CHROMATICITY
    has_srgb_curve = gamma is None or abs(gamma - _SRGB_GAMMA) < _SAME_GAMMA
    if has_srgb_primaries and has_srgb_curve:
        return None
    if gamma is None:
        at = np.linspace(0, 1, _CURVE_SIZE)
        light = np.where(at > 0.04045, ((at + 0.055) / 1.055) ** 2.4, at / 12.92)
        numbers = np.rint(65535 * light).astype(">u2").tobytes()
    else:
        numbers = struct.pack(">H", round(256 / gamma))
    curve = b"curv" + bytes(4) + struct.pack(">I", len(numbers) // 2) + numbers
    if is_gray:
        return _profile(b"GRAY", {b"kTRC": curve})
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    colorants = {name: _xyz(numbers) for name, numbers in zip(names, _colorants(chromaticities).T, strict=True)}
    return _profile(b"RGB ", colorants | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def _colorants(chromaticities: Chromaticities) -> np.ndarray:
    """Return XYZ of red, green and blue under D50, by column."""
    *colors, white = (
        np.array([x / y, 1, (1 - x - y) / y]) if y else np.array([x, y, 1 - x - y]) for x, y in chromaticities
    )
    primaries = np.stack(colors, 1)
    to_xyz = primaries * np.linalg.solve(primaries, white)
    gains = (_CONES @ _WHITE) / (_CONES @ white)
    return np.linalg.inv(_CONES) @ (gains[:, None] * _CONES) @ to_xyz


def _xyz(numbers: tuple[float, ...] | np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * number) for number in numbers))


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Return a profile of version 2.4 (ICC.1:2001)."""
    name = b"Colors of the file\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78),
        b"cprt": b"text" + bytes(5),
        b"wtpt": _xyz(_WHITE),
    } | tags
    table, data, start, places = b"", b"", 128 + 4 + 12 * len(tags), {}
    for tag, content in tags.items():
        if content not in places:
            places[content] = start + len(data)
            data += content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", tag, places[content], len(content))
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_WHITE)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data
