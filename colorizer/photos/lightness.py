"""Lightness of 8-bit photos by lookup tables, tile by tile: used by `compute_lightness` and `merging.merge_colors`."""

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.errors import PhotoError
from colorizer.photos.color import DELTA, RGB_TO_XYZ, WHITE
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import LEVELS, RgbProfile, photo_profile, srgb_decoded, srgb_encoded

ROOTS = 32768  # cube roots are counted in 32768ths, up to 2
_MAX_WIDENED = 2**26  # pixels to which a photo may grow while only its width is resized
TILE = 98304  # pixels: few enough for the cache, and enough that threads make few calls and seldom wait for each other


def compute_lightness(photo: Photo | np.ndarray, size: tuple[int, int]) -> Tensor:
    """Compute CIE L, 0…100, of a photo, seen through its profile, or of sRGB pixels, uint8 (H, W, 3).

    Returns float32, (1, h, w), resized with antialiasing to `size` = (h, w). Raises PhotoError for pixels of another shape or
    type.
    """
    pixels = checked(photo.pixels if isinstance(photo, Photo) else photo)
    curves = tables(photo_profile(photo))
    luminance = Luminance(pixels, curves)
    scratch = Scratch()
    lightness = np.empty((1, 1, *pixels.shape[:2]), np.float32)
    for tile in tiles(*pixels.shape[:2]):
        root = curves.root.take(luminance(*tile, scratch), mode="clip")
        lightness[0, 0][tile] = root.reshape(lightness[0, 0][tile].shape)
    lightness = torch.from_numpy(lightness)
    if size != pixels.shape[:2]:
        # L is linear in the cube root, so it can be computed after resizing, on fewer pixels.
        if pixels.shape[0] * size[1] > max(lightness.numel(), _MAX_WIDENED):
            # The width is resized first below: a photo of one column and millions of rows would grow before it shrinks.
            height = size[0], pixels.shape[1]
            lightness = functional.interpolate(lightness, height, mode="bilinear", antialias=True)
        lightness = functional.interpolate(lightness, size, mode="bilinear", antialias=True)
    return ((lightness[0] - 0.5) * (116 / ROOTS) - 16).clamp_(0, 100)


def checked(pixels: np.ndarray) -> np.ndarray:
    """Return `pixels` as a contiguous array; raise PhotoError unless they are uint8, (H, W, 3)."""
    pixels = np.ascontiguousarray(pixels)
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

    def __call__(self, name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
        size = math.prod(shape)
        if name not in self._arrays or self._arrays[name].size < size:
            self._arrays[name] = np.empty(size, dtype)
        return self._arrays[name][:size].reshape(shape)


class Luminance:
    """CIE Y of a photo's pixels in 65535ths."""

    def __init__(self, pixels: np.ndarray, curves: "Tables"):
        self.curves = curves
        self.red = pixels[..., 0]
        # Green and blue are read as one 16-bit number: two lookups per pixel instead of three.
        self.green_blue = np.ndarray(pixels.shape[:2], "<u2", pixels, offset=1, strides=pixels.strides[:2])

    def __call__(self, down: slice, across: slice, scratch: Scratch) -> np.ndarray:
        """Return the luminance of one window as indices (n), in an array that the next call overwrites."""
        plane = self.red[down, across].shape
        size = (math.prod(plane),)
        index, count = scratch("index", size, np.intp), scratch("count", size, np.uint16)
        np.copyto(index.reshape(plane), self.red[down, across])
        self.curves.red.take(index, out=count, mode="clip")
        np.copyto(index.reshape(plane), self.green_blue[down, across])
        count += self.curves.green_blue.take(index, out=scratch("term", size, np.uint16), mode="clip")
        np.copyto(index, count)
        return index


def lab_root(ratio: np.ndarray) -> np.ndarray:
    """Return what CIE Lab takes of a ratio to white, in the ratio's precision: its cube root, and a line near black."""
    return np.where(ratio > DELTA**3, np.cbrt(ratio), ratio / (3 * DELTA**2) + 4 / 29)


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
        ratio = np.arange(LEVELS + 1) / LEVELS
        root = lab_root(ratio)
        # Half a step up, since the results are truncated, not rounded, to indices.
        self.root = (root * ROOTS + 0.5).astype(np.float32)
        root = np.arange(2 * ROOTS) / ROOTS
        self.cube = np.where(root > DELTA, root**3, 3 * DELTA**2 * (root - 4 / 29)).astype(np.float32)
        if profile is None:
            levels = [srgb_encoded(ratio + 0.5 / LEVELS)] * 3  # half a step up, too
        else:
            levels = [np.interp(ratio, curve, np.linspace(0, 1, len(curve))) for curve in profile.curves]
        self.levels = [np.rint(255 * encoded.clip(0, 1)).astype(np.uint8) for encoded in levels]
        # Takes X and Z relative to white, as `cube` gives them, and Y in 65535ths.
        scale = np.diag([LEVELS * WHITE[0], WHITE[1], LEVELS * WHITE[2]])
        self.matrix = (np.linalg.inv(np.asarray(RGB_TO_XYZ)) @ scale).astype(np.float32)
        # Linear sRGB to the linear light of the space.
        self.from_srgb = None if profile is None else np.linalg.inv(profile.matrix).astype(np.float32)
        self.holds_srgb = profile is None or profile.holds_srgb


@functools.lru_cache(8)
def tables(profile: RgbProfile | None = None) -> Tables:
    """Return the tables of an RGB space, computed on first use."""
    return Tables(profile)
