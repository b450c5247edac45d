"""Changing predicted colors afterwards."""

import math

import numpy as np
import pytest
import torch

from colorizer import ColorizerError
from colorizer.photos.adjusting import WARM, adjust
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.merging import merge_colors


def to_lab(pixels: np.ndarray) -> torch.Tensor:
    return rgb_to_lab(torch.from_numpy(pixels.copy()).permute(2, 0, 1) / 255)


@pytest.fixture
def ab() -> torch.Tensor:
    return torch.randn(2, 6, 9, generator=torch.Generator().manual_seed(0)) * 20


@pytest.fixture
def ramp() -> np.ndarray:
    """Every gray level."""
    return np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)


def test_nothing_changes_unless_asked_for(ab):
    assert torch.equal(adjust(ab), ab)


def test_each_pixel_is_scaled_then_moved_then_mixed_with_gray(ab):
    adjusted = adjust(ab[None], saturation=1.5, warmth=-30.0, strength=0.4)
    assert adjusted.shape == (1, 2, 6, 9)
    for row in range(6):
        for column in range(9):
            for channel in range(2):
                moved = 1.5 * float(ab[channel, row, column]) - 30.0 * WARM[channel]
                assert float(adjusted[0, channel, row, column]) == pytest.approx(0.4 * moved, abs=1e-4)


def test_warm_is_the_way_from_the_white_of_d65_to_that_of_d50():
    whites = []
    for x, y in ((0.31272, 0.32903), (0.34567, 0.35850)):  # CIE 15:2004, 2° observer
        whites.append((x / y, 1.0, (1 - x - y) / y))
    roots = [(there / here) ** (1 / 3) for here, there in zip(*whites, strict=True)]
    a, b = 500 * (roots[0] - roots[1]), 200 * (roots[1] - roots[2])
    assert math.hypot(a, b) == pytest.approx(18, abs=0.5)
    assert pytest.approx((a / math.hypot(a, b), b / math.hypot(a, b)), abs=1e-3) == WARM


@pytest.mark.parametrize("numbers", [{"warmth": 60.0}, {"warmth": -60.0}, {"saturation": 6.0}, {"strength": 0.5}])
def test_lightness_is_kept(ramp, ab, numbers):
    adjusted = merge_colors(ramp, adjust(ab, **numbers))
    assert not np.array_equal(adjusted, merge_colors(ramp, ab))
    # As near as 8 bits come.
    torch.testing.assert_close(to_lab(adjusted)[0], to_lab(ramp)[0], atol=0.35, rtol=0)


def test_warmth_tones_a_gray_photo_between_black_and_white(ramp):
    gray = torch.zeros(2, 1, 1)
    warm, cold = (to_lab(merge_colors(ramp, adjust(gray, warmth=by))) for by in (18.0, -18.0))
    assert float(warm[2, 8, 0]) == pytest.approx(18, abs=1)
    assert float(cold[2, 8, 0]) == pytest.approx(-18, abs=1)
    for toned in (warm, cold):
        assert float(toned[1:, 0, 0].abs().max()) < 0.5
        assert float(toned[1:, -1, -1].abs().max()) < 0.5


def test_without_strength_it_is_gray_however_warm(ramp, ab):
    assert np.array_equal(merge_colors(ramp, adjust(ab, saturation=3.0, warmth=50.0, strength=0.0)), ramp)


@pytest.mark.parametrize(
    "numbers", [{"warmth": 101.0}, {"strength": 1.1}, {"strength": -0.1}, {"saturation": -1.0}, {"warmth": math.nan}]
)
def test_numbers_out_of_range_are_named(ab, numbers):
    with pytest.raises(ColorizerError, match=f"{next(iter(numbers))} must be a number from"):
        adjust(ab, **numbers)


def test_other_shapes_are_refused():
    with pytest.raises(ColorizerError, match=r"expected ab as .* got \(3, 4, 4\)"):
        adjust(torch.zeros(3, 4, 4))
