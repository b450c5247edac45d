"""JPEG XL files of any profile, orientation and alpha, which imagecodecs doesn't write, by the libjxl that comes with it."""

import ctypes
import struct

import numpy as np

from colorizer.photos.files.jxl import _library

# Places in JxlBasicInfo, counted in 32 bits.
_WIDTH, _HEIGHT, _BITS, _USES_ORIGINAL_PROFILE, _ORIENTATION = 1, 2, 3, 9, 12
_NUM_COLORS, _NUM_EXTRA, _ALPHA_BITS = 13, 14, 15
_IS_PREMULTIPLIED = 5  # in JxlExtraChannelInfo


def jxl(pixels: np.ndarray, profile: bytes, *, orientation: int = 1, is_premultiplied: bool = False) -> bytes:
    """Return pixels, uint8 (H, W, 3 or 4), as a lossless JPEG XL file."""
    library = _library()
    for name in ("JxlEncoderCreate", "JxlEncoderFrameSettingsCreate"):
        getattr(library, name).restype = ctypes.c_void_p
    encoder = ctypes.c_void_p(library.JxlEncoderCreate(None))
    pixels = np.ascontiguousarray(pixels)
    height, width, channels = pixels.shape
    info = (ctypes.c_uint32 * 64)()
    library.JxlEncoderInitBasicInfo(info)
    info[_WIDTH], info[_HEIGHT], info[_BITS], info[_USES_ORIGINAL_PROFILE] = width, height, 8, 1
    info[_ORIENTATION], info[_NUM_COLORS], info[_NUM_EXTRA] = orientation, 3, channels - 3
    info[_ALPHA_BITS] = 8 * (channels - 3)
    assert library.JxlEncoderSetBasicInfo(encoder, info) == 0
    assert library.JxlEncoderSetICCProfile(encoder, profile, ctypes.c_size_t(len(profile))) == 0
    if channels == 4:
        alpha = (ctypes.c_uint32 * 32)()
        library.JxlEncoderInitExtraChannelInfo(0, alpha)
        alpha[_IS_PREMULTIPLIED] = is_premultiplied
        assert library.JxlEncoderSetExtraChannelInfo(encoder, ctypes.c_size_t(0), alpha) == 0
    settings = ctypes.c_void_p(library.JxlEncoderFrameSettingsCreate(encoder, None))
    assert library.JxlEncoderSetFrameLossless(settings, 1) == 0
    layout = (ctypes.c_uint64 * 3)(channels | 2 << 32)  # of bytes
    assert library.JxlEncoderAddImageFrame(settings, layout, pixels.tobytes(), ctypes.c_size_t(pixels.nbytes)) == 0
    library.JxlEncoderCloseInput(encoder)
    output = ctypes.create_string_buffer(2 * pixels.nbytes + 2**16)
    place, left = ctypes.c_void_p(ctypes.addressof(output)), ctypes.c_size_t(len(output))
    assert library.JxlEncoderProcessOutput(encoder, ctypes.byref(place), ctypes.byref(left)) == 0
    library.JxlEncoderDestroy(encoder)
    return output.raw[: len(output) - left.value]


def in_boxes(codestream: bytes, **boxes: bytes) -> bytes:
    """Return a codestream in a container with other boxes; each name is a box's type, with _ for a space."""
    parts = [(b"JXL ", b"\r\n\x87\n"), (b"ftyp", b"jxl \0\0\0\0jxl ")]
    parts += [(name.replace("_", " ").encode(), body) for name, body in boxes.items()]
    # In two parts, of which the first has the beginning of the header alone, as libjxl writes them.
    parts += [(b"jxlp", bytes(4) + codestream[:5]), (b"jxlp", b"\x80\0\0\1" + codestream[5:])]
    return b"".join(struct.pack(">I4s", 8 + len(body), kind) + body for kind, body in parts)
