"""Gain and exponent on chroma."""

import pytest
import torch

from colorizer.approaches.base.spaces import CHROMA_PIVOT, grade, ungrade


def test_the_exponent_leaves_the_pivot_and_all_hues_as_they_are():
    ab = 30 * torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    chroma = ab.norm(dim=1, keepdim=True)
    assert chroma.min() < CHROMA_PIVOT < chroma.max()
    expected = ab / chroma * 1.2 * CHROMA_PIVOT * (chroma / CHROMA_PIVOT) ** 1.5
    torch.testing.assert_close(grade(ab, 1.2, 1.5), expected, atol=1e-3, rtol=1e-4)
    at_pivot = ab / chroma * CHROMA_PIVOT
    torch.testing.assert_close(grade(at_pivot, 1.0, 1.5), at_pivot)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_gray_stays_gray(power):
    assert torch.equal(grade(torch.zeros(1, 2, 4, 4), 2.0, power), torch.zeros(1, 2, 4, 4))
    assert torch.equal(ungrade(torch.zeros(1, 2, 4, 4), 2.0, power), torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize("power", [0.5, 1.0, 1.3, 2.0])
def test_what_was_ungraded_is_graded_back(power):
    # Down to chroma of nearly nothing, where a power acts like a factor.
    magnitudes = torch.logspace(-6, 1, 64).view(1, 1, 8, 8)
    ab = magnitudes * torch.randn(8, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(grade(ungrade(ab, 1.5, power), 1.5, power), ab, atol=0, rtol=1e-4)
    torch.testing.assert_close(ungrade(grade(ab, 1.5, power), 1.5, power), ab, atol=0, rtol=1e-4)
