"""Scores of one colored photo against its true colors, for the app, `compare` and the README's pictures."""

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from colorizer.evaluation.metrics import compute_metrics
from colorizer.hub.metric_names import METRICS

SCORE_SIDE = 512
"""Longest side at which photos are scored: papers measure at 256, and SSIM of 12 megapixels takes seconds."""

DIGITS = {"psnr": 1, "ssim": 3, "ciede2000": 1, "colorfulness": 0}
"""Decimals of each score: a single photo needs fewer than a mean over a dataset."""


def reduce(pixels: np.ndarray) -> np.ndarray:
    """Return the picture, uint8 (H, W, 3), with its longest side at most `SCORE_SIDE`."""
    image = Image.fromarray(pixels)
    image.thumbnail((SCORE_SIDE, SCORE_SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def score(pixels: np.ndarray, true_pixels: np.ndarray) -> dict[str, float]:
    """Return each score of `DIGITS` for a picture, reduced if it is larger; both uint8 (H, W, 3) of one size."""
    metrics = compute_metrics(_to_rgb(pixels), _to_rgb(true_pixels), DIGITS)
    return {name: float(value) for name, value in metrics.items()}


def _to_rgb(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(reduce(pixels).copy()).permute(2, 0, 1)[None].float() / 255


def format_scores(scores: Mapping[str, float]) -> dict[str, str]:
    """Format each score with the decimals for a single photo."""
    return {name: f"{value:.{DIGITS[name]}f}" for name, value in scores.items()}


def best_scores(scores: Mapping[str, Mapping[str, float]], true_colorfulness: float) -> dict[str, set[str]]:
    """Map each metric to the names with the best score, from scores by name; to none if there are fewer than two.

    The best colorfulness is the one nearest to the photo's own.
    """
    winners = {metric: set() for metric in DIGITS}
    if len(scores) < 2:
        return winners
    for metric in winners:
        sign = METRICS[metric].sign
        losses = {
            name: -sign * each[metric] if sign else abs(each[metric] - true_colorfulness)
            for name, each in scores.items()
        }
        winners[metric] = {name for name, loss in losses.items() if loss == min(losses.values())}
    return winners
