"""AVIF and JPEG 2000 of more than 8 bits, for the process that decodes.

Pillow decodes them to 8, and in a JPEG 2000 takes white for black: it rounds 255.5 to 256, which is 0 in 8 bits.
"""

from typing import IO

import numpy as np
from PIL import Image

from colorizer.photos.depth import eight_bits, in_full_range
from colorizer.photos.files.decoder_bounds import Bounds, Refused
from colorizer.photos.metadata.jp2_boxes import without_profile

FORMATS = ("AVIF", "JPEG2000")

_HEAD_BYTES = 2**20  # where a header is looked for
_CODESTREAM = b"\xff\x4f\xff\x51"  # of JPEG 2000: its start, and the marker of its size
_CHANNELS = {"L": 1, "I;16": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_MEAN_DIFFERENCE = 2  # levels to Pillow's picture; colors of another space have many more


def is_deep(file: IO[bytes]) -> bool:
    """Return True for a file of these formats, from its start on, of more than 8 bits. The file stays at its place."""
    start = file.tell()
    head = file.read(12)
    file.seek(start)
    if head.startswith(_CODESTREAM) or head == b"\0\0\0\x0cjP  \r\n\x87\n":
        return bits_of(file, "JPEG2000") > 8
    return head[4:8] == b"ftyp" and bits_of(file, "AVIF") > 8


def bits_of(file: IO[bytes], file_format: str) -> int:
    """Return the bits of a sample by the header, 8 where there is none. The file stays at its place."""
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(place)
    if file_format == "AVIF":
        place = head.find(b"av1C")
        flags = head[place + 6] if 0 <= place < len(head) - 6 else 0
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    place = head.find(_CODESTREAM)
    if place < 0:
        return 8
    count = int.from_bytes(head[place + 40 : place + 42])
    # The highest bit is set for signed samples.
    return max(((size & 0x7F) + 1 for size in head[place + 42 : place + 42 + 3 * count : 3]), default=8)


def in_all_levels(image: Image.Image, file: IO[bytes]) -> Image.Image:
    """Return a decoded JPEG 2000 of fewer than 8 bits with white as 255: Pillow only shifts its values up."""
    bits = bits_of(file, "JPEG2000")
    if bits >= 8:
        return image
    table = [round((level >> (8 - bits)) * 255 / (2**bits - 1)) for level in range(256)]
    return image.point(table * len(image.getbands()))


def read_deep(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode a file of more than 8 bits as it lies there, not turned; `info` has its gray or RGB in 16 bits as "wide"."""
    import imagecodecs

    image = Image.open(file, formats=FORMATS)
    bounds.check(*image.size)
    image.load()
    bits = bits_of(file, image.format)
    file.seek(0)
    num_channels = _CHANNELS.get(image.mode)
    if image.format == "AVIF":
        pixels = imagecodecs.avif_decode(file.read(), index=0, numthreads=1)
    else:
        is_gray = num_channels is not None and num_channels < 3
        pixels = imagecodecs.jpeg2k_decode(without_profile(file.read(), is_gray), numthreads=1)
    if pixels.dtype != np.uint16 or pixels.shape[1::-1] != image.size or num_channels is None:
        raise Refused(f"has {bits} bits in a layout of samples that can't be read: save it as RGB or gray first")
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] < 3 <= num_channels:  # an AVIF without chroma
        pixels = np.dstack([pixels[..., :1]] * 3 + [pixels[..., 1:]])
    samples = in_full_range(pixels[..., :num_channels], 2**bits - 1, np.uint16)
    levels = eight_bits(samples)
    if image.mode != "I;16":
        # As 8 bits, since 0 and 255 are neighbors there.
        steps = (levels.reshape(image.height, image.width, -1) - np.asarray(image).reshape(*levels.shape)).view(np.int8)
        if np.abs(steps.astype(np.int16)).mean() > _MEAN_DIFFERENCE:
            raise Refused(f"has {bits} bits and colors of a space that is converted in 8 only: save it as RGB first")
    mode = "L" if image.mode == "I;16" else image.mode
    result = Image.frombytes(mode, image.size, levels.tobytes())
    result.info["wide"] = np.ascontiguousarray(samples[..., 0] if num_channels < 3 else samples[..., :3])
    return result
