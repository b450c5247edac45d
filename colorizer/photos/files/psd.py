"""The flattened picture of a Photoshop file (Adobe Photoshop File Formats Specification), PSD or PSB, of 1, 8 or 16 bits.

Pillow takes a saved selection for transparency, a bitmap for its negative, and a missing picture for a white one.
The picture is flattened onto white paper also where it is transparent, which is undone.
"""

import struct
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

from colorizer.errors import PhotoError
from colorizer.photos.depth import eight_bits
from colorizer.photos.metadata import photoshop

_BITMAP, _GRAY, _INDEXED, _RGB, _CMYK, _DUOTONE, _LAB = 0, 1, 2, 3, 4, 8, 9
_NUM_COLORS = {_BITMAP: 1, _GRAY: 1, _INDEXED: 1, _RGB: 3, _CMYK: 4, _DUOTONE: 1, _LAB: 3}
_BITS = {_BITMAP: (1,), _INDEXED: (8,)}
_PROFILE, _TRANSPARENT_INDEX, _VERSION = 1039, 1047, 1057  # resources
_LAYERS = (b"Lr16", b"Lr32")
_TRANSPARENT = (b"Mtrn", b"Mt16", b"Mt32")
_MAX_BLOCKS = 100
_RAW, _RLE = 0, 1
_ROWS = 64


def read_psd(file: IO[bytes], label: str, max_pixels: int) -> tuple[Image.Image, np.ndarray | None, np.ndarray | None]:
    """Return the picture, with its resources and profile, its gray or RGB in 16 bits, uint16, and its alpha, uint8 (H, W).

    The latter two are None if it has none.

    Raises:
        PhotoError: it has no flattened picture, or one of a kind that can't be read.
        DecompressionBombError: it has more pixels.
        ValueError, struct.error: it is damaged.
    """
    file.seek(0)
    version, num_channels, height, width, bits, mode = struct.unpack(">4xH6xHIIHH", file.read(26))
    if mode not in _NUM_COLORS or bits not in _BITS.get(mode, (8, 16)) or version not in (1, 2):
        raise PhotoError(
            f"{label} is a Photoshop file of mode {mode} and {bits} bits: save it as RGB with 16 or 8 bits."
        )
    if width * height > max_pixels:
        raise Image.DecompressionBombError
    num_colors = _NUM_COLORS[mode]
    if num_channels < num_colors or not width * height:
        raise ValueError("a channel is missing")
    palette = _section(file, 4)
    resources = [(number, b"", content) for number, _, content in photoshop.read_resources(_section(file, 4))]
    values = {number: content for number, _, content in resources}
    has_layers, is_transparent = _read_layers(file, version)
    if has_layers and values.get(_VERSION, b"")[4:5] == b"\0":
        raise PhotoError(f'{label} holds layers and no flattened picture: save it with "maximize compatibility".')
    # Other channels are saved selections and spot colors.
    has_alpha = is_transparent and num_channels > num_colors
    samples = _channels(file, version, (num_channels, height, width), num_colors + has_alpha, bits)
    alpha = None
    if has_alpha:
        _take_off_paper(samples, mode)
        alpha = eight_bits(samples[..., -1]) if samples.dtype == np.uint16 else samples[..., -1].copy()
        samples = samples[..., :-1]
    elif mode == _INDEXED and _TRANSPARENT_INDEX in values:
        is_clear = samples[..., 0] == int.from_bytes(values[_TRANSPARENT_INDEX][:2])
        alpha = np.where(is_clear, np.uint8(0), np.uint8(255))
    image, wide = _to_image(samples, mode, palette)
    image.format, image.resources = "PSD", resources
    if _PROFILE in values:
        image.info["icc_profile"] = values[_PROFILE]
    return image, wide, alpha


def _take_off_paper(samples: np.ndarray, mode: int) -> None:
    """Undo the blending of colors with white by alpha, the last of the samples (H, W, colors and alpha), in place."""
    full = np.iinfo(samples.dtype).max
    white = np.array([full, (full + 1) // 2, (full + 1) // 2] if mode == _LAB else full, np.float64)
    for top in range(0, len(samples), _ROWS):
        rows = samples[top : top + _ROWS]
        is_blended = (rows[..., -1] > 0) & (rows[..., -1] < full)
        blended = rows[is_blended].astype(np.float64)
        colors = white + (blended[:, :-1] - white) * (full / blended[:, -1:])
        rows[is_blended, :-1] = np.rint(colors).clip(0, full)


def _to_image(samples: np.ndarray, mode: int, palette: bytes) -> tuple[Image.Image, np.ndarray | None]:
    """Convert samples, uint8 or uint16 (H, W, colors), to an image and its samples of 16 bits."""
    wide = None
    if samples.dtype == np.uint16:
        if mode in (_GRAY, _DUOTONE):
            wide = np.ascontiguousarray(samples[..., 0])
        elif mode == _RGB:
            wide = np.ascontiguousarray(samples)
        samples = eight_bits(samples)
    if mode == _INDEXED:
        colors = np.frombuffer(palette, np.uint8)
        if colors.size != 768:
            raise ValueError("its palette is cut off")
        samples = colors.reshape(3, 256).T[samples[..., 0]]
    elif mode == _CMYK:
        samples = 255 - samples
    elif mode == _LAB:
        samples = samples ^ np.array([0, 128, 128], np.uint8)  # Pillow's a and b are signed
    size = samples.shape[1::-1]
    name = {_CMYK: "CMYK", _LAB: "LAB"}.get(mode) or {1: "L", 3: "RGB"}[samples.shape[2]]
    return Image.frombytes(name, size, np.ascontiguousarray(samples).tobytes()), wide


def _channels(file: IO[bytes], version: int, shape: tuple[int, int, int], wanted: int, bits: int) -> np.ndarray:
    """Return the first channels of the picture, uint8 or native uint16 (H, W, wanted)."""
    num_channels, height, width = shape
    row = (width * bits + 7) // 8
    (compression,) = struct.unpack(">H", file.read(2))
    if compression == _RAW:
        content = file.read(wanted * height * row)
    elif compression == _RLE:
        kind = np.dtype(">u2" if version == 1 else ">u4")
        counts = np.frombuffer(file.read(num_channels * height * kind.itemsize), kind)
        packed = file.read(int(counts[: wanted * height].sum(dtype=np.int64)))
        content = Image.frombytes("L", (row, wanted * height), packed, "packbits", "L").tobytes()
    else:
        raise ValueError(f"its compression is {compression}")
    if len(content) < wanted * height * row:
        raise ValueError("its end is missing")
    if bits == 1:
        rows = np.unpackbits(np.frombuffer(content, np.uint8).reshape(height, row), axis=1)[:, :width]
        return ((1 - rows) * np.uint8(255))[..., None]  # 1 is black
    planes = np.frombuffer(content, ">u2" if bits == 16 else np.uint8).reshape(wanted, height, width)
    return np.ascontiguousarray(planes.transpose(1, 2, 0), np.uint16 if bits == 16 else np.uint8)


def _read_layers(file: IO[bytes], version: int) -> tuple[bool, bool]:
    """Return whether there are layers, and whether the first further channel of the picture is its transparency."""
    size = 4 * version
    end = int.from_bytes(file.read(size)) + file.tell()
    count, is_transparent = 0, False
    if end > file.tell() and (length := int.from_bytes(file.read(size))):
        start = file.tell()
        count = int.from_bytes(file.read(2), signed=True)
        file.seek(start + length)
    # The layers of more bits are in a block of their own, after the mask.
    if file.tell() + 4 < end:
        file.seek(int.from_bytes(file.read(4)), 1)
        for kind, start in _blocks(file, version, end):
            is_transparent |= kind in _TRANSPARENT
            if kind in _LAYERS:
                file.seek(start)
                count = int.from_bytes(file.read(2), signed=True)
    file.seek(end)
    return count != 0, is_transparent or count < 0


def _blocks(file: IO[bytes], version: int, end: int) -> Iterator[tuple[bytes, int]]:
    """Yield the kind and place of the blocks after the mask."""
    for _ in range(_MAX_BLOCKS):
        head = file.read(8)
        if file.tell() >= end or head[:4] not in (b"8BIM", b"8B64"):
            return
        is_large = version == 2 and head[4:] in (*_LAYERS, *_TRANSPARENT, b"Layr", b"Alph", b"LMsk", b"FMsk", b"cinf")
        length = int.from_bytes(file.read(8 if is_large else 4))
        start = file.tell()
        yield head[4:], start
        file.seek(start + length + -length % 4)


def _section(file: IO[bytes], size: int) -> bytes:
    return file.read(int.from_bytes(file.read(size)))
