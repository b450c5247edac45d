import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from skimage import data
from torch import Tensor

from colorizer.data import age, age_lightness, photo_seeds
from colorizer.data.aging import FILMS, _blur, _damage, _expose
from colorizer.data.jpeg import compress
from colorizer.errors import ColorizerError
from colorizer.photos.color import rgb_to_lab

SEEDS = photo_seeds(3, 0, [0, 1, 2, 3])


@pytest.fixture(scope="module")
def photos() -> Tensor:
    """Four cuts, 0…1, (4, 3, 64, 80)."""
    cuts = [data.astronaut()[top : top + 64, 150:230] for top in (0, 60, 120, 180)]
    return torch.from_numpy(np.stack(cuts)).movedim(-1, 1) / 255


def test_the_same_seed_does_the_same_whatever_the_company(photos: Tensor):
    aged = age(photos, SEEDS)
    assert aged.shape == photos.shape
    assert 0 <= aged.min() < aged.max() <= 1
    assert torch.equal(aged, age(photos, SEEDS))
    for place in range(4):
        alone = age(photos[place : place + 1], SEEDS[place : place + 1])
        torch.testing.assert_close(alone[0], aged[place], atol=2 / 255, rtol=0)
    assert not torch.allclose(age(photos, SEEDS[::-1]), aged, atol=0.05)


def test_an_old_photo_keeps_what_it_shows_but_no_color(photos: Tensor):
    many = photos.repeat(8, 1, 1, 1)
    aged = age(many, photo_seeds(0, 0, list(range(32))))
    # Sepia makes of every gray level one color: red, green and blue rise and fall together.
    order = aged.flatten(2)
    for photo in order:
        assert torch.corrcoef(photo)[0, 2] > 0.99
    gray = rgb_to_lab(many)[:, 0].flatten(1)
    alike = [float(torch.corrcoef(torch.stack(pair))[0, 1]) for pair in zip(order.mean(1), gray, strict=True)]
    assert min(alike) > 0.3
    assert np.mean(alike) > 0.7
    assert np.std(alike) > 0.02, "some are older than others"


def test_only_the_share_that_is_asked_for_grows_old(photos: Tensor):
    many = photos.repeat(25, 1, 1, 1)
    seeds = photo_seeds(0, 0, list(range(100)))
    before = many.clone()
    lightness = age_lightness(many, seeds, share=0.3)
    own = rgb_to_lab(many)[:, :1]
    is_old = (lightness != own).flatten(1).any(1)
    assert 20 <= int(is_old.sum()) <= 40
    assert torch.equal(many, before), "the colors to learn stay as they are"
    expected = rgb_to_lab(age(many[is_old], [seeds[i] for i in is_old.nonzero()[:, 0].tolist()]))[:, :1]
    torch.testing.assert_close(lightness[is_old], expected, atol=1, rtol=0)
    assert torch.equal(age_lightness(many, seeds, share=0), own)
    assert (age_lightness(many, seeds) != own).flatten(1).any(1).all()


def test_orthochromatic_film_sees_no_red_and_gray_stays_gray():
    colors = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0.4, 0.4, 0.4]])[:, :, None, None]
    for draw, weights in ((0.2, FILMS[0]), (0.7, FILMS[1]), (0.95, FILMS[2])):
        red, blue, gray = _expose(colors, torch.full((3,), draw)).flatten().tolist()
        assert gray == pytest.approx(0.4, abs=1e-3)
        assert (red == 0) == (weights[0] == 0)
        assert (blue > red) == (weights[2] > weights[0])


@pytest.mark.parametrize("quality", [5, 30, 50, 77, 95])
def test_jpeg_is_that_of_libjpeg(quality: int):
    pixels = data.camera()[100:171, 200:290]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "jpeg", quality=quality)
    expected = np.asarray(Image.open(stream)).astype(int)
    ours = compress(torch.from_numpy(pixels)[None, None] / 255, torch.tensor([quality]))
    difference = np.abs((ours[0, 0] * 255).round().numpy() - expected)
    # libjpeg's transform is one of whole numbers: now and then a coefficient is rounded the other way.
    assert (difference <= 1).mean() > 0.95
    assert difference.mean() < 0.5
    assert difference.max() < 8 + 600 / quality


def test_each_photo_has_a_quality_of_its_own(photos: Tensor):
    gray = photos[:2, :1]
    both = compress(gray, torch.tensor([10.0, 90.0]))
    for place, quality in enumerate((10.0, 90.0)):
        alone = compress(gray[place : place + 1], torch.tensor([quality]))
        torch.testing.assert_close(both[place : place + 1], alone, atol=1 / 255, rtol=0)


def test_each_photo_is_blurred_by_its_own_gaussian(photos: Tensor):
    blurred = _blur(photos[:3, :1], torch.tensor([0.7, 0.0, 1.4]))
    torch.testing.assert_close(blurred[1], photos[1, :1])
    for place, sigma in ((0, 0.7), (2, 1.4)):
        expected = ndimage.gaussian_filter(photos[place, 0].numpy(), sigma, mode="mirror", truncate=3.2)
        np.testing.assert_allclose(blurred[place, 0], expected, atol=2e-3)


def test_scratches_are_lines_and_dust_is_points():
    gray = torch.full((2, 1, 100, 100), 0.5)
    draws = torch.zeros(2, 11 * 6)
    # Left, top, lean, length, thickness, tone of the first scratch and of the first speck.
    draws[:, :6] = torch.tensor([0.3, 0.5, 0.5, 1.0, 0.8, 0.0])
    draws[:, 18:24] = torch.tensor([0.7, 0.2, 0.5, 0.0, 0.5, 0.9])
    scratched, dusty = _damage(gray, torch.tensor([[0.3, 0.0], [0.0, 0.12]]), draws, 1.0)[:, 0]
    rows, columns = (scratched != 0.5).nonzero(as_tuple=True)
    assert rows.unique().tolist() == list(range(100))
    assert set(columns.tolist()) <= {28, 29, 30, 31}
    assert (scratched >= 0.5).all(), "light"
    rows, columns = (dusty != 0.5).nonzero(as_tuple=True)
    assert 1 < len(rows) < 20
    assert (rows - 20).abs().max() <= 2
    assert (columns - 70).abs().max() <= 2
    assert (dusty <= 0.5).all(), "dark"


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (33, 17)])
def test_any_size_grows_old(size: tuple[int, int]):
    photos = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    aged = age(photos, SEEDS[:2])
    assert aged.shape == photos.shape
    assert aged.isfinite().all()


def test_wrong_requests_are_refused(photos: Tensor):
    with pytest.raises(ColorizerError, match="4 photos, 2 seeds"):
        age(photos, SEEDS[:2])
    with pytest.raises(ColorizerError, match="float photos"):
        age((photos * 255).byte(), SEEDS)
    with pytest.raises(ColorizerError, match=r"0…1, not 1.5"):
        age_lightness(photos, SEEDS, share=1.5)
