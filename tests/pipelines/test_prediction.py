import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats

from colorizer import ColorizerError, create_model, pipeline
from colorizer.approaches.base.spaces import LabBins
from colorizer.photos import bins
from colorizer.pipelines.prediction import smooth_uniforms

CENTERS = bins.bin_centers()
SPACE = LabBins()


def distribution(*shares: tuple[int, float]) -> torch.Tensor:
    """Return a distribution (313,) with these shares at these bins."""
    probability = torch.zeros(313)
    for place, share in shares:
        probability[place] = share
    return probability


def random_distribution(seed: int = 0) -> torch.Tensor:
    return (2 * torch.randn(313, generator=torch.Generator().manual_seed(seed))).softmax(0)


def test_rows_are_the_bins_of_one_a():
    ends = bins.row_ends()
    assert len(ends) == len(CENTERS[:, 0].unique())
    starts = [0, *(end + 1 for end in ends[:-1])]
    for start, end in zip(starts, ends, strict=True):
        assert len(CENTERS[start : end + 1, 0].unique()) == 1
        assert (CENTERS[start : end + 1, 1].diff() > 0).all()
    assert ends[-1] == 312


def slow_draw(probability: list[float], first: float, second: float) -> int:
    """Draw for one pixel: the row where the cumulative shares of the rows pass `first`, and in it the bin for `second`."""
    centers = CENTERS.tolist()
    rows = sorted({a for a, _ in centers})
    cumulated = 0.0
    for a in rows:
        members = [index for index in range(313) if centers[index][0] == a]
        mass = sum(probability[index] for index in members)
        if cumulated + mass > first or a == rows[-1]:
            within = 0.0
            for index in members:
                within += probability[index] / mass
                if within > second:
                    return index
            return members[-1]
        cumulated += mass
    raise AssertionError


def test_bins_are_drawn_as_the_slow_way_draws_them():
    probability = torch.stack([random_distribution(seed) for seed in range(40)], 1).view(313, 5, 8)
    uniforms = torch.rand(2, 5, 8, generator=torch.Generator().manual_seed(1))
    drawn = bins.draw_bins(probability, uniforms)
    for row, column in np.ndindex(5, 8):
        expected = slow_draw(probability[:, row, column].tolist(), *uniforms[:, row, column].tolist())
        assert drawn[row, column] == expected


def test_extreme_numbers_draw_a_bin_that_is_possible():
    probability = distribution((10, 0.5), (11, 0.25), (200, 0.25))[:, None, None].expand(313, 1, 4)
    uniforms = torch.tensor([[0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0]])[:, None]
    ends = torch.tensor(bins.row_ends())
    for place in bins.draw_bins(probability, uniforms).flatten().tolist():
        assert 0 <= place < 313
        # In the row of a possible bin; 1 itself, which is never reached but by rounding, is the row's end.
        assert probability[place, 0, 0] > 0 or place in ends


def test_the_numbers_are_uniform_at_each_pixel_and_change_slowly():
    draws = torch.stack([next(smooth_uniforms(12, 20, seed=seed, num=1)) for seed in range(1500)])
    assert draws.shape == (1500, 2, 12, 20)
    for which, row, column in ((0, 0, 0), (1, 0, 0), (0, 6, 11), (1, 11, 19)):
        assert stats.kstest(draws[:, which, row, column].numpy(), "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:, 0, 3, 3], draws[:, 1, 3, 3])[0, 1]) < 0.1
    # Neighbors are a twentieth of the width apart, the ends of a row the whole width.
    neighbors = (draws[..., 1:] - draws[..., :-1]).abs().mean()
    ends = (draws[..., -1] - draws[..., 0]).abs().mean()
    assert neighbors < 0.03
    assert ends > 4 * neighbors


def test_later_answers_are_uniform_too_and_keep_apart():
    several = torch.stack(
        [torch.stack(list(smooth_uniforms(2, 2, seed=seed, num=4)))[:, :, 0, 0] for seed in range(1000)]
    )
    for index in range(4):
        assert stats.kstest(several[:, index, 0].numpy(), "uniform").pvalue > 1e-3
    # Of four independent numbers the smallest and the largest are 0.6 apart on average.
    spans = several[..., 0].amax(1) - several[..., 0].amin(1)
    assert spans.mean() > 0.65


def test_a_field_is_nearly_the_same_at_any_resolution():
    coarse, fine = (next(smooth_uniforms(*size, seed=5, num=1)) for size in ((12, 20), (120, 200)))
    assert (torch.nn.functional.avg_pool2d(fine, 10) - coarse).abs().max() < 0.02


def test_each_pixel_of_a_uniform_photo_follows_the_annealed_distribution():
    logits = torch.randn(313, generator=torch.Generator().manual_seed(3))
    logits[::9] += 3
    temperature = 0.6
    expected = (logits / temperature).softmax(0)
    probability = expected[:, None, None].expand(313, 3, 4)
    counts = torch.zeros(3, 4, 313)
    num_seeds = 2000
    for seed in range(num_seeds // 2):
        for uniforms in smooth_uniforms(3, 4, seed=seed, num=2):
            drawn = bins.draw_bins(probability, uniforms)
            counts.scatter_add_(2, drawn[..., None], torch.ones(3, 4, 1))
    # Rare bins together, as the χ² test wants it.
    is_common = expected * num_seeds >= 10
    for row, column in ((0, 0), (1, 2), (2, 3)):
        seen = [*counts[row, column][is_common].tolist(), counts[row, column][~is_common].sum().item()]
        shares = [*expected[is_common].tolist(), expected[~is_common].sum().item()]
        assert stats.chisquare(seen, num_seeds * np.array(shares) / sum(shares)).pvalue > 1e-3


def test_a_color_is_the_mean_around_the_drawn_one():
    red, orange, blue = (
        (CENTERS - torch.tensor(color)).norm(dim=1).argmin() for color in ((60, 40), (50, 50), (20, -60))
    )
    probability = distribution((red, 0.3), (orange, 0.3), (blue, 0.4))
    logits = probability.clamp(min=1e-12).log()[:, None, None].expand(313, 4, 4)
    seen = set()
    for seed in range(20):
        ab = SPACE.draw(logits, next(smooth_uniforms(4, 4, seed=seed, num=1)), temperature=1.0)
        for color in ab.flatten(1).T:
            near = min(((color - CENTERS[place]).norm().item(), place.item()) for place in (red, orange, blue))
            seen.add(near[1])
            if near[1] == blue:
                assert near[0] < 1  # nothing of the red ones, which are far off
            else:
                weights = [
                    math.exp(-((CENTERS[near[1]] - CENTERS[q]).norm().item() ** 2) / (2 * 16**2)) for q in (red, orange)
                ]
                expected = (weights[0] * CENTERS[red] + weights[1] * CENTERS[orange]) / sum(weights)
                assert (color - expected).norm() < 1
    assert seen == {red.item(), orange.item(), blue.item()}


def test_a_certain_network_has_one_answer():
    logits = distribution((77, 1.0)).clamp(min=1e-30).log()[:, None, None].expand(313, 5, 6)
    for uniforms in smooth_uniforms(5, 6, seed=0, num=3):
        ab = SPACE.draw(logits, uniforms, temperature=0.38)
        assert torch.allclose(ab, CENTERS[77][:, None, None].expand(2, 5, 6), atol=1e-3)


def test_uncertainty_is_the_normalized_entropy():
    logits = torch.zeros(2, 313, 1, 2)
    logits[0, 5, 0, 0] = 1e4
    logits[1, :2, 0, 1] = 1e4
    values = SPACE.uncertainty(logits)
    expected = [[0, 1], [1, math.log(2) / math.log(313)]]
    assert values[:, 0].tolist() == [pytest.approx(row, abs=1e-5) for row in expected]


def lively(approach: str, **fields):
    """Build a random network that reacts to its input; with the papers' initializations, one this small hardly does."""
    torch.manual_seed(0)
    model = create_model(approach, width=1 / 16, **fields)
    for weight in model.parameters():
        if weight.ndim == 4:
            torch.nn.init.kaiming_normal_(weight)
    return model


@pytest.fixture(scope="module")
def colorful():
    return pipeline(lively("colorful", resolution=64), device="cpu")


@pytest.fixture
def photo() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8))


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB")).astype(int)


def test_several_answers_come_as_a_list_from_one_pass(colorful, photo, monkeypatch):
    calls = []
    forward = type(colorful.model).predict
    monkeypatch.setattr(type(colorful.model), "predict", lambda self, *given: calls.append(1) or forward(self, *given))
    answers = colorful(photo, num_images=4, seed=0)
    assert len(calls) == 1
    assert [answer.size for answer in answers] == 4 * [photo.size]
    for index, answer in enumerate(answers):
        for other in answers[index + 1 :]:
            assert np.abs(pixels(answer) - pixels(other)).mean() > 1
    assert not isinstance(colorful(photo, num_images=1), list)


def test_a_seed_gives_the_same_answers_again_and_another_gives_others(colorful, photo):
    first, second = colorful(photo, num_images=2, seed=7)
    again = colorful(photo, num_images=3, seed=7)
    assert np.array_equal(pixels(first), pixels(again[0]))
    assert np.array_equal(pixels(second), pixels(again[1]))
    # A seed alone draws one, not a list; neither is it the network's own answer.
    assert np.array_equal(pixels(first), pixels(colorful(photo, seed=7)))
    assert not np.array_equal(pixels(first), pixels(colorful(photo, seed=8)))
    assert not np.array_equal(pixels(first), pixels(colorful(photo)))
    assert np.array_equal(pixels(colorful(photo, num_images=2)[1]), pixels(colorful(photo, num_images=2, seed=0)[1]))


def test_lists_of_photos_get_lists_of_answers(colorful, photo):
    photos = [photo, photo.rotate(180), photo.resize((30, 50))]
    together = colorful(photos, num_images=2, seed=1, batch_size=2)
    assert [len(answers) for answers in together] == [2, 2, 2]
    for source, answers in zip(photos, together, strict=True):
        for answer, alone in zip(answers, colorful(source, num_images=2, seed=1), strict=True):
            assert np.abs(pixels(answer) - pixels(alone)).max() <= 1


def test_results_have_the_uncertainty_at_the_size_of_ab(colorful, photo):
    results = colorful(photo, num_images=2, return_dict=True)
    assert not torch.equal(results[0].ab, results[1].ab)
    for result in (*results, colorful(photo, return_dict=True), colorful(photo, return_dict=True, temperature=1.0)):
        assert result.uncertainty.shape == result.ab.shape[1:]
        assert 0 <= result.uncertainty.min() <= result.uncertainty.max() <= 1
        assert torch.equal(result.uncertainty, results[0].uncertainty)
    expected = torch.nn.functional.interpolate(
        SPACE.uncertainty(results[0].logits[None])[None], size=results[0].ab.shape[1:], mode="bilinear"
    )
    assert torch.allclose(results[0].uncertainty, expected[0, 0], atol=1e-5)
    dense = pipeline(create_model("dense", width=1 / 64), device="cpu")
    assert dense(photo, return_dict=True).uncertainty is None


def test_a_higher_temperature_draws_from_more_colors(colorful, photo):
    spread = [
        torch.stack([result.ab for result in colorful(photo, num_images=6, temperature=t, return_dict=True)])
        .std(0)
        .mean()
        for t in (0.05, 1.0)
    ]
    assert spread[1] > spread[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images": 0}, "num_images must be a whole number from 1 to 100, got 0"),
        ({"num_images": 101}, "num_images"),
        ({"num_images": 2.0}, "num_images"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": "one"}, "got 'one'"),
        ({"seed": True}, "seed"),
    ],
)
def test_wrong_numbers_of_answers_and_seeds_are_refused(colorful, photo, options, message):
    with pytest.raises(ColorizerError, match=message):
        colorful(photo, **options)


@pytest.mark.parametrize("options", [{"num_images": 2}, {"seed": 0}])
def test_approaches_with_one_answer_name_those_with_several(photo, options):
    dense = pipeline(create_model("dense", width=1 / 64), device="cpu")
    with pytest.raises(ColorizerError, match=r"dense .*num_images or seed.*: colorful"):
        dense(photo, **options)
    assert dense(photo, num_images=1).size == photo.size
