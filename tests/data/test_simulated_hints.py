import pytest
import torch

from colorizer.data import photo_seeds, simulate_hints
from colorizer.photos.color import rgb_to_lab


def photos(count: int, height: int = 24, width: int = 24) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def seeds(count: int, epoch: int = 0) -> list[int]:
    return photo_seeds(0, epoch, list(range(count)))


def box(mask: torch.Tensor) -> tuple[int, int, int, int]:
    """First row, first column, height and width of what is not 0 in (H, W)."""
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    return rows[0].item(), columns[0].item(), len(rows), len(columns)


def test_a_point_gives_the_mean_color_of_a_square_that_lies_around_the_center():
    rgb = photos(2000, 32, 48)
    ab = rgb_to_lab(rgb)[:, 1:]
    hints = simulate_hints(rgb, seeds(2000), num_points=1)
    sides, centers = [], []
    for photo, given in zip(ab, hints, strict=True):
        top, left, height, width = box(given[2])
        assert height == width
        assert given[2].sum() == height * width
        square = (slice(None), slice(top, top + height), slice(left, left + width))
        assert torch.allclose(
            given[:2][square], photo[square].mean((1, 2), keepdim=True).expand(2, height, width), atol=1e-3
        )
        assert (given[:2] * (1 - given[2])).abs().max() == 0
        sides.append(height)
        centers.append((top + height / 2, left + width / 2))
    shares = torch.bincount(torch.tensor(sides), minlength=10)[1:] / len(sides)
    assert len(shares) == 9
    assert (shares - 1 / 9).abs().max() < 0.025
    centers = torch.tensor(centers)
    assert (centers.mean(0) - torch.tensor([16, 24])).abs().max() < 1
    # A quarter of what is left of the side beside a square of 5 pixels on average, a little less for those cut at the rim.
    assert (centers.std(0) - torch.tensor([27, 43]) / 4).abs().max() < 1


def test_the_number_of_points_is_geometric_and_a_hundredth_of_the_photos_is_given_whole():
    rgb = photos(2000, 10, 10)
    hints = simulate_hints(rgb, seeds(2000))
    is_whole = (hints == torch.cat((rgb_to_lab(rgb)[:, 1:], torch.ones(2000, 1, 10, 10)), 1)).flatten(1).all(1)
    assert is_whole.float().mean().item() == pytest.approx(0.01, abs=0.007)
    counts = torch.full((2000,), -1)
    for number in range(8):
        same = (simulate_hints(rgb, seeds(2000), num_points=number) == hints).flatten(1).all(1)
        counts[same & (counts < 0)] = number
    assert (counts == 0).float().mean().item() == pytest.approx(0.99 / 8, abs=0.025)
    assert (counts >= 0).float().mean().item() == pytest.approx(0.99 * (1 - (7 / 8) ** 8), abs=0.035)


def test_a_share_of_the_photos_gets_the_hints_that_all_would_get():
    rgb = photos(2000, 10, 10)
    every, some = simulate_hints(rgb, seeds(2000)), simulate_hints(rgb, seeds(2000), share=0.25)
    is_same = (every == some).flatten(1).all(1)
    assert (some[~is_same] == 0).all()
    has_hints = some.flatten(1).any(1)
    assert has_hints.float().mean().item() == pytest.approx(0.25 * (1 - 0.99 / 8), abs=0.03)
    # Which photos they are has nothing to do with how many points they get.
    numbers = every[:, 2].sum((1, 2))
    assert numbers[has_hints].mean().item() == pytest.approx(numbers[numbers > 0].mean().item(), rel=0.1)


def test_a_later_square_covers_an_earlier_one():
    rgb = photos(50, 16, 16)
    for number in range(1, 6):
        before, after = (simulate_hints(rgb, seeds(50), num_points=count) for count in (number, number + 1))
        for photo, old, new in zip(rgb_to_lab(rgb)[:, 1:], before, after, strict=True):
            top, left, height, width = box((new != old).any(0))
            # What a new square leaves of the old ones is untouched; all that it covers has one color, the square's mean.
            assert height == width
            square = (slice(None), slice(top, top + height), slice(left, left + width))
            expected = photo[square].mean((1, 2), keepdim=True).expand(2, height, width)
            assert torch.allclose(new[:2][square], expected, atol=1e-3)
            assert new[2][square[1:]].min() == 1


def test_hints_depend_on_the_photos_seed_and_not_on_its_company():
    rgb = photos(16)
    together = simulate_hints(rgb, seeds(16))
    for index in range(16):
        alone = simulate_hints(rgb[index : index + 1], seeds(16)[index : index + 1])
        assert torch.allclose(alone[0], together[index], atol=1e-4)
        assert torch.equal(alone[0, 2], together[index, 2])
    assert torch.equal(simulate_hints(rgb, seeds(16)), together)
    assert not torch.equal(simulate_hints(rgb, seeds(16, epoch=1))[:, 2], together[:, 2])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 50), (9, 9)])
def test_small_photos_get_small_squares(height, width):
    hints = simulate_hints(photos(40, height, width), seeds(40), num_points=3)
    assert hints.shape == (40, 3, height, width)
    assert torch.isfinite(hints).all()
    assert (hints[:, 2].sum((1, 2)) > 0).all()
