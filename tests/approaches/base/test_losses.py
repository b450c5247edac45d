from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import correlate1d
from skimage import data
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as their_ms_ssim

from colorizer.approaches.base import losses
from colorizer.photos.color import rgb_to_lab


def ab_of_photos(side: int) -> torch.Tensor:
    """Return colors of three photos in ab / 128, (3, 2, side, side)."""
    photos = [torch.from_numpy(photo()[:256, :256].copy()) for photo in (data.astronaut, data.coffee, data.chelsea)]
    rgb = torch.stack(photos).permute(0, 3, 1, 2).float() / 255
    return rgb_to_lab(F.interpolate(rgb, (side, side), mode="bilinear", antialias=True))[:, 1:] / 128


def noisy(target: torch.Tensor, amount: float) -> torch.Tensor:
    return target + amount * torch.randn(target.shape, generator=torch.Generator().manual_seed(0))


def slow_gaussian(side: int, sigma: float) -> np.ndarray:
    kernel = np.array([np.exp(-((place - side // 2) ** 2) / (2 * sigma**2)) for place in range(side)])
    return kernel / kernel.sum()


def slow_blur(channel: np.ndarray, side: int, sigma: float) -> np.ndarray:
    kernel = slow_gaussian(side, sigma)
    return correlate1d(correlate1d(channel, kernel, 0, mode="mirror"), kernel, 1, mode="mirror")


def slow_ms_ssim(first: np.ndarray, second: np.ndarray, exponents: tuple[float, ...]) -> float:
    """Compute MS-SSIM of a photo (C, H, W) in −1…1 as in Wang et al., window by window."""
    window = np.outer(slow_gaussian(11, 1.5), slow_gaussian(11, 1.5))
    c1, c2 = 0.02**2, 0.06**2
    result = 1.0
    for number, exponent in enumerate(exponents):
        is_coarsest = number == len(exponents) - 1
        if is_coarsest:
            first, second = (np.pad(photo, ((0, 0), (5, 5), (5, 5)), mode="reflect") for photo in (first, second))
        structures, both = [], []
        channels, height, width = first.shape
        for channel, row, column in np.ndindex(channels, height - 10, width - 10):
            x = first[channel, row : row + 11, column : column + 11]
            y = second[channel, row : row + 11, column : column + 11]
            mean_x, mean_y = (window * x).sum(), (window * y).sum()
            variance_x, variance_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
            covariance = (window * (x - mean_x) * (y - mean_y)).sum()
            structures.append((2 * covariance + c2) / (variance_x + variance_y + c2))
            both.append(structures[-1] * (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1))
        result *= np.mean(both if is_coarsest else structures) ** exponent
        first, second = (
            photo[:, : height // 2 * 2, : width // 2 * 2].reshape(channels, height // 2, 2, width // 2, 2).mean((2, 4))
            for photo in (first, second)
        )
    return result


@pytest.mark.parametrize(("side", "num_scales"), [(256, 5), (175, 4), (64, 3), (33, 2), (16, 1)])
@pytest.mark.parametrize("amount", [0.01, 0.1])
def test_ms_ssim_equals_torchmetrics_where_they_have_a_value(side, num_scales, amount):
    target = ab_of_photos(side)
    prediction = noisy(target, amount)
    exponents = np.array(losses.SCALE_WEIGHTS[:num_scales])
    theirs = their_ms_ssim(prediction, target, data_range=2.0, betas=tuple(exponents / exponents.sum()))
    assert losses.ms_ssim_loss(prediction, target).item() == pytest.approx(1 - theirs.item(), abs=2e-5)


def test_ms_ssim_equals_the_slow_one():
    target = ab_of_photos(24)[:1]
    prediction = noisy(target, 0.05)
    exponents = 0.0448 / 0.3304, 0.2856 / 0.3304
    expected = 1 - slow_ms_ssim(prediction[0].double().numpy(), target[0].double().numpy(), exponents)
    assert losses.ms_ssim_loss(prediction, target).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("side", [1, 2, 5, 10, 11, 22, 64])
def test_ms_ssim_has_a_finite_value_and_gradient_at_every_size(side):
    target = noisy(torch.zeros(2, 2, side, side), 0.3)
    for prediction in (target.clone(), -target, torch.zeros_like(target), target + 0.1):
        prediction.requires_grad_()
        loss = losses.ms_ssim_loss(prediction, target)
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(prediction.grad).all()
    assert losses.ms_ssim_loss(target, target).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("start", ["mirrored", "random"])
def test_colors_unlike_the_truth_find_their_way_to_it(start):
    """Cover structural similarity that is negative or near 0 at every scale, where the plain power has no gradient."""
    target = ab_of_photos(32)
    mean = target.mean((2, 3), keepdim=True)
    prediction = (2 * mean - target if start == "mirrored" else noisy(torch.zeros_like(target), 0.5)).requires_grad_()
    assert losses.ms_ssim_loss(prediction, target) > 0.9
    optimizer = torch.optim.Adam([prediction], 0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = losses.ms_ssim_loss(prediction, target)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_blurred_distances_equal_the_slow_ones():
    target = ab_of_photos(17)
    prediction = noisy(target, 0.1)
    total = 0.0
    for first, second in zip(prediction.double().numpy(), target.double().numpy(), strict=True):
        total += np.sqrt(((first - second) ** 2).sum(0)).mean()
        for side, sigma in ((3, 0.8), (5, 1.1)):
            blurred = [[slow_blur(channel, side, sigma) for channel in photo] for photo in (first, second)]
            total += np.sqrt((np.subtract(*blurred) ** 2).sum(0)).mean()
    assert losses.blurred_distance(prediction, target).item() == pytest.approx(total / 3, rel=1e-5)


def test_blurred_distances_have_a_gradient_at_the_truth():
    target = ab_of_photos(16)
    prediction = target.clone().requires_grad_()
    losses.blurred_distance(prediction, target).backward()
    assert torch.isfinite(prediction.grad).all()


def test_the_logarithm_of_each_photos_squared_distance():
    target = ab_of_photos(16)
    prediction = noisy(target, 0.1)
    squares = [((a - b) ** 2).sum(0).mean() for a, b in zip(prediction.numpy(), target.numpy(), strict=True)]
    expected = np.mean([np.log(1 + square / 0.05**2) / 2 for square in squares])
    assert losses.log_square(prediction, target, floor=0.05).item() == pytest.approx(expected, rel=1e-4)


def test_between_two_likely_colors_the_logarithm_has_no_reason_to_stay():
    likely = torch.tensor([-0.3, 0.3]).view(2, 1, 1, 1).expand(2, 2, 4, 4)

    def expected(color: float) -> float:
        return losses.log_square(torch.full_like(likely, color), likely, floor=0.05).item()

    assert expected(0.3) < expected(0.2) < expected(0.0)


def test_the_gap_between_spreads_of_chroma():
    target = ab_of_photos(16)
    prediction = 0.5 * target
    spreads = []
    for photo in target.double().numpy():
        mean = photo.mean((1, 2))
        spreads.append(np.sqrt(photo.var((1, 2)).sum()) + 0.3 * np.hypot(*mean))
    assert losses.chroma_gap(prediction, target).item() == pytest.approx(np.mean(spreads) / 2, rel=1e-2)
    assert losses.chroma_gap(1.5 * target, target).item() == pytest.approx(np.mean(spreads) / 2, rel=1e-2)
    gray = torch.zeros_like(target, requires_grad=True)
    losses.chroma_gap(gray, target).backward()
    assert torch.isfinite(gray.grad).all()


FLOAT32_LOSSES = [
    losses.mse,
    losses.l1,
    losses.blurred_distance,
    losses.ms_ssim_loss,
    partial(losses.log_square, floor=0.05),
    losses.chroma_gap,
]


@pytest.mark.parametrize("loss", FLOAT32_LOSSES)
def test_losses_are_computed_in_float32_under_mixed_precision(loss):
    target = ab_of_photos(64)
    prediction = noisy(target, 0.1).bfloat16()
    expected = loss(prediction.float(), target)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = loss(prediction, target)
    assert mixed.dtype == torch.float32
    assert mixed.item() == expected.item()
