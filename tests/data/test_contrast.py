import numpy as np
import pytest
import torch
from skimage import data, exposure

from colorizer.data import augment
from colorizer.data.contrast import change_contrast
from colorizer.photos.color import rgb_to_lab
from tests.data.test_augmentation import photos

ADAPTIVE, STRETCHED, EQUALIZED = range(3)


def changed_lightness(rgb: torch.Tensor, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """The first photo's lightness before and after, in 0…1."""
    after = change_contrast(rgb, torch.full((len(rgb),), kind))
    return tuple(rgb_to_lab(photo)[0, 0].double().numpy() / 100 for photo in (rgb, after))


@pytest.fixture(scope="module")
def gray() -> torch.Tensor:
    """A gray photo, whose lightness no gamut bounds."""
    camera = torch.from_numpy(data.camera()[::2, ::2].copy())
    return (camera.float() / 255).expand(1, 3, *camera.shape)


def test_stretching_equals_scikit_images(gray):
    # Of a photo with little contrast, so that there is something to stretch.
    before, after = changed_lightness(0.3 + 0.4 * gray, STRETCHED)
    expected = exposure.rescale_intensity(before, in_range=tuple(np.percentile(before, (2, 98))), out_range=(0.0, 1.0))
    assert np.abs(after - expected).max() < 0.02
    assert expected.std() > 1.5 * before.std()


def test_equalization_equals_scikit_images(gray):
    before, after = changed_lightness(gray, EQUALIZED)
    assert np.abs(after - exposure.equalize_hist(before)).mean() < 0.01
    shares, _ = np.histogram(after, 8, (0, 1))
    assert shares.max() < 1.5 * shares.mean()


def test_adaptive_equalization_is_like_scikit_images(gray):
    """Ours spreads clipped pixels differently, and interpolates differently at the rim."""
    before, after = changed_lightness(gray, ADAPTIVE)
    expected = exposure.equalize_adapthist(before, clip_limit=0.01)
    assert np.abs(after - expected).mean() < 0.03
    assert np.corrcoef(after.ravel(), expected.ravel())[0, 1] > 0.98
    assert np.abs(before - expected).mean() > 0.05


@pytest.mark.parametrize("kind", [ADAPTIVE, STRETCHED, EQUALIZED])
def test_colors_stay_where_they_can_be_shown(kind):
    # Dull colors, which every lightness can have.
    rgb = 0.4 + 0.2 * photos(3, 48).float() / 255
    after = change_contrast(rgb, torch.full((3,), kind))
    before_ab, after_ab = rgb_to_lab(rgb)[:, 1:], rgb_to_lab(after)[:, 1:]
    is_shown = ((after > 0.01) & (after < 0.99)).all(1, keepdim=True).expand_as(after_ab)
    assert is_shown.float().mean() > 0.7
    assert (after_ab - before_ab)[is_shown].abs().max() < 0.05
    assert (rgb_to_lab(after)[:, :1] - rgb_to_lab(rgb)[:, :1]).abs().mean() > 5


@pytest.mark.parametrize("side", [1, 2, 5, 8, 37])
def test_any_size_and_plain_photos_give_something_that_can_be_shown(side):
    for rgb in (torch.full((3, 3, side, side), 0.5), torch.zeros(3, 3, side, side), torch.rand(3, 3, side, side)):
        after = change_contrast(rgb, torch.arange(3))
        assert after.shape == rgb.shape
        assert torch.isfinite(after).all()
        assert after.min() >= 0
        assert after.max() <= 1


def test_augment_changes_the_share_asked_for_and_leaves_the_others_alone():
    rgb = photos(1, 16).expand(400, 3, 16, 16).contiguous()
    seeds = list(range(400))
    plain = augment(rgb, size=16, seeds=seeds)
    after = augment(rgb, size=16, seeds=seeds, contrast=0.75)
    is_kept = (after == plain).all(dim=(1, 2, 3))
    assert 0.2 < is_kept.float().mean() < 0.3
    # Flips and the three ways make six photos of the one, each about as often.
    looks, counts = after[~is_kept].mul(255).round().flatten(1).unique(dim=0, return_counts=True)
    assert len(looks) == 6
    assert counts.min() > 25


def test_a_photos_contrast_changes_alike_wherever_it_stands():
    rgb, seeds = photos(8, 32), list(range(8))
    whole = augment(rgb, size=24, seeds=seeds, contrast=1.0, rotation=10.0)
    order = [5, 0, 7]
    part = augment(rgb[order], size=24, seeds=[seeds[place] for place in order], contrast=1.0, rotation=10.0)
    assert torch.allclose(part, whole[order], atol=1e-4)
