import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import ColorizerError
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import in_srgb
from colorizer.pipelines.hint_propagation import Propagation
from tests.photos import color_profiles

BLUE, RED = (51, 102, 204), (200, 40, 30)


def photo_of(gray: np.ndarray) -> Photo:
    return Photo(np.repeat(gray.astype(np.uint8)[..., None], 3, axis=2))


def ab_of(rgb: tuple[int, int, int]) -> torch.Tensor:
    return rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[1:, 0, 0]


@pytest.fixture(scope="module")
def noise() -> Photo:
    return photo_of(np.random.default_rng(0).integers(0, 256, (7, 9)))


@pytest.fixture(scope="module")
def halves() -> Photo:
    """Photo that is dark on the left and light on the right, both slightly noisy."""
    gray = np.where(np.arange(120) < 60, 60, 190) + np.random.default_rng(0).normal(0, 2, (80, 120))
    return photo_of(gray.clip(0, 255))


def weights(L: np.ndarray) -> np.ndarray:
    """Compute the neighbors' weights w_rs (n, n), pixel by pixel; each row sums to 1."""
    height, width = L.shape
    padded = np.pad(L, 1, mode="edge")
    variance = [
        [min(max(0.6 * padded[y : y + 3, x : x + 3].var(), 1), 50) for x in range(width)] for y in range(height)
    ]
    matrix = np.zeros((L.size, L.size))
    for y in range(height):
        for x in range(width):
            for v in range(max(0, y - 1), min(height, y + 2)):
                for u in range(max(0, x - 1), min(width, x + 2)):
                    if (v, u) != (y, x):
                        spread = variance[y][x] + variance[v][u]
                        matrix[y * width + x, v * width + u] = np.exp(-((L[y, x] - L[v, u]) ** 2) / spread)
    return matrix / matrix.sum(1, keepdims=True)


@pytest.mark.parametrize(("row", "column"), [(3, 4), (0, 8)])
def test_an_influence_has_the_least_energy_of_all_that_are_1_at_the_hint(noise: Photo, row: int, column: int):
    reach = 0.3
    L = compute_lightness(noise, (7, 9))[0].double().numpy()
    pull = 0.375 / (reach * 63**0.5) ** 2
    operator = (1 + pull) * np.eye(63) - weights(L)
    cell = row * 9 + column
    others = np.arange(63) != cell
    expected = np.ones(63)
    expected[others] = np.linalg.lstsq(operator[:, others], -operator[:, cell], rcond=None)[0]
    influence = Propagation(noise, reach=reach).influence(row, column)
    assert np.abs(influence - expected.clip(0, 1).reshape(7, 9)).max() < 5e-3
    assert influence[row, column] == 1


def test_large_photos_are_solved_as_precisely():
    gray = np.asarray(Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 12), np.uint8)).resize((36, 28)))
    spread = Propagation(photo_of(gray))
    influence = spread.influence(20, 30).astype(np.float64)
    root = np.sqrt(spread._degree.astype(np.float64))
    operator = spread._system.toarray().astype(np.float64) / root[:, None] * root
    solution = np.linalg.inv(operator.T @ operator)[:, 20 * 36 + 30]
    assert np.abs(influence - (solution / solution[20 * 36 + 30]).clip(0, 1).reshape(28, 36)).max() < 5e-3


def test_a_hint_colors_its_place_and_not_what_is_far_away_or_behind_an_edge(halves: Photo):
    ab = torch.full((2, 80, 120), 5.0)
    colored = Propagation(halves)(ab, [(40, 40, BLUE)])
    assert torch.allclose(colored[:, 40, 40], ab_of(BLUE), atol=0.1)
    change = (colored - ab).norm(dim=0) / (ab_of(BLUE) - 5).norm()
    assert change[38:43, 38:43].min() > 0.9
    assert change[40, 52] > 0.2
    assert change[:, 66:].max() < 0.02  # twelve pixels farther, behind the edge
    assert change[:8, :10].max() < 0.02
    assert change[40, 40:58].diff().max() < 0.01


def test_reach_says_how_far(halves: Photo):
    near, far = (
        (Propagation(halves, reach=reach)(torch.zeros(2, 80, 120), [(20, 40, BLUE)]).norm(dim=0) > 10).sum()
        for reach in (0.03, 0.2)
    )
    assert 4 * near < far


def test_colors_stay_between_the_hints_and_the_prediction(halves: Photo):
    hints = [(20, 20, BLUE), (22, 20, RED), (20, 22, (90, 160, 60)), (90, 60, RED), (91, 60, BLUE)]
    colored = Propagation(halves)(torch.zeros(2, 80, 120), hints)
    colors = torch.stack([ab_of(rgb) for *_, rgb in hints] + [torch.zeros(2)], 1)
    for channel in range(2):
        assert colored[channel].min() >= colors[channel].min() - 0.1
        assert colored[channel].max() <= colors[channel].max() + 0.1
    for x, y, rgb in hints:
        assert torch.allclose(colored[:, y, x], ab_of(rgb), atol=0.5)


def test_a_hint_of_the_predicted_color_keeps_others_away(halves: Photo):
    ab = ab_of((120, 100, 90))[:, None, None].expand(2, 80, 120).contiguous()
    hint, shield = (30, 40, BLUE), (42, 40, (120, 100, 90))
    alone, held = (Propagation(halves)(ab, hints) for hints in ([hint], [hint, shield]))
    assert (alone - ab)[:, 40, 42].norm() > 20
    assert (held - ab)[:, 40, 42].norm() < 0.1
    assert torch.allclose(held[:, 40, 30], ab_of(BLUE), atol=0.1)


def test_of_two_hints_at_one_place_the_later_counts(halves: Photo):
    spread, ab = Propagation(halves), torch.zeros(2, 80, 120)
    assert torch.equal(spread(ab, [(30, 40, RED), (30, 40, BLUE)]), spread(ab, [(30, 40, BLUE)]))


def test_a_large_photo_and_any_size_of_ab():
    gray = np.tile(np.linspace(0, 255, 900), (600, 1))
    spread = Propagation(photo_of(gray))
    assert spread.size == (157, 235)
    for size, expected in (((40, 60), (157, 235)), ((300, 450), (300, 450))):
        colored = spread(torch.zeros(2, *size), [(450, 300, BLUE)])
        assert colored.shape == (2, *expected)
        assert torch.allclose(colored[:, expected[0] // 2, expected[1] // 2], ab_of(BLUE), atol=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (2, 2), (1, 60_000)])
def test_thin_photos(shape: tuple[int, int]):
    photo = photo_of(np.random.default_rng(0).integers(0, 256, shape))
    colored = Propagation(photo)(torch.zeros(2, 1, 1), [(shape[1] - 1, shape[0] - 1, BLUE)])
    assert torch.isfinite(colored).all()
    assert torch.allclose(colored[:, -1, -1], ab_of(BLUE), atol=0.1)
    assert max(colored.shape) <= 576


def test_one_more_hint_costs_one_more_solution(halves: Photo, monkeypatch: pytest.MonkeyPatch):
    spread, ab = Propagation(halves), torch.zeros(2, 80, 120)
    calls, solve = [], Propagation._solve
    monkeypatch.setattr(Propagation, "_solve", lambda self, right: calls.append(1) or solve(self, right))
    spread(ab, [(30, 40, BLUE)])
    spread(ab + 3, [(30, 40, RED), (80, 40, BLUE)])
    assert len(calls) == 4
    monkeypatch.setattr("colorizer.pipelines.hint_propagation._MAX_CACHED", 2)
    spread(ab, [(x, 10, BLUE) for x in range(4)])
    assert len(spread._influences) == 2


def test_no_hints_change_nothing_and_wrong_ones_are_refused(halves: Photo):
    ab = torch.randn(2, 80, 120)
    assert torch.equal(Propagation(halves)(ab, []), ab)
    with pytest.raises(ColorizerError, match="lies outside the photo, which has 120×80"):
        Propagation(halves)(ab, [(120, 0, BLUE)])
    with pytest.raises(ColorizerError, match="blue of"):
        Propagation(halves)(ab, [(1, 0, (0, 0, 300))])
    with pytest.raises(ColorizerError, match=r"reach must be a number from 0\.01 to 1"):
        Propagation(halves, reach=2)(ab, [])


def test_the_photo_keeps_its_lightness(halves: Photo):
    colored = merge_colors(halves.pixels, Propagation(halves)(torch.zeros(2, 80, 120), [(30, 40, BLUE)]))
    before, after = (compute_lightness(pixels, (80, 120)) for pixels in (halves.pixels, colored))
    assert (before - after).abs().max() < 0.6


@pytest.mark.parametrize("name", ["ADOBE_RGB", "PROPHOTO"])
def test_a_hint_is_seen_as_itself_in_every_color_profile(name: str):
    brown, profile = (139, 80, 51), color_profiles.rgb(*getattr(color_profiles, name))
    # The gray that is as light as the color.
    level = round(255 * (0.1127 ** (1 / getattr(color_profiles, name)[1])))
    photo = Photo(np.full((40, 60, 3), level, np.uint8), icc_profile=profile)
    colored = merge_colors(photo, Propagation(photo)(torch.zeros(2, 40, 60), [(30, 20, brown)]))
    seen = in_srgb(Photo(colored, icc_profile=profile)).pixels[20, 30]
    assert abs(seen.astype(int) - brown).max() <= 2
