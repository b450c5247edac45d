"""TIFFs of every layout of samples, and the levels that they hold."""

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tifffile

HEIGHT, WIDTH = 6, 40
TYPES = ("u1", "u2", "u4", "i1", "i2", "i4", "f2", "f4", "f8")
ALPHA = (None, "unassalpha", "assocalpha", "unspecified")


@dataclass(frozen=True)
class Kind:
    """A TIFF, its levels of 0…255, (H, W, 1 or 3), and its alpha, (H, W) or None."""

    name: str
    content: bytes
    levels: np.ndarray
    alpha: np.ndarray | None = None


def ramps(channels: int) -> np.ndarray:
    """Return ramps from 0 to 1, different per channel, the lower rows at half of it: (H, W, channels)."""
    ramp = np.linspace(0, 1, WIDTH)
    values = np.stack([np.roll(ramp, 7 * channel) for channel in range(channels)], 1)[None].repeat(HEIGHT, 0)
    values[HEIGHT // 2 :] /= 2
    return values


def white(dtype: str) -> float:
    return 1.0 if dtype[0] == "f" else float(np.iinfo(dtype).max)


def quantize(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values of 0…1 as samples of this type, of which negative ones aren't used."""
    return values.astype(dtype) if dtype[0] == "f" else np.rint(values * white(dtype)).astype(dtype)


def write(samples: np.ndarray, planar: bool = False, **options: object) -> bytes:
    """Return the TIFF of samples (H, W, C)."""
    if samples.shape[2] == 1:
        samples = samples[..., 0]
    else:
        options["planarconfig"] = "separate" if planar else "contig"
        samples = np.ascontiguousarray(samples.transpose(2, 0, 1)) if planar else samples
    file = io.BytesIO()
    tifffile.imwrite(file, samples, **options)
    return file.getvalue()


def kinds() -> Iterator[Kind]:
    """Yield byte order × photometric × type × planes × alpha, except what the specification leaves open."""
    for order, photometric, dtype, planar, alpha in itertools.product(
        "<>", ("minisblack", "miniswhite", "rgb"), TYPES, (False, True), ALPHA
    ):
        channels = 3 if photometric == "rgb" else 1
        if channels == 1 and alpha is None and planar:
            continue
        values, opacity = ramps(channels), np.linspace(0.25, 1, HEIGHT)[:, None, None].repeat(WIDTH, 1)
        stored = 1 - values if photometric == "miniswhite" else values
        samples = quantize(stored * opacity if alpha == "assocalpha" else stored, dtype)
        levels = samples / white(dtype)
        if alpha:
            fourth = quantize(opacity, dtype)
            samples = np.concatenate([samples, fourth], 2)
            levels = levels / (fourth / white(dtype)) if alpha == "assocalpha" else levels
        levels = 1 - levels if photometric == "miniswhite" else levels
        options = {"extrasamples": [alpha]} if alpha else {}
        content = write(samples, planar, photometric=photometric, byteorder=order, **options)
        is_alpha = alpha in ("unassalpha", "assocalpha")
        yield Kind(
            f"{order} {photometric} {dtype} {'planes' if planar else 'pixels'} {alpha}",
            content,
            np.clip(levels * 255, 0, 255),
            opacity[..., 0] * 255 if is_alpha else None,
        )


def pack(values: np.ndarray, bits: int) -> bytes:
    """Return rows of whole numbers, packed with this many bits each, every row to whole bytes."""
    digits = (values[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(digits.reshape(len(values), -1).astype(np.uint8), axis=1).tobytes()


def packed(bits: int, **tags: int) -> Kind:
    """Return the TIFF of a packed gray ramp, as tags that tifffile doesn't write by itself."""
    values = np.rint(ramps(1)[..., 0] * (2**bits - 1)).astype(np.int64)
    data = pack(values, bits)
    entries = [
        (256, 3, 1, WIDTH),
        (257, 3, 1, HEIGHT),
        (258, 3, 1, bits),
        (259, 3, 1, 1),
        (262, 3, 1, tags.get("kind", 1)),
    ]
    entries += [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, HEIGHT), (279, 4, 1, len(data))]
    directory = len(entries).to_bytes(2, "little") + b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in entries
    )
    data += b"\0" * (len(data) % 2)
    content = b"II*\0" + (8 + len(data)).to_bytes(4, "little") + data + directory + bytes(4)
    levels = values[..., None] / (2**bits - 1) * 255
    return Kind(f"packed {bits}", content, 255 - levels if tags.get("kind") == 0 else levels)
