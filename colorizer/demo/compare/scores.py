"""How near a colored photo comes to the true one, for the captions under the results."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

# Scores are taken at this longest side: papers measure at 256, and SSIM over 12 megapixels takes seconds.
SCORE_SIDE = 512


@dataclass(frozen=True)
class Metric:
    """A metric's name in `compute_metrics`, how it is written, and which value of several is best, given the truth's."""

    key: str
    label: str
    digits: int
    distance: Callable[[float, float], float]


METRICS = (
    Metric("psnr", "PSNR ↑", 1, lambda value, truth: -value),
    Metric("ssim", "SSIM ↑", 3, lambda value, truth: -value),
    Metric("ciede2000", "ΔE2000 ↓", 1, lambda value, truth: value),
    Metric("colorfulness", "Colorfulness", 0, lambda value, truth: abs(value - truth)),
)


def to_rgb(image: Image.Image) -> Tensor:
    """The picture as (1, 3, H, W) in 0..1, its longest side at most `SCORE_SIDE`."""
    image = image.convert("RGB")
    image.thumbnail((SCORE_SIDE, SCORE_SIDE), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255


def score(rgb: Tensor, true_rgb: Tensor) -> dict[str, float]:
    """The value of every metric of `METRICS` for one picture; both (1, 3, H, W) in 0..1 and of one size."""
    # Only here, since torchmetrics takes two seconds to import and the page should not wait for it.
    from colorizer.evaluation.metrics import compute_metrics

    values = compute_metrics(rgb, true_rgb, [metric.key for metric in METRICS])
    return {metric.key: float(values[metric.key][0]) for metric in METRICS}


def best(scores: dict[str, dict[str, float]], truth_colorfulness: float) -> dict[str, set[str]]:
    """Metric key → the names whose value is best, for `scores` = name → its scores; no best where only one has any."""
    if len(scores) < 2:
        return {metric.key: set() for metric in METRICS}
    winners = {}
    for metric in METRICS:
        distances = {name: metric.distance(values[metric.key], truth_colorfulness) for name, values in scores.items()}
        lowest = min(distances.values())
        winners[metric.key] = {name for name, distance in distances.items() if distance == lowest}
    return winners
