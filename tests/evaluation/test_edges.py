import numpy as np
import torch
from scipy import ndimage
from skimage import filters
from torch import Tensor

from colorizer.evaluation.metrics import EDGE_REACH, EDGE_STEP, compute_metrics, edge_strength, near_edges
from colorizer.photos.color import rgb_to_lab


def test_strength_is_sobels_gradient(photos: Tensor):
    ab = rgb_to_lab(photos)[:, 1:]
    for strength, channels in zip(edge_strength(ab), ab.numpy(), strict=True):
        squares = [filters.sobel_h(channel) ** 2 + filters.sobel_v(channel) ** 2 for channel in channels]
        inside = np.s_[1:-1, 1:-1]
        # What rises by 1 a pixel is 2 to scikit-image, whose taps are 2 pixels apart.
        expected = np.sqrt(sum(squares))[inside] / 2
        np.testing.assert_allclose(strength.numpy()[inside], expected, rtol=1e-3, atol=1e-3)


def test_a_ramp_is_as_steep_as_it_rises():
    ramp = 3.0 * torch.arange(20.0).expand(1, 2, 20, 20)
    assert torch.allclose(edge_strength(ramp)[:, 2:-2, 2:-2], torch.tensor(3 * 2**0.5))


def test_near_is_within_four_pixels_across_and_down(photos: Tensor):
    ab = rgb_to_lab(photos)[:, 1:]
    is_edge = (edge_strength(ab) >= EDGE_STEP).numpy()
    assert 0.01 < is_edge.mean() < 0.5
    for near, edge in zip(near_edges(ab), is_edge, strict=True):
        distance = ndimage.distance_transform_cdt(~edge, metric="chessboard")
        np.testing.assert_array_equal(near.numpy(), distance <= EDGE_REACH)


def test_errors_near_edges_and_elsewhere_are_told_apart(photos: Tensor):
    predicted = photos.flip(0)
    values = compute_metrics(predicted, photos)
    distance = (rgb_to_lab(predicted) - rgb_to_lab(photos))[:, 1:].norm(dim=1)
    for i, near in enumerate(near_edges(rgb_to_lab(photos)[:, 1:])):
        torch.testing.assert_close(values["edge_error"][i], distance[i][near].mean(), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(values["elsewhere_error"][i], distance[i][~near].mean(), rtol=1e-4, atol=1e-4)


def test_a_photo_without_edges_has_no_error_there():
    plain = torch.full((1, 3, 16, 16), 0.5)
    plain[:, 0] = 0.8
    values = compute_metrics(plain.flip(1), plain)
    assert float(values["edge_error"]) == 0
    assert float(values["elsewhere_error"]) > 20
