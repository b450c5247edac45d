import numpy as np
import pytest
import skimage.color
import torch

from colorizer.approaches.base.spaces import Yuv
from colorizer.photos import color


@pytest.fixture
def rgb() -> torch.Tensor:
    """Return every 15th level of each channel, (1, 3, 18, 324), including the corners of sRGB."""
    levels = torch.arange(0, 256, 15) / 255
    return torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 18, -1)


def test_yuv_loses_no_color(rgb):
    """Convert each photo's UV back to its own ab, within 1e-3 units, since the space keeps the photo's lightness."""
    lightness, target = Yuv().split(rgb)
    assert torch.equal(lightness, color.rgb_to_lab(rgb)[:, :1])
    assert (Yuv().join(lightness, target) - color.rgb_to_lab(rgb)[:, 1:]).abs().max() < 1e-3


def test_yuv_targets_fill_the_range_of_a_sigmoid(rgb):
    _, target = Yuv().split(rgb)
    their_uv = skimage.color.rgb2yuv(rgb[0].movedim(0, -1).double().numpy())[..., 1:]
    expected = their_uv / (2 * np.array([0.43601035, 0.61497538])) + 0.5
    assert np.abs(target[0].movedim(0, -1).numpy() - expected).max() < 1e-6
    assert (target.amin((0, 2, 3)).tolist(), target.amax((0, 2, 3)).tolist()) == (
        pytest.approx([0, 0], abs=1e-6),
        pytest.approx([1, 1], abs=1e-6),
    )


def test_yuv_of_a_gray_photo_is_no_color():
    lightness = torch.linspace(0, 100, 64).view(1, 1, 8, 8)
    source = Yuv().encode(lightness)
    assert source == pytest.approx(color.lightness_to_gray(lightness))
    _, target = Yuv().split(source.expand(1, 3, 8, 8))
    assert target == pytest.approx(torch.full((1, 2, 8, 8), 0.5), abs=1e-6)
    assert Yuv().join(lightness, target).abs().max() < 1e-3
