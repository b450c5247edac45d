"""Color hints, for every approach that can be trained with them."""

import itertools
import math

import pytest
import torch

from colorizer import ColorizerError, create_model, list_approaches, load_model, save_checkpoint
from colorizer.approaches import get_model_class
from colorizer.approaches.base.configuration import own_fields
from colorizer.approaches.base.spaces import grade, ungrade
from colorizer.approaches.blocks.hint_input import FAINTEST, spread
from colorizer.data import photo_seeds, simulate_hints
from colorizer.photos.color import lab_to_rgb, rgb_to_lab

APPROACHES = [name for name in list_approaches(own=True) if "hints" in own_fields(get_model_class(name).config_class)]
SIDE = 32
RED, BLUE = (40.0, 30.0), (10.0, -45.0)


def tiny(approach: str, **fields):
    torch.manual_seed(0)
    if "num_levels" in own_fields(get_model_class(approach).config_class):
        fields["num_levels"] = 5
    return create_model(approach, resolution=SIDE, **{"width": 1 / 16} | fields)


def red_or_blue(count: int, seed: int) -> torch.Tensor:
    """Return photos (count, 3, SIDE, SIDE) that are red or blue, which only a hint reveals."""
    generator = torch.Generator().manual_seed(seed)
    lightness = 45 + 20 * torch.rand(count, 1, SIDE, SIDE, generator=generator)
    ab = torch.tensor([RED, BLUE])[torch.randint(2, (count,), generator=generator)]
    return lab_to_rgb(torch.cat((lightness, ab[..., None, None].expand(-1, -1, SIDE, SIDE)), 1))


def test_some_approaches_take_hints_and_others_do_not():
    assert {"colorful", "lite_unet", "pix2pix", "resnet_unet"} <= set(APPROACHES) < set(list_approaches(own=True))


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_network_that_learnt_nothing_of_hints_is_the_network_without(approach):
    plain, hinted = tiny(approach).eval(), tiny(approach, hints=True).eval()
    assert hinted.takes_hints
    assert not plain.takes_hints
    new = set(hinted.state_dict()) - set(plain.state_dict())
    assert new == {f"hints.{name}" for name in hinted.hints.state_dict()}
    hinted.load_state_dict(plain.state_dict(), strict=False)
    lightness = 100 * torch.rand(2, 1, SIDE, SIDE)
    with torch.no_grad():
        expected = plain(lightness).ab
        assert torch.equal(hinted(lightness).ab, expected)
        assert torch.equal(hinted(lightness, hints=torch.randn(2, 3, SIDE, SIDE)).ab, expected)
        for weight in hinted.hints.parameters():
            weight.normal_()
        assert torch.equal(hinted(lightness, hints=torch.zeros(2, 3, SIDE, SIDE)).ab, expected)
        assert not torch.equal(hinted(lightness, hints=torch.ones(2, 3, SIDE, SIDE)).ab, expected)


@pytest.mark.parametrize("approach", APPROACHES)
@torch.no_grad()
def test_colors_that_are_given_come_out_as_given_however_photos_are_graded(approach):
    plain, graded = tiny(approach, hints=True).eval(), tiny(approach, hints=True, gain=2, chroma_power=1.3).eval()
    for network in (plain, graded):
        torch.manual_seed(1)
        for weight in network.hints.parameters():
            weight.normal_()
    lightness, hints = 100 * torch.rand(2, 1, SIDE, SIDE), torch.rand(2, 3, SIDE, SIDE)
    told = torch.cat((ungrade(hints[:, :2], 2, 1.3), hints[:, 2:]), 1)
    torch.testing.assert_close(graded(lightness, hints=hints).ab, grade(plain(lightness, hints=told).ab, 2, 1.3))
    learning = []
    for network in (plain.train(), graded.train()):
        torch.manual_seed(2)  # of its dropout
        learning.append(network(lightness, hints=hints).prediction)
    torch.testing.assert_close(*learning)


@pytest.mark.parametrize("approach", APPROACHES)
def test_hints_that_do_not_fit_are_refused(approach, tmp_path):
    lightness = torch.zeros(2, 1, SIDE, SIDE)
    with pytest.raises(ColorizerError, match=f"This checkpoint of {approach} takes no color hints.*--hints"):
        tiny(approach)(lightness, hints=torch.zeros(2, 3, SIDE, SIDE))
    with pytest.raises(ColorizerError, match=r"hints must have .*\(2, 3, 32, 32\), not \(2, 2, 32, 32\)"):
        tiny(approach, hints=True)(lightness, hints=torch.zeros(2, 2, SIDE, SIDE))
    save_checkpoint(tiny(approach, hints=True), tmp_path)
    assert load_model(tmp_path).takes_hints


def test_the_others_name_those_that_take_hints():
    dense = create_model("dense", width=1 / 64)
    with pytest.raises(
        ColorizerError, match=r"dense takes no color hints\. Checkpoints of colorful, lite_unet, pix2pix, resnet_unet"
    ):
        dense(torch.zeros(1, 1, 32, 32), hints=torch.zeros(1, 3, 32, 32))


def obeys(model, lightness: torch.Tensor) -> bool:
    """Return whether the surroundings of a hint are much closer to its color than to the other, for both colors."""
    for color, other in ((RED, BLUE), (BLUE, RED)):
        hints = torch.zeros(len(lightness), 3, SIDE, SIDE)
        hints[..., 14:19, 14:19] = torch.tensor([*color, 1.0])[:, None, None]
        with torch.no_grad():
            around = model.eval()(lightness, hints=hints).ab[..., 10:22, 10:22].mean((0, 2, 3))
        if (around - torch.tensor(color)).norm() > 0.4 * (around - torch.tensor(other)).norm():
            return False
    return True


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_hint_colors_its_surroundings_once_training_had_hints(approach):
    model = tiny(approach, hints=True, width=1 / 8)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    unseen = rgb_to_lab(red_or_blue(4, 1000))[:, :1]
    assert not obeys(model, unseen)
    for step in range(200):
        rgb = red_or_blue(8, step)
        lightness, target = model.space.split(rgb)
        hints = simulate_hints(rgb, photo_seeds(0, step, list(range(8))))
        output = model.train()(lightness, hints=hints, decode=False)
        loss = model.objective.validate(model.step_inputs(output, lightness, target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 9 and obeys(model, unseen):
            break
    assert obeys(model, unseen), step


def test_hints_spread_as_far_as_the_slow_formula_says():
    hints = torch.zeros(1, 3, SIDE, 2 * SIDE)
    hints[0, :, 5, 9], hints[0, :, 20, 50] = torch.tensor([0.5, -1.0, 1.0]), torch.tensor([-2.0, 0.1, 1.0])
    # 11 × 23 cells of a photo of 32 × 64 pixels: 16 × 16 would be those of a square.
    cells = torch.nn.functional.adaptive_avg_pool2d(hints, (11, 23))[0]
    blurred = torch.zeros_like(cells)
    hinted = cells[2].nonzero().tolist()
    assert 2 <= len(hinted) <= 8
    for row, column, (y, x) in itertools.product(range(11), range(23), hinted):
        blurred[:, row, column] += cells[:, y, x] * math.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * 2.0**2))
    expected = blurred / (blurred[2:] + FAINTEST)
    spread_out = spread(hints, 2.0)[0]
    assert spread_out.shape == (3, SIDE, 2 * SIDE)
    enlarged = torch.nn.functional.interpolate(expected[None], size=(SIDE, 2 * SIDE), mode="bilinear")[0]
    assert torch.allclose(spread_out, enlarged, atol=1e-5)
    # The color arrives whole where the mask does, and nothing where there is no hint.
    assert spread_out[:2, 5, 9] / spread_out[2, 5, 9] == pytest.approx(torch.tensor([0.5, -1.0]), abs=0.02)
    assert spread(torch.zeros_like(hints), 2.0).abs().max() == 0
