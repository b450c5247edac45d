"""Photo type of the package: pixels and the metadata to return with them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image

from colorizer.photos.color import rgb_to_lab
from colorizer.photos.depth import eight_bits
from colorizer.photos.metadata.embedded import NO_METADATA, Metadata

_SAMPLE = 128 * 128  # pixels used to decide whether a photo is gray
_KNOTS = 32  # of the tone curve, over L in 0…100
_BLOCK, _MIN_BLOCKS = 16, 8  # side in pixels of a JPEG's blocks of chroma, and how many of them tell anything
_SEPIA = (45, 100)  # degrees of hue


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo read by `read_photo`.

    samples: uint8, or of a photo of more than 8 bits uint16, (H, W, 3) or gray (H, W); sRGB unless `icc_profile` defines
        another RGB, turned upright according to the EXIF data.
    alpha: uint8 (H, W), or None if the photo has none.
    exif: EXIF block, with an orientation of 1 if it has one; None if there was none that can be read.
    icc_profile: the photo's own RGB profile, or None.
    name: name of the photo in messages: path, address or None.
    notes: remarks for the user on how it was read, such as "animated: the first of 12 frames".
    metadata: what else its file holds.
    """

    samples: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    icc_profile: bytes | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()
    metadata: Metadata = NO_METADATA

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixels in 8 bits, uint8 (H, W, 3)."""
        levels = self.levels
        return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, 2)

    @property
    def levels(self) -> np.ndarray:
        """Samples in 8 bits, uint8 (H, W) or (H, W, 3). Those of a photo of 16 bits are computed at each call."""
        return self.samples if self.deep is None else eight_bits(self.deep)

    @property
    def deep(self) -> np.ndarray | None:
        """Samples in 16 bits, uint16 (H, W) or (H, W, 3), if that is what the photo has."""
        return self.samples if self.samples.dtype == np.uint16 else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.samples.shape[1], self.samples.shape[0]

    @cached_property
    def is_gray(self) -> bool:
        """True if the photo is black-and-white or toned (sepia, cyanotype, …), so that its colors are not a ground truth."""
        if self.samples.ndim == 2:
            return True
        # Without keeping those of a large scan.
        pixels = self.levels
        if self.alpha is not None and not self.alpha.all():
            # Fully transparent pixels are invisible.
            pixels = np.where(self.alpha[..., None] > 0, pixels, 0).astype(np.uint8)
        return is_toned(pixels)


def is_toned(pixels: np.ndarray) -> bool:
    """Return True if the colors of uint8 (H, W, 3) are nearly a function of lightness, of about one hue and moderate chroma.

    The thresholds were tuned on about 4,500 color photos and on sepia, cyanotype, selenium and split toning of gray ones; that
    of sepia in small JPEGs on 7,000 color photos, each also as such a JPEG.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, (_SAMPLE / (height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sample = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    lightness, *ab = rgb_to_lab(torch.from_numpy(sample).permute(2, 0, 1) / 255).double().numpy()
    ab = np.stack(ab).reshape(2, -1)
    chroma = np.hypot(*ab)
    if np.percentile(chroma, 99) < 2:
        return True
    if np.percentile(chroma, 99) > 60 or lightness.std() < 3 or lightness.size < 4 * _KNOTS:
        return False
    direction = np.hypot(*ab.sum(1)) / chroma.sum()
    if direction < 0.8 and np.percentile(chroma, 99) > 20:
        return False
    difference = ab - _tone_curve(lightness.ravel(), ab)
    residual = np.hypot(*difference)
    # A pixel between a dark and a light area mixes their tones, as does JPEG's coarser chroma: that is not a real color.
    residual = np.maximum(0, residual - 0.2 * _contrast(lightness).ravel())
    deviation = np.sqrt((residual**2).mean())
    is_near = deviation < min(1.5, max(0.8, 0.1 * chroma.mean())) and np.percentile(residual, 99) < 6.3
    if is_near and np.percentile(chroma, 99) <= 50:
        return True
    blocks = np.hypot(*_blocks(difference.reshape(2, *lightness.shape)))
    # What JPEG of low quality leaves of chroma deviates within its blocks, but not from one to the next. Only of brown tones:
    # a photo of a blue sky has nothing else either.
    is_coarse = blocks.size >= _MIN_BLOCKS and deviation > 1.2 * np.sqrt((blocks**2).mean())
    hue = np.degrees(np.arctan2(*ab.sum(1)[::-1]))
    is_sepia = direction > 0.97 and _SEPIA[0] < hue < _SEPIA[1]
    return bool(is_coarse and is_sepia and blocks.max() < 0.065 * chroma.mean() ** 0.75 * lightness.std() ** 0.5)


def _blocks(planes: np.ndarray) -> np.ndarray:
    """Return the means of the whole blocks of (2, h, w), (2, n)."""
    down, across = planes.shape[1] // _BLOCK, planes.shape[2] // _BLOCK
    whole = planes[:, : down * _BLOCK, : across * _BLOCK]
    return whole.reshape(2, down, _BLOCK, across, _BLOCK).mean((2, 4)).reshape(2, -1)


def _tone_curve(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Fit a piecewise linear function of lightness (n) to ab (2, n); return its values at the pixels."""
    position = lightness / 100 * (_KNOTS - 1)
    low = np.clip(position.astype(int), 0, _KNOTS - 2)
    fraction = position - low
    normal, moment = np.zeros((_KNOTS, _KNOTS)), np.zeros((_KNOTS, 2))
    for first, weight in ((low, 1 - fraction), (low + 1, fraction)):
        np.add.at(moment, first, (weight * ab).T)
        for second, other in ((low, 1 - fraction), (low + 1, fraction)):
            np.add.at(normal, (first, second), weight * other)
    # Slight smoothing determines the knots with no pixel nearby.
    bend = np.diff(np.eye(_KNOTS), 2, axis=0)
    normal += lightness.size * 1e-4 * bend.T @ bend + 1e-6 * np.eye(_KNOTS)
    knots = np.linalg.solve(normal, moment)
    return (knots[low].T * (1 - fraction)) + knots[low + 1].T * fraction


def _contrast(lightness: np.ndarray) -> np.ndarray:
    """Return each pixel's largest lightness difference from its four neighbors, (h, w)."""
    padded = np.pad(lightness, 1, mode="edge")
    neighbors = padded[1:-1, :-2], padded[1:-1, 2:], padded[:-2, 1:-1], padded[2:, 1:-1]
    return np.max([abs(lightness - neighbor) for neighbor in neighbors], axis=0)
