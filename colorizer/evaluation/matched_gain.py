"""The chroma gain at which a model's photos are as colorful as the true ones, so that models are compared at one vividness.

Colorfulness and accuracy trade along a curve, which scaling the chroma goes along: a dull model has a low error, a vivid
one a high one. At matched colorfulness what is left of the difference is what the models know.
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
"""So many photos choose the gain, spread over the validation set; their predictions are kept in memory, 8 bytes a pixel."""

TOLERANCE = 0.05
"""How near the mean colorfulness comes to the truth's, a hundredth of what 1,000 photos leave open."""

_MAX_STEPS = 30


def match_gain(predict: Callable[[Tensor], Tensor], photos: PhotoDataset, *, batch_size: int = 16) -> float:
    """The factor on the predicted chroma, 0…10, at which the mean colorfulness of the photos equals the true photos'.

    The network runs once per photo. 10, as far as the pipeline's `saturation` goes, where that is not enough.

    Args:
        predict: uint8 photos (B, 3, H, W) to ab (B, 2, h, w).
    """
    all_places = spread(NUM_PHOTOS, len(photos))
    places = processes.share(all_places)
    kept: list[tuple[np.ndarray, Tensor]] = []
    true_sum = 0.0
    for start in range(0, len(places), batch_size):
        rgb = photos.batch(places[start : start + batch_size])["rgb"]
        true_sum += sum(float(colorfulness(photo.float() / 255)) for photo in rgb)
        # Half precision: ab to an eighth of a unit, where a level of sRGB is a third at least.
        kept += zip(rgb.permute(0, 2, 3, 1).numpy(), predict(rgb).cpu().half(), strict=True)
    with processes.photo_threads() as pool:

        def excess(gain: float) -> float:
            colored = sum(pool.map(lambda photo: _colorfulness(*photo, gain), kept))
            return sum(gather_object([colored - true_sum])) / len(all_places)

        return solve(excess)


def solve(excess: Callable[[float], float], *, high: float = MAX_SATURATION, tolerance: float = TOLERANCE) -> float:
    """Where in 0…`high` a rising function crosses 0, to within `tolerance` of its values; `high` if it stays below.

    Of the two ends between which it crosses, one is moved to where their chord does, step by step (regula falsi, in the
    Illinois variant of Dowell and Jarratt 1971): colorfulness is almost in proportion to the gain, so that a few steps do.
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
        # An end that stays for a second time is taken for half as far off, or it might stay for ever.
        if value < 0:
            low, top = (gain, value), (top[0], top[1] / 2 if has_moved_low is True else top[1])
        else:
            low, top = (low[0], low[1] / 2 if has_moved_low is False else low[1]), (gain, value)
        has_moved_low = value < 0
    return gain


def _colorfulness(pixels: np.ndarray, ab: Tensor, gain: float) -> float:
    colored = torch.from_numpy(merge_colors(pixels, ab.float(), saturation=gain)).permute(2, 0, 1)
    return float(colorfulness(colored.float() / 255))
