"""Convert any pixel format to gray or RGB, of 8 or 16 bits, and alpha."""

import numpy as np
import torch
from PIL import Image, ImageCms
from torch import Tensor

from colorizer.errors import PhotoError
from colorizer.photos.depth import eight_bits
from colorizer.photos.profiles import through_profile, to_srgb

_GRAY_STEPS = {"L;2": 85, "L;4": 17}
_WHITE = {"I": 65535, "F": 1}  # of files
_GRAY_MODES = ("1", "L", "LA", "La")
_STRIP_PIXELS = 2**20
_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


def image_to_samples(
    image: Image.Image, name: str, wide: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None, bytes | None, tuple[str, ...]]:
    """Convert a loaded image, whose gray or colors in 16 bits are `wide`, uint16 (H, W) or (H, W, 3), if it has such.

    Returns samples as in `Photo`, alpha uint8 (H, W) or None, ICC profile or None, and notes. An image with an RGB profile of a
    matrix and curves keeps its samples, and the profile is returned; any other is used for the conversion to sRGB and dropped,
    since colors can't be made in it. Raises PhotoError for values that can't be placed between black and white.
    """
    profile, alpha = image.info.get("icc_profile") or None, None
    if image.mode in _WIDE_MODES:
        values, transparent = _wide_values(image), image.info.get("transparency")
        if isinstance(transparent, int):
            alpha = np.where(values == transparent, np.uint8(0), np.uint8(255))
        if wide is None:
            # Formats that define white; a TIFF opened by someone else does not.
            white = _WHITE.get(image.mode) if image.format not in (None, "TIFF") else None
            levels = values if values.dtype == np.uint16 else _levels(values, name, white)
            wide, image = (levels, image) if levels.dtype == np.uint16 else (None, Image.fromarray(levels))
    elif image.has_transparency_data:
        alpha = to_array(image, "A")
    if image.mode == "LAB":
        profile, image = None, to_srgb(image, ImageCms.createProfile("LAB"))
        if image is None:
            raise PhotoError(f"{name} has Lab colors that could not be converted to RGB: save it as RGB first.")
    if wide is not None:
        samples, profile, notes = through_profile(wide, profile)
        return samples, alpha, profile, notes
    mode = "L" if image.mode in _GRAY_MODES else "CMYK" if image.mode == "CMYK" and profile else "RGB"
    samples, profile, notes = through_profile(to_array(image, mode), profile)
    return samples, alpha, profile, notes


def _wide_values(image: Image.Image) -> np.ndarray:
    """Return the values of an image of a wide mode, (H, W): uint16, int32 or float32. A whole one, Pillow copies twice."""
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    kind = np.asarray(image.crop((0, 0, 1, 1))).dtype.newbyteorder("=")
    values = np.empty((height, width), kind)
    for top in range(0, height, step):
        values[top : top + step] = image.crop((0, top, width, min(top + step, height)))
    return values


def to_array(image: Image.Image, mode: str) -> np.ndarray:
    """Convert an image to a mode, or to its alpha ("A"), as uint8 (H, W) or (H, W, C).

    Strip by strip: of a whole image, Pillow makes three copies on the way to an array.
    """
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    array = np.empty((height, width, len(mode)) if len(mode) > 1 else (height, width), np.uint8)
    for top in range(0, height, step):
        strip = image.crop((0, top, width, min(top + step, height)))
        if strip.has_transparency_data:
            strip = to_rgba(strip)
        array[top : top + step] = np.asarray(strip.getchannel("A") if mode == "A" else strip.convert(mode))
    return array


def to_rgba(image: Image.Image) -> Image.Image:
    """Convert an image with any kind of transparency to RGBA."""
    # Premultiplied colors must be divided by alpha first; Pillow converts only one step at a time.
    return image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")


def scale_transparency(image: Image.Image) -> None:
    """Bring the transparent color of a PNG that is not loaded yet to the 8 bits to which Pillow brings its pixels."""
    value, layout = image.info.get("transparency"), getattr(image, "tile", None)
    layout = layout[0].args if layout else None
    if layout in _GRAY_STEPS and isinstance(value, int):
        image.info["transparency"] = value * _GRAY_STEPS[layout]
    elif layout == "RGB;16B" and isinstance(value, tuple):
        image.info["transparency"] = tuple(part >> 8 for part in value)


def array_to_samples(array: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert an array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) to samples as in `Photo` and alpha uint8 (H, W) or None.

    uint8 and uint16 use their full range, bool is black and white, float is 0…1. Raises PhotoError for anything else.
    """
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise PhotoError(
            f"{name} has the shape {array.shape}: expected (height, width), or (height, width, 1, 3 or 4). "
            "Pass several photos as a list."
        )
    if array.size == 0:
        raise PhotoError(f"{name} has no pixels: its shape is {array.shape}.")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise PhotoError(f"{name} has values that are not finite (NaN or infinity).")
        if array.min() < -1e-3 or array.max() > 1.001:
            raise PhotoError(
                f"{name} has floats from {array.min():g} to {array.max():g}: expected 0 to 1. "
                "Divide by 255, or pass uint8."
            )
        array = _scale(array, 1)
    elif array.dtype not in (np.uint8, np.uint16):
        raise PhotoError(f"{name} is of type {array.dtype}: expected uint8, uint16, bool, or float from 0 to 1.")
    is_deep, alpha = array.dtype == np.uint16, None
    if array.shape[2] == 4:
        alpha = eight_bits(array[..., 3]) if is_deep else np.array(array[..., 3], order="C")
    if array.shape[2] > 1:
        return np.array(array[..., :3], order="C"), alpha
    return np.array(array[..., 0], order="C"), alpha


def tensor_to_samples(tensor: Tensor, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert a tensor (C, H, W) or (1, C, H, W), C of 1, 3 or 4, uint8 or float 0…1, as `array_to_samples` does."""
    if tensor.ndim == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3, 4):
        raise PhotoError(
            f"{name} has the shape {tuple(tensor.shape)}: expected (1, 3 or 4, height, width) or a batch of one. "
            "Pass several photos as a list."
        )
    if tensor.is_meta:
        raise PhotoError(f"{name} is on the meta device and has no values.")
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(torch.float32)
    elif tensor.dtype not in (torch.uint8, torch.bool):
        raise PhotoError(f"{name} is of type {tensor.dtype}: expected torch.uint8, or float from 0 to 1.")
    return array_to_samples(tensor.permute(1, 2, 0).numpy(), name)


def _scale(values: np.ndarray, full: float) -> np.ndarray:
    """Scale values from 0 to `full` to uint8, 64 rows at a time to avoid a float copy of the whole photo."""
    levels = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), 64):
        rows = values[top : top + 64].astype(np.float32) * np.float32(255 / full)
        levels[top : top + 64] = np.rint(rows).clip(0, 255)
    return levels


def _levels(values: np.ndarray, name: str, white: float | None) -> np.ndarray:
    """Convert gray of int32 or float32 to uint8 or uint16. Their modes don't define white: without it, the range decides."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise PhotoError(f"{name} has values that are not finite (NaN or infinity).")
    low, high = values.min(), values.max()
    if low < 0 or high > (1.1 if white == 1 else 65535):
        expected = "0 to 1" if white == 1 else "8 or 16 bits"
        raise PhotoError(f"{name} has gray values from {low:g} to {high:g}: expected {expected}. Convert it first.")
    if values.dtype.kind == "f":
        return _scale(values, white or (1 if high <= 1 else 255 if high <= 255 else 65535))
    return _scale(values, 255) if white is None and high <= 255 else values.astype(np.uint16)
