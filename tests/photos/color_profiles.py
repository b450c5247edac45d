"""Color profiles as scanners, cameras and Photoshop embed them, built by struct."""

import struct

import numpy as np

# Colorants in XYZ under D50, by row, and the exponent of the curve.
ADOBE_RGB = (((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 2.19921875)
PROPHOTO = (((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)), 1.8)
DISPLAY_P3 = (((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), 2.2)
# Of old Macs: a part of sRGB's colors lies outside.
COLOR_MATCH = (((0.50933, 0.27488, 0.02433), (0.32087, 0.65818, 0.10878), (0.13400, 0.06694, 0.69179)), 1.8)


def curve(values: float | np.ndarray) -> bytes:
    """An exponent, or the samples of a curve in 0…1."""
    if isinstance(values, np.ndarray):
        return b"curv" + bytes(4) + struct.pack(">I", len(values)) + np.rint(65535 * values).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * values))


def parametric(kind: int, *numbers: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(fixed(number) for number in numbers)


def fixed(number: float) -> bytes:
    return struct.pack(">i", round(65536 * number))


def xyz(*numbers: float) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(fixed(number) for number in numbers)


def profile(space: bytes, tags: dict[bytes, bytes], *, kind: bytes = b"mntr", pcs: bytes = b"XYZ ") -> bytes:
    """The content of a profile of version 2.4."""
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78),
        b"cprt": b"text" + bytes(5),
    } | tags
    tags[b"wtpt"] = xyz(0.9642, 1, 0.8249)
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), bytes(4), 0x02400000, kind, space, pcs)
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + xyz(0.9642, 1, 0.8249)[8:]
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def rgb(colorants: tuple[tuple[float, ...], ...], curves: float | bytes, **more: bytes) -> bytes:
    """An RGB profile of three colorants and one curve."""
    tags = {name: xyz(*colorant) for name, colorant in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    tone = curves if isinstance(curves, bytes) else curve(curves)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone)
    return profile(b"RGB ", tags | {name.encode(): content for name, content in more.items()})


def gray(values: float | np.ndarray, pcs: bytes = b"XYZ ") -> bytes:
    return profile(b"GRAY", {b"kTRC": curve(values)}, pcs=pcs)


def table(space: bytes, lab: np.ndarray) -> bytes:
    """A profile by a table of CIE Lab, (2, …, 2, 3), at the corners of its space."""
    channels = lab.ndim - 1
    encoded = np.rint((lab + np.array([0, 128, 128])) * (2.55, 1, 1)).clip(0, 255).astype(np.uint8)
    ramp = bytes(range(256))
    matrix = b"".join(fixed(number) for number in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    lut = b"mft1" + bytes(4) + bytes([channels, 3, 2, 0]) + matrix + ramp * channels + encoded.tobytes() + ramp * 3
    return profile(space, {b"A2B0": lut}, kind=b"prtr", pcs=b"Lab ")
