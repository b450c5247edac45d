"""Lightness of 8-bit photos by lookup tables, tile by tile: used by `compute_lightness` and `merging.merge_colors`."""

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.errors import PhotoError
from colorizer.photos.color import DELTA, RGB_TO_XYZ, WHITE
from colorizer.photos.depth import eight_bits
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import LEVELS, RgbProfile, photo_profile, srgb_decoded, srgb_encoded

ROOT = 3**0.5 * DELTA  # unit of cube roots, in which Lab's line near black has the slope 1
BLACK = 4 / 29 / ROOT  # the root of 0
EDGE = 10  # 65535ths by which light may leave sRGB and counts as inside: half a level at black, less elsewhere
_BAND = 2**22  # pixels
_MAX_WIDENED = 2**26  # pixels to which a photo may grow while only its width is resized
TILE = 49152  # pixels: few enough for the cache, and enough that threads make few calls and seldom wait for each other


def compute_lightness(photo: Photo | np.ndarray, size: tuple[int, int]) -> Tensor:
    """Compute CIE L, 0…100, of a photo, seen through its profile, or of sRGB pixels, uint8 (H, W, 3).

    Returns float32, (1, h, w), resized with antialiasing to `size` = (h, w). Raises PhotoError for pixels of another shape or
    type.
    """
    pixels = measured_samples(photo)
    luminance, scratch = Luminance(pixels, tables(photo_profile(photo))), Scratch()
    height, width = pixels.shape[:2]
    # The width of a large scan is reduced a few rows at a time.
    step = max(1, _BAND // width) if size[1] < width else height
    parts = []
    for top in range(0, height, step):
        rows = np.empty((1, 1, min(step, height - top), width), np.float32)
        for down, across in tiles(*rows.shape[2:]):
            luminance(slice(top + down.start, top + down.stop), across, scratch, rows[0, 0, down, across])
        part = torch.from_numpy(rows)
        if step < height:
            part = functional.interpolate(part, (part.shape[2], size[1]), mode="bilinear", antialias=True)
        parts.append(part)
    lightness = parts[0] if len(parts) == 1 else torch.cat(parts, 2)
    if size != lightness.shape[2:]:
        # L is linear in the cube root, so it can be computed after resizing, on fewer pixels.
        if height * size[1] > max(lightness.numel(), _MAX_WIDENED):
            # The width is resized first below: a photo of one column and millions of rows would grow before it shrinks.
            lightness = functional.interpolate(lightness, (size[0], width), mode="bilinear", antialias=True)
        lightness = functional.interpolate(lightness, size, mode="bilinear", antialias=True)
    return (lightness[0] * (116 * ROOT) - 16).clamp_(0, 100)


def measured_samples(photo: Photo | np.ndarray) -> np.ndarray:
    """Return the samples whose lightness counts: a photo's own, or sRGB pixels as a contiguous array.

    Raises PhotoError unless such pixels, and the samples of a photo of 8 bits in RGB, are uint8, (H, W, 3).
    """
    if isinstance(photo, Photo) and (photo.deep is not None or photo.samples.ndim == 2):
        return photo.samples
    pixels = np.ascontiguousarray(photo.samples if isinstance(photo, Photo) else photo)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise PhotoError(f"expected pixels as uint8, (height, width, 3), got {pixels.dtype}, {pixels.shape}")
    return pixels


def tiles(height: int, width: int, size: int = TILE) -> list[tuple[slice, slice]]:
    """Return windows of up to `size` pixels that cover a photo: whole rows, or parts of a row longer than that."""
    tile_width = min(width, size)
    tile_height = max(1, size // tile_width)
    return [
        (slice(top, min(top + tile_height, height)), slice(left, min(left + tile_width, width)))
        for top in range(0, height, tile_height)
        for left in range(0, width, tile_width)
    ]


class Scratch:
    """Arrays of one thread, reused from tile to tile: new ones would cost more in page faults than the arithmetic."""

    def __init__(self):
        self._arrays: dict[str, np.ndarray] = {}
        self._views: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        view = self._views.get((name, shape))
        if view is None:
            size = math.prod(shape)
            if name not in self._arrays or self._arrays[name].size < size:
                self._views = {key: view for key, view in self._views.items() if key[0] != name}
                self._arrays[name] = np.empty(size, dtype)
            view = self._views[name, shape] = self._arrays[name][:size].reshape(shape)
        return view


class Luminance:
    """CIE Y of a photo's samples, of which those of 16 bits are rounded to 8, and its cube root."""

    def __init__(self, pixels: np.ndarray, curves: "Tables"):
        self.pixels, self.curves = pixels, curves
        few = pixels[:: max(1, len(pixels) // 32), :: max(1, pixels.shape[1] // 32)]
        self.may_be_gray = pixels.ndim == 3 and bool((few[..., 1:] == few[..., :1]).all())
        self.is_deep = pixels.dtype == np.uint16
        self.green_blue = _green_blue(pixels) if pixels.ndim == 3 and not self.is_deep else None

    def __call__(
        self, down: slice, across: slice, scratch: Scratch, root: np.ndarray, luminance: np.ndarray | None = None
    ) -> None:
        """Compute the cube root of Y of one window into `root`, and Y itself, in 65535ths, into `luminance`, float32 (h, w)."""
        curves, window = self.curves, self.pixels[down, across]
        if self.is_deep:
            window = eight_bits(window)
        index = scratch("index", root.shape, np.intp)
        is_gray = window.ndim == 2
        np.copyto(index, window if is_gray else window[..., 0])
        if is_gray or (self.may_be_gray and _is_gray(window, scratch)):
            curves.gray_root.take(index, out=root, mode="clip")
            if luminance is not None:
                curves.gray.take(index, out=luminance, mode="clip")
            return
        count, term = (scratch(name, root.shape, np.uint16) for name in ("count", "term"))
        curves.red.take(index, out=count, mode="clip")
        np.copyto(index, _green_blue(window) if self.is_deep else self.green_blue[down, across])
        count += curves.green_blue.take(index, out=term, mode="clip")
        np.copyto(index, count)
        curves.root.take(index, out=root, mode="clip")
        if luminance is not None:
            np.copyto(luminance, count)


def _green_blue(pixels: np.ndarray) -> np.ndarray:
    """Return green and blue of uint8 (H, W, 3), contiguous, as one 16-bit number: two lookups per pixel instead of three."""
    return np.ndarray(pixels.shape[:2], "<u2", pixels, offset=1, strides=pixels.strides[:2])


def _is_gray(window: np.ndarray, scratch: Scratch) -> bool:
    """Return True if all pixels of uint8 (h, w, 3), contiguous, have three equal levels, as in a black-and-white photo."""
    levels = window.reshape(-1)
    steps = scratch("steps", levels.shape, np.uint8)
    np.bitwise_xor(levels[1:], levels[:-1], out=steps[:-1])
    steps[2::3] = 0  # from one pixel to the next
    return steps.max() == 0


def lab_root(ratio: np.ndarray) -> np.ndarray:
    """Return what CIE Lab takes of a ratio to white, in `ROOT`s above `BLACK`: its cube root, and a line near black."""
    return np.where(ratio > DELTA**3, np.cbrt(ratio) / ROOT - BLACK, ratio / ROOT**3)


class Tables:
    """Transfer curves of an RGB space (None: sRGB) and of CIE Lab, over 16-bit numbers."""

    def __init__(self, profile: RgbProfile | None):
        decoded = srgb_decoded(np.arange(256) / 255)
        weights = RGB_TO_XYZ[1]
        if profile is not None:
            decoded = profile.curves[:, :: LEVELS // 255]
            weights = weights @ profile.matrix
        red, green, blue = np.rint(LEVELS * np.reshape(weights, (3, 1)) * decoded)
        self.red = red.astype(np.uint16)
        self.green_blue = (green + blue[:, None]).clip(0, LEVELS - red[-1]).astype(np.uint16).ravel()
        self.root = (lab_root(np.arange(LEVELS + 1) / LEVELS) + BLACK).astype(np.float32)
        gray = self.red + self.green_blue[:: 256 + 1]
        self.gray, self.gray_root = gray.astype(np.float32), self.root[gray]
        # Of light counted from the lowest that counts as inside.
        light = np.arange(-EDGE, LEVELS + EDGE + 1).clip(0, LEVELS) / LEVELS
        if profile is None:
            levels = [srgb_encoded(light)] * 3
        else:
            levels = [np.interp(light, curve, np.linspace(0, 1, len(curve))) for curve in profile.curves]
        self.levels = [np.rint(255 * encoded).astype(np.uint8) for encoded in levels]
        # Takes X and Z relative to white in cubes of `ROOT`, and Y in 65535ths.
        scale = np.diag([LEVELS * ROOT**3 * WHITE[0], WHITE[1], LEVELS * ROOT**3 * WHITE[2]])
        self.matrix = (np.linalg.inv(np.asarray(RGB_TO_XYZ)) @ scale).astype(np.float32)
        # Linear sRGB to the linear light of the space.
        self.from_srgb = None if profile is None else np.linalg.inv(profile.matrix).astype(np.float32)
        self.holds_srgb = profile is None or profile.holds_srgb


@functools.lru_cache(8)
def tables(profile: RgbProfile | None = None) -> Tables:
    """Return the tables of an RGB space, computed on first use."""
    return Tables(profile)
