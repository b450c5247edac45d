import numpy as np
import pytest
import torch
from torch import Tensor

from colorizer.data import PhotoDataset
from colorizer.evaluation.bootstrap import Averages
from colorizer.evaluation.color_statistics import ColorStatistics, color_statistics
from colorizer.evaluation.metrics import Truth, compute_metrics
from colorizer.photos.bins import bin_centers, bin_indices, nearest_bins
from colorizer.photos.color import lightness_to_gray, rgb_to_lab


def test_the_bins_found_on_the_grid_are_the_nearest():
    ab = 260 * torch.rand(2, 2, 60, 60, generator=torch.Generator().manual_seed(0)) - 130
    centers = bin_centers()
    distance, index = nearest_bins(ab, centers)
    found = bin_indices(ab)
    assert found.shape == (2, 60, 60)
    # On a border between bins either is the nearest.
    own = (ab - centers[found].movedim(-1, 1)).square().sum(1)
    torch.testing.assert_close(own, distance[:, 0], rtol=1e-4, atol=0.02)
    assert (found == index[:, 0]).float().mean() > 0.99


def test_statistics_are_those_of_plain_loops(dataset: PhotoDataset):
    colors = color_statistics(dataset)
    lab = rgb_to_lab(dataset.batch(range(len(dataset)))["rgb"].float() / 255)
    pixels = lab.permute(0, 2, 3, 1).reshape(-1, 3)
    assert colors.num_photos == len(dataset)
    torch.testing.assert_close(colors.mean_ab, pixels[:, 1:].mean(0), rtol=1e-4, atol=1e-4)
    for level in (5, 40, 90):
        expected = pixels[pixels[:, 0].round() == level, 1:].mean(0)
        torch.testing.assert_close(colors.ab_by_level[level], expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(
            colors.ab_of(torch.full((1, 1, 2, 2), level + 0.4))[0, :, 1, 0], expected, rtol=1e-3, atol=1e-3
        )
    nearest = torch.cdist(pixels[:, 1:], bin_centers()).argmin(1)
    assert (colors.bin_counts - torch.bincount(nearest, minlength=313)).abs().sum() <= 10, "but for ties"


def test_lightness_that_no_pixel_has_gets_the_mean_color(dataset: PhotoDataset):
    colors = color_statistics(dataset)
    missing = (torch.bincount(_levels(dataset), minlength=101) == 0).nonzero()[:, 0]
    assert len(missing), "else this tests nothing"
    for level in missing:
        torch.testing.assert_close(colors.ab_by_level[level], colors.mean_ab)


def _levels(dataset: PhotoDataset) -> Tensor:
    return rgb_to_lab(dataset.batch(range(len(dataset)))["rgb"].float() / 255)[:, 0].round().long().flatten()


def slow_weights(counts: np.ndarray) -> np.ndarray:
    """Zhang et al. 2016, equation 4 with λ = 0, loop by loop."""
    centers = bin_centers().double().numpy()
    smooth = np.zeros(313)
    for source in range(313):
        kernel = np.exp(-((centers - centers[source]) ** 2).sum(1) / (2 * 5.0**2))
        smooth += counts[source] / counts.sum() * kernel / kernel.sum()
    return 1 / smooth


def test_weights_are_the_inverse_of_the_smoothed_distribution():
    counts = 1000 * torch.rand(313, generator=torch.Generator().manual_seed(1)).double() ** 8 + 1
    weights = ColorStatistics(torch.zeros(2), torch.zeros(101, 2), counts, 1).bin_weights()
    expected = slow_weights(counts.numpy())
    np.testing.assert_allclose(weights / weights.mean(), expected / expected.mean(), rtol=1e-3)


def test_a_color_never_seen_weighs_as_much_as_the_rarest_that_was():
    counts = torch.zeros(313, dtype=torch.float64)
    counts[150], counts[151] = 1000, 10
    weights = ColorStatistics(torch.zeros(2), torch.zeros(101, 2), counts, 1).bin_weights()
    assert weights.isfinite().all()
    assert weights[0] == weights.max() == weights[151] > weights[150]


def test_the_rebalanced_auc_lets_all_colors_count_alike(dataset: PhotoDataset):
    """Weights of one over a bin's frequency give the mean of the AuC per bin."""
    rgb = dataset.batch(range(len(dataset)))["rgb"].float() / 255
    lab = rgb_to_lab(rgb)
    index = bin_indices(lab[:, 1:])
    counts = torch.bincount(index.flatten(), minlength=313)
    truth = Truth(rgb, bin_weights=torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0))
    gray = lightness_to_gray(lab[:, :1]).expand_as(rgb)
    averages = Averages()
    values = compute_metrics(gray, truth, ["auc_rebalanced", "auc"])
    averages.add(torch.arange(len(rgb)), values, truth.weights(list(values)))

    distance = (rgb_to_lab(gray) - lab)[:, 1:].norm(dim=1).numpy()
    thresholds = np.linspace(0, 150, 1501)
    areas = []
    for bin_number in counts.nonzero()[:, 0]:
        errors = np.sort(distance[(index == bin_number).numpy()])
        accuracy = np.searchsorted(errors, thresholds, side="right") / len(errors)
        areas.append(100 * np.trapezoid(accuracy, thresholds) / 150)
    means = averages.means()
    assert means["auc_rebalanced"] == pytest.approx(np.mean(areas), abs=0.05)
    assert means["auc_rebalanced"] < means["auc"] - 5, "gray is poorest where colors are rare"
    low, high = averages.intervals()["auc_rebalanced"]
    assert low < means["auc_rebalanced"] < high
