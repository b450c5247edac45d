import math

import pytest
import torch

from colorizer.demo.photo.color_suggestions import NUM_SUGGESTIONS, color_name, parse_color, suggest
from colorizer.errors import ColorizerError
from colorizer.photos.bins import NUM_BINS, bin_centers
from colorizer.photos.color import rgb_to_lab


def lab(rgb: tuple[int, ...]) -> torch.Tensor:
    return rgb_to_lab(torch.tensor(rgb).view(3, 1, 1) / 255)[:, 0, 0]


def flat(ab: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(ab)[:, None, None].expand(2, 8, 8)


def test_without_a_distribution_the_predicted_color_comes_first_and_others_around_it():
    colors = suggest(flat((20, 30)), None, 60, 0.5, 0.5)
    assert len(colors) == NUM_SUGGESTIONS == len({color.rgb for color in colors})
    predicted, richer = (lab(color.rgb) for color in colors[:2])
    assert (colors[0].reason, colors[1].reason) == ("predicted", "richer")
    assert torch.allclose(predicted, torch.tensor([60.0, 20, 30]), atol=0.6)
    assert richer[1:].norm() > 1.5 * predicted[1:].norm()
    assert torch.allclose(richer[1:] / richer[1:].norm(), predicted[1:] / predicted[1:].norm(), atol=0.02)
    assert {"gray", "green", "blue", "purple"} <= {color.name for color in colors}


def test_a_gray_prediction_is_offered_with_colors_all_the_same():
    colors = suggest(flat((0.5, 0)), None, 60, 0, 0)
    assert colors[0].name == "gray"
    assert all(lab(color.rgb)[1:].norm() > 8 for color in colors[1:])


def test_the_networks_likeliest_colors_come_first_each_with_its_share():
    centers = bin_centers()
    blue, red = ((centers - torch.tensor(ab)).norm(dim=1).argmin() for ab in ((0.0, -40.0), (50.0, 30.0)))
    logits = torch.full((NUM_BINS, 8, 8), -20.0)
    logits[:, :, 4:] = torch.linspace(-20, -19, NUM_BINS)[:, None, None]
    neighbor = (centers - centers[blue]).norm(dim=1).argsort()[1]
    logits[blue, :, :4], logits[neighbor, :, :4], logits[red, :, :4] = (
        torch.tensor(p).log() for p in (0.4, 0.35, 0.25)
    )
    colors = suggest(flat((10, 0)), logits.half(), 60, 0.2, 0.5)
    assert len(colors) == NUM_SUGGESTIONS
    assert [color.reason for color in colors[:3]] == ["75 %", "25 %", "< 1 %"]
    assert [color.name for color in colors[:2]] == ["blue", "red"]
    assert colors[-1].reason == "predicted"
    assert len({color.rgb for color in colors}) == NUM_SUGGESTIONS
    assert [color.name for color in suggest(flat((10, 0)), logits, 60, 0.9, 0.5)[:2]] != ["blue", "red"]


@pytest.mark.parametrize("lightness", [0, 100])
def test_colors_can_be_told_apart_in_darkness_and_glare(lightness: float):
    colors = suggest(flat((20, 30)), None, lightness, 1, 1)
    assert len({color.rgb for color in colors}) == NUM_SUGGESTIONS
    assert lab(colors[1].rgb)[1:].norm() > 30


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((255, 165, 0), "orange"),
        ((139, 69, 19), "brown"),
        ((255, 255, 0), "yellow"),
        ((0, 128, 0), "green"),
        ((64, 224, 208), "turquoise"),
        ((135, 206, 235), "blue"),
        ((0, 0, 255), "blue"),
        ((128, 0, 128), "purple"),
        ((255, 105, 180), "pink"),
        ((255, 192, 203), "pink"),
        ((128, 128, 128), "gray"),
        ((170, 180, 200), "pale blue"),
    ],
)
def test_colors_have_everyday_names(rgb: tuple[int, ...], name: str):
    lightness, *ab = lab(rgb)
    assert color_name(torch.stack(ab), float(lightness)) == name


def test_colors_are_read_as_pickers_write_them():
    assert parse_color("#3366cc") == parse_color("rgb(51, 102, 204)") == (51, 102, 204)
    assert parse_color(" rgba(51.2, 102, 203.9, 1)") == (51, 102, 204)
    assert parse_color("rgb(300, 0, 0)") == (255, 0, 0)
    for text in ("blue", "#36c", "#3366cc; drop", "rgb(1, 2)", "rgb(1,2,3,4,5,6", None, "x" * 10_000):
        with pytest.raises(ColorizerError, match="is not a color"):
            parse_color(text)


def test_colors_that_look_alike_are_offered_once():
    yellows = bin_centers()[:, 1].argsort(descending=True)[:40]
    logits = torch.full((NUM_BINS, 4, 4), -9.0)
    logits[yellows] = torch.linspace(2, 1, 40)[:, None, None]
    colors = suggest(flat((0, 60)), logits, 45, 0.5, 0.5)
    assert colors[-1].reason == "predicted"
    for place, color in enumerate(colors[:-1]):
        assert all(math.dist(color.rgb, other.rgb) > 12 for other in colors[:place])


def test_a_suggestions_code_is_its_color():
    for color in suggest(flat((20, 30)), None, 60, 0.5, 0.5):
        assert parse_color(color.code) == color.rgb
