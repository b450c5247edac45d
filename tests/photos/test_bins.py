import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from colorizer.approaches.base import losses
from colorizer.photos import bins, color

CENTERS = bins.bin_centers()


def test_the_bins_are_the_313_grid_points_nearest_to_the_gamut():
    levels = torch.linspace(0, 1, 65, dtype=torch.float64)
    inside = torch.cartesian_prod(levels, levels, levels).T.reshape(3, -1, 1)
    in_gamut = color.rgb_to_lab(inside)[1:, :, 0].T.numpy()
    axis = np.arange(-110, 111, bins.GRID)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    distance, _ = cKDTree(in_gamut).query(grid)
    nearest = np.sort(np.argsort(distance)[:313])
    assert bins.NUM_BINS == 313
    assert np.array_equal(grid[nearest], CENTERS.numpy())


def slow_soft_encode(ab: np.ndarray) -> np.ndarray:
    """Encode pixel by pixel, as described in section 2.1."""
    centers = CENTERS.numpy()
    distance = np.sqrt(((centers - ab) ** 2).sum(1))
    encoded = np.zeros(len(centers))
    for index in np.argsort(distance)[:5]:
        encoded[index] = np.exp(-(distance[index] ** 2) / (2 * 5.0**2))
    return encoded / encoded.sum()


@pytest.fixture
def ab() -> torch.Tensor:
    return (torch.rand(2, 2, 3, 4, generator=torch.Generator().manual_seed(1)) - 0.5) * 150


def test_soft_encoding_equals_the_slow_one(ab):
    encoded = bins.soft_encode(ab, CENTERS)
    for photo, row, column in np.ndindex(2, 3, 4):
        expected = slow_soft_encode(ab[photo, :, row, column].numpy())
        assert encoded[photo, :, row, column].numpy() == pytest.approx(expected, abs=1e-4)


def test_cross_entropy_equals_the_slow_one(ab):
    logits = torch.randn(2, 313, 3, 4, generator=torch.Generator().manual_seed(2))
    weights = torch.rand(313, generator=torch.Generator().manual_seed(3)) + 0.5
    total = 0.0
    for photo, row, column in np.ndindex(2, 3, 4):
        encoded = slow_soft_encode(ab[photo, :, row, column].numpy())
        probability = np.exp(logits[photo, :, row, column].double().numpy())
        probability /= probability.sum()
        total -= weights[encoded.argmax()].item() * (encoded * np.log(probability)).sum()
    ours = losses.soft_bin_cross_entropy(logits, ab, CENTERS, weights)
    assert ours.item() == pytest.approx(total / 24, rel=1e-4)
    assert losses.soft_bin_cross_entropy(logits, ab, CENTERS).item() != pytest.approx(ours.item(), rel=1e-2)


def test_rebalancing_weights_equal_the_slow_ones():
    counts = torch.zeros(313)
    counts[::7] = torch.arange(1, len(counts[::7]) + 1).float()
    prior = (counts / counts.sum()).double().numpy()
    smooth = np.zeros(313)
    for source in range(313):
        kernel = np.exp(-((CENTERS - CENTERS[source]) ** 2).sum(1).double().numpy() / (2 * 5.0**2))
        smooth += prior[source] * kernel / kernel.sum()
    expected = 1 / (0.5 * smooth + 0.5 / 313)
    expected /= (smooth * expected).sum()
    weights = bins.rebalancing_weights(counts, CENTERS)
    assert weights.numpy() == pytest.approx(expected, rel=1e-4)
    # Empty bins have the largest weight, but no more than the uniform share allows.
    assert torch.isfinite(weights).all()
    assert weights.argmin() == counts.argmax()


def test_annealed_mean_goes_from_mean_to_mode():
    logits = torch.full((1, 313, 1, 1), -20.0)
    first, second = 40, 200
    logits[0, first], logits[0, second] = 2.0, 1.0
    share = torch.tensor([2.0, 1.0]).softmax(0)
    mean = share[0] * CENTERS[first] + share[1] * CENTERS[second]
    assert bins.annealed_mean(logits, CENTERS, 1.0).flatten().tolist() == pytest.approx(mean.tolist(), abs=1e-2)
    assert bins.annealed_mean(logits, CENTERS, 0.02).flatten().tolist() == pytest.approx(
        CENTERS[first].tolist(), abs=1e-2
    )
    between = bins.annealed_mean(logits, CENTERS).flatten()
    assert (between - CENTERS[first]).norm() < (mean - CENTERS[first]).norm()
