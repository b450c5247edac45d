import math

import pytest
import torch
from torch import Tensor

from colorizer.data import PhotoDataset
from colorizer.evaluation.matched_gain import match_gain, solve
from colorizer.photos.color import colorfulness, rgb_to_lab
from colorizer.photos.merging import merge_colors


def halved(excess, low: float, high: float) -> float:
    """Plain bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return low


@pytest.mark.parametrize(
    "excess",
    [
        lambda gain: 17 * gain - 42,
        lambda gain: 17 * gain - 5,
        lambda gain: 60 * (1 - math.exp(-gain / 3)) - 42,
        lambda gain: gain**5 - 30,
        lambda gain: 41 * math.tanh(5 * (gain - 3.3)) + gain / 100,
    ],
)
def test_the_root_is_that_of_bisection(excess):
    expected = halved(excess, 0, 10)
    assert solve(excess, tolerance=1e-9) == pytest.approx(expected, abs=1e-6)


def test_few_values_are_enough_where_colorfulness_is_almost_proportional():
    asked = []

    def excess(gain: float) -> float:
        asked.append(gain)
        return 20 * gain**0.93 - 42

    gain = solve(excess)
    assert abs(excess(gain)) <= 0.05
    assert len(asked) <= 7


def test_a_gain_stays_in_the_range_that_the_pipeline_takes():
    assert solve(lambda gain: gain / 100 - 42) == 10.0
    assert solve(lambda gain: 0.0) == 1.0
    assert solve(lambda gain: 1 + gain) == 0.0


@pytest.mark.parametrize("strength", [0.4, 1.0, 1.6])
def test_at_the_gain_the_photos_are_as_colorful_as_in_truth(dataset: PhotoDataset, strength: float):
    calls = []

    def predict(rgb: Tensor) -> Tensor:
        calls.append(len(rgb))
        return strength * rgb_to_lab(rgb.float() / 255)[:, 1:].mean(dim=(2, 3), keepdim=True).expand(-1, -1, 4, 4) + 5

    gain = match_gain(predict, dataset, batch_size=3)
    assert sum(calls) == len(dataset), "the network runs once a photo"
    rgb = dataset.batch(range(len(dataset)))["rgb"]
    merged = [
        merge_colors(photo.permute(1, 2, 0).numpy(), ab, saturation=gain)
        for photo, ab in zip(rgb, predict(rgb), strict=True)
    ]
    colored = torch.stack([torch.from_numpy(photo).permute(2, 0, 1) for photo in merged])
    reached, true = (float(colorfulness(photos.float() / 255).mean()) for photos in (colored, rgb))
    assert reached == pytest.approx(true, abs=0.1)
