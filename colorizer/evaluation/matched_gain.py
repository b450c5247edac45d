"""Matched gain: the factor on a model's chroma that makes its photos as colorful as the true ones.

Colorfulness and accuracy trade off along a curve, on which scaling the chroma moves a model: a dull model has a low
error, a vivid one a high one. At matched colorfulness, the remaining difference is in what the models have learned.
"""

from collections.abc import Callable

import numpy as np
import torch
from accelerate.utils import gather_object
from torch import Tensor

from colorizer.data import PhotoDataset
from colorizer.data.photo_dataset import spread
from colorizer.photos.color import colorfulness
from colorizer.photos.merging import MAX_SATURATION, merge_colors
from colorizer.pipelines import processes

NUM_PHOTOS = 500
"""Number of validation photos to choose the gain on, spread evenly. Predictions stay in memory, 8 bytes per pixel."""

TOLERANCE = 0.05
"""Tolerance on the mean colorfulness, a hundredth of the uncertainty from 1,000 photos."""

_MAX_STEPS = 30


def match_gain(predict: Callable[[Tensor], Tensor], photos: PhotoDataset, *, batch_size: int = 16) -> float:
    """Return the factor on predicted chroma, 0…10, that matches the photos' mean colorfulness to the true photos'.

    The network runs once per photo. The result is 10, the limit of the pipeline's `saturation`, if that is not enough.

    Args:
        predict: maps uint8 photos (B, 3, H, W) to ab (B, 2, h, w).
    """
    all_places = spread(NUM_PHOTOS, len(photos))
    places = processes.share(all_places)
    kept: list[tuple[np.ndarray, Tensor]] = []
    true_sum = 0.0
    for start in range(0, len(places), batch_size):
        rgb = photos.batch(places[start : start + batch_size])["rgb"]
        true_sum += sum(float(colorfulness(photo.float() / 255)) for photo in rgb)
        # Half precision resolves an eighth of a unit of ab; a level of sRGB is at least a third.
        kept += zip(rgb.permute(0, 2, 3, 1).numpy(), predict(rgb).cpu().half(), strict=True)
    with processes.photo_threads() as pool:

        def excess(gain: float) -> float:
            colored = sum(pool.map(lambda photo: _colorfulness(*photo, gain), kept))
            return sum(gather_object([colored - true_sum])) / len(all_places)

        return solve(excess)


def solve(excess: Callable[[float], float], *, high: float = MAX_SATURATION, tolerance: float = TOLERANCE) -> float:
    """Return where in 0…`high` a rising function crosses 0, up to `tolerance` in its values; `high` if it stays below.

    Regula falsi in the Illinois variant of Dowell and Jarratt 1971: each step moves one end of the bracket to where the
    chord crosses 0. Colorfulness is almost proportional to the gain, so a few steps are enough.
    """
    low, top = (0.0, None), (1.0, excess(1.0))
    while top[1] < -tolerance and top[0] < high:
        further = min(high, 2 * top[0])
        low, top = top, (further, excess(further))
    if top[1] <= tolerance:
        return top[0]
    if low[0] == 0:
        low = (0.0, excess(0.0))
        if low[1] >= 0:
            return 0.0
    has_moved_low = None
    for _ in range(_MAX_STEPS):
        gain = (low[0] * top[1] - top[0] * low[1]) / (top[1] - low[1])
        value = excess(gain)
        if abs(value) <= tolerance:
            break
        # Halve the value of an end that stays for a second time, or it might stay forever.
        if value < 0:
            low, top = (gain, value), (top[0], top[1] / 2 if has_moved_low is True else top[1])
        else:
            low, top = (low[0], low[1] / 2 if has_moved_low is False else low[1]), (gain, value)
        has_moved_low = value < 0
    return gain


def _colorfulness(pixels: np.ndarray, ab: Tensor, gain: float) -> float:
    colored = torch.from_numpy(merge_colors(pixels, ab.float(), saturation=gain)).permute(2, 0, 1)
    return float(colorfulness(colored.float() / 255))
