"""JPEG XL, for the process that decodes.

imagecodecs decodes the pixels, but tells neither their profile nor how many bits they have. The libjxl that comes with it does.
"""

import ctypes
import ctypes.util
import io
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from colorizer.photos.depth import eight_bits, in_full_range
from colorizer.photos.files.decoder_bounds import Bounds, Refused
from colorizer.photos.files.jxl_size import boxes, jxl_size
from colorizer.photos.metadata.embedded import MAX_XMP_BYTES, upright_xmp
from colorizer.photos.metadata.exif import MAX_BYTES, ORIENTATION, with_tags

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}
# Of libjxl's decode.h: events, the profile of the decoded pixels, and places in JxlBasicInfo, counted in 32 bits.
_BASIC_INFO, _COLOR_ENCODING, _FRAME, _OF_DATA = 0x40, 0x100, 0x400, 1
_MAX_FRAMES = 10_000  # that are counted
_INFO_SIZE, _BITS, _IS_PREMULTIPLIED = 64, 3, 17


def read_jxl(file: IO[bytes], page: int, bounds: Bounds) -> Image.Image:
    """Decode a JPEG XL file, the first frame of an animation.

    `info` has what its boxes hold, 16 bits as "wide", and how many pictures the file has.
    """
    import imagecodecs

    content = file.read()
    bounds.check(*jxl_size(content))
    info = _metadata(content)
    if info.pop("jbrd", None):  # a JPEG, packed without loss
        image = Image.open(io.BytesIO(imagecodecs.jpegxl_decode_jpeg(content)), formats=("JPEG",))
        image.load()
        return image
    bits, is_premultiplied, profile, num_frames = _header(content)
    pixels = imagecodecs.jpegxl_decode(content, index=0, numthreads=1)
    if profile[16:20] not in (b"GRAY", b"RGB ") or pixels.shape[2:] not in ((), *((n,) for n in _MODES)):
        raise Refused("is a JPEG XL photo of other colors than gray and RGB: save it as RGB first")
    pixels = _full_range(pixels, bits)
    mode = _MODES[1 if pixels.ndim == 2 else pixels.shape[2]]
    if pixels.dtype == np.uint16:
        if not is_premultiplied:
            info["wide"] = np.ascontiguousarray({"L": pixels, "LA": pixels[..., 0]}.get(mode, pixels[..., :3]))
        pixels = eight_bits(pixels)
    mode = _PREMULTIPLIED.get(mode, mode) if is_premultiplied else mode
    image = Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    image.info |= info | {"icc_profile": profile, "num_pictures": num_frames}
    return image


def _metadata(content: bytes) -> dict[str, bytes]:
    """Return the EXIF block and XMP packet as Pillow names them, and "jbrd" if the file holds a JPEG."""
    names, info = {b"Exif": "exif", b"xml ": "xmp", b"jbrd": "jbrd"}, {}
    for kind, body in boxes(content):
        is_packed = kind == b"brob"
        kind, body = (body[:4], body[4:]) if is_packed else (kind, body)
        if (name := names.get(kind)) and name not in info:
            info[name] = _unpacked(body, MAX_XMP_BYTES if name == "xmp" else MAX_BYTES) if is_packed else body
    # The pixels are upright already.
    if packet := info.get("xmp"):
        info["xmp"] = upright_xmp(packet)
    if block := info.pop("exif", None):
        try:
            # It follows the place of its header.
            info["exif"] = with_tags(block[4 + int.from_bytes(block[:4]) :], {ORIENTATION: None})
        except ValueError:
            info["exif"] = b"damaged"  # which is said later
    return info


def _unpacked(body: bytes, limit: int) -> bytes:
    """Return the content of a packed box; one that is damaged or larger than `limit` is found damaged later."""
    import imagecodecs

    try:
        return imagecodecs.brotli_decode(body, out=limit)
    except imagecodecs.BrotliError:
        return b"damaged"


def _full_range(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Return samples of so many bits, or floats of 0…1, as uint8 or uint16 whose largest value is white."""
    is_float = pixels.dtype.kind == "f"
    if is_float and not np.isfinite(pixels).all():
        raise Refused("is a JPEG XL photo with values that are not finite (NaN or infinity)")
    kind = np.uint8 if pixels.dtype == np.uint8 else np.uint16
    return in_full_range(pixels, 1 if is_float else 2**bits - 1, kind)


def _header(content: bytes) -> tuple[int, bool, bytes, int]:
    """Return the number of bits, whether colors are premultiplied by alpha, the profile of the pixels, and how many frames."""
    library = _library()
    decoder = ctypes.c_void_p(library.JxlDecoderCreate(None))
    info, size = (ctypes.c_uint32 * _INFO_SIZE)(), ctypes.c_size_t()

    def call(name: str, *arguments: object, expected: int = 0) -> None:
        if getattr(library, name)(decoder, *arguments) != expected:
            raise ValueError(f"{name} failed")

    try:
        call("JxlDecoderSubscribeEvents", _BASIC_INFO | _COLOR_ENCODING | _FRAME)
        call("JxlDecoderSetInput", content, ctypes.c_size_t(len(content)))
        call("JxlDecoderProcessInput", expected=_BASIC_INFO)
        call("JxlDecoderGetBasicInfo", info)
        call("JxlDecoderProcessInput", expected=_COLOR_ENCODING)
        call("JxlDecoderGetICCProfileSize", _OF_DATA, ctypes.byref(size))
        profile = ctypes.create_string_buffer(size.value)
        call("JxlDecoderGetColorAsICCProfile", _OF_DATA, profile, size)
        num_frames = 0
        while num_frames < _MAX_FRAMES and library.JxlDecoderProcessInput(decoder) == _FRAME:
            num_frames += 1
    finally:
        library.JxlDecoderDestroy(decoder)
    return info[_BITS], bool(info[_IS_PREMULTIPLIED]), profile.raw, num_frames


def _library() -> ctypes.CDLL:
    import imagecodecs

    imagecodecs.jpegxl_version()  # loads what libjxl needs
    folder = Path(imagecodecs.__file__).parent
    # Where wheels for Linux and macOS have it; other installations have the system's.
    own = [*folder.parent.glob("imagecodecs.libs/libjxl[-.]*"), *folder.glob(".dylibs/libjxl.*")]
    path = str(own[0]) if own else ctypes.util.find_library("jxl")
    if path is None:
        raise Refused("is a JPEG XL photo, which needs a shared library libjxl on this system: save it as PNG first")
    library = ctypes.CDLL(path)
    library.JxlDecoderCreate.restype = ctypes.c_void_p
    return library
