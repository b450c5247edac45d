"""Detection of toned photos (sepia, cyanotype, …), whose colors are no ground truth."""

import numpy as np
import torch
from PIL import Image

from colorizer.photos.color import rgb_to_lab

_SAMPLE = 128 * 128  # pixels used to decide whether a photo is gray
_KNOTS = 32  # of the tone curve, over L in 0…100
_BLOCK, _MIN_BLOCKS = 16, 8  # side in pixels of a JPEG's blocks of chroma, and how many of them tell anything
_SEPIA = (45, 100)  # degrees of hue
_SMALL = 2**18  # pixels of a JPEG whose noise counts; in a larger one it is averaged
_BROWN = (35, 105)  # degrees of hue


def is_toned(pixels: np.ndarray) -> bool:
    """Return True if the colors of uint8 (H, W, 3) are nearly a function of lightness, of about one hue and moderate chroma.

    The thresholds were tuned on about 4,500 color photos and on sepia, cyanotype, selenium and split toning of gray ones; that
    of sepia in small JPEGs on 7,000 color photos, each also as such a JPEG.
    """
    height, width = pixels.shape[:2]
    scale = min(1.0, (_SAMPLE / (height * width)) ** 0.5)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    sample = np.array(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    lightness, ab, chroma = _lightness_and_colors(sample)
    if np.percentile(chroma, 99) < 2:
        return True
    if np.percentile(chroma, 99) > 60 or lightness.std() < 3 or lightness.size < 4 * _KNOTS:
        return False
    direction, hue = _direction(ab, chroma)
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
    is_sepia = direction > 0.97 and _SEPIA[0] < hue < _SEPIA[1]
    return bool(is_coarse and is_sepia and blocks.max() < 0.065 * chroma.mean() ** 0.75 * lightness.std() ** 0.5)


def is_toned_jpeg(pixels: np.ndarray, chroma_step: float) -> bool:
    """Return True if the colors of a small JPEG, uint8 (H, W, 3), are a function of luma but for what it rounds, and brown.

    JPEG rounds the mean chroma of each block to multiples of `chroma_step` levels, so that one of a toned photo is about half
    of it away from the tone at most, and one of a color photo anywhere. The thresholds were tuned on 3,250 color photos, and
    on 900 others whose colors were faded.
    """
    height, width = pixels.shape[:2]
    if not chroma_step or height * width > _SMALL:
        return False
    luma, *chroma = np.moveaxis(np.asarray(Image.fromarray(pixels).convert("YCbCr")), 2, 0).astype(np.float64)
    chroma = np.stack(chroma) - 128
    difference = chroma - _tone_curve(luma.ravel() / 2.55, chroma.reshape(2, -1)).reshape(chroma.shape)
    blocks = _blocks(difference)
    if blocks.shape[1] < _MIN_BLOCKS:
        return False
    deviation = np.sqrt((blocks**2).mean(1)).max()
    if deviation > 0.35 * chroma_step + 0.4 or np.abs(blocks).max() > 1.3 * chroma_step + 0.5:
        return False
    _, ab, chroma = _lightness_and_colors(pixels)
    direction, hue = _direction(ab, chroma)
    is_brown = direction > 0.95 and _BROWN[0] < hue < _BROWN[1]
    return bool(is_brown and np.percentile(chroma, 99) < 1.8 * chroma.mean())


def _lightness_and_colors(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return L (h, w), a and b (2, n), and chroma (n) of uint8 (h, w, 3)."""
    lightness, *ab = rgb_to_lab(torch.from_numpy(pixels).permute(2, 0, 1) / 255).double().numpy()
    ab = np.stack(ab).reshape(2, -1)
    return lightness, ab, np.hypot(*ab)


def _direction(ab: np.ndarray, chroma: np.ndarray) -> tuple[float, float]:
    """Return how far colors (2, n) are of one hue, 0…1, and that hue in degrees."""
    total = ab.sum(1)
    return np.hypot(*total) / chroma.sum(), np.degrees(np.arctan2(total[1], total[0]))


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
