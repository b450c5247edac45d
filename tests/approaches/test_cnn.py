from itertools import pairwise

import pytest
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as their_ms_ssim

from colorizer import create_model
from colorizer.approaches.base.objectives import SoftBins, StepInputs
from colorizer.errors import ColorizerError
from colorizer.photos.color import rgb_to_lab


def test_parameters_of_the_full_network_by_hand():
    with torch.device("meta"):
        model = create_model("cnn")
    # 64, 64/2, 128, 128/2, 256, 256/2, 512 | 512, 256, 128, 64, 32, 2: 3×3 with a bias, batch norm but behind the last.
    channels = [1, 64, 64, 128, 128, 256, 256, 512, 512, 256, 128, 64, 32, 2]
    convolutions = sum(9 * into * out + out for into, out in pairwise(channels))
    assert model.num_parameters() == convolutions + 2 * sum(channels[1:-1]) == 6_256_802


def test_sizes_and_strides_layer_by_layer():
    model = create_model("cnn", width=1 / 16).eval()
    seen = []
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(lambda _, given, features: seen.append(tuple(features.shape[2:])))
    with torch.no_grad():
        output = model(torch.rand(1, 1, 24, 56) * 100)
    assert output.ab.shape == output.prediction.shape == (1, 2, 24, 56)
    full, half, quarter, eighth = (24, 56), (12, 28), (6, 14), (3, 7)
    assert seen == [full, half, half, quarter, quarter, *[eighth] * 6, quarter, half]
    assert output.prediction.abs().max() <= 1


def test_it_normalizes_behind_each_relu_and_drops_half_of_three_layers():
    model = create_model("cnn", width=1 / 16)
    names = [type(module).__name__ for module in model.network]
    block = ["Conv2d", "ReLU", "BatchNorm2d"]
    assert names == [*block * 7, *[*block, "Dropout"] * 3, *[*block, "Upsample"] * 2]
    assert [module.p for module in model.network if isinstance(module, torch.nn.Dropout)] == [0.5] * 3


def test_it_begins_nearly_gray():
    torch.manual_seed(0)
    ab = create_model("cnn", width=1 / 4).train()(torch.rand(2, 1, 64, 64) * 100).ab
    assert 0 < ab.abs().mean() < 128 / 4


def test_the_objective_is_one_minus_ms_ssim_on_ab():
    torch.manual_seed(0)
    model = create_model("cnn", width=1 / 16)
    coarse = torch.rand(2, 3, 12, 12)
    rgb = torch.nn.functional.interpolate(coarse, (192, 192), mode="bilinear")
    lightness, target = model.space.split(rgb)
    assert torch.equal(target, rgb_to_lab(rgb)[:, 1:] / 128)
    assert torch.equal(model.space.encode(lightness), lightness / 100)
    prediction = target + 0.02 * torch.randn_like(target)
    (player,) = model.objective.players(model, model.space, list)
    loss, _ = player.loss(StepInputs(model.space.encode(lightness), prediction, target))
    # Of the five scales of the paper; values in −1…1 differ by 2 at most.
    similarity = their_ms_ssim(prediction, target, data_range=2.0)
    assert loss.item() == pytest.approx(1 - similarity.item(), abs=2e-5)


def test_its_recipe_flips_both_ways_and_changes_contrast():
    recipe = create_model("cnn", width=1 / 16).recipe
    assert recipe.optimizer == "rmsprop"
    assert recipe.flip
    assert recipe.vertical_flip
    assert recipe.contrast > 0


@pytest.mark.parametrize("name", ["bins", "rebalanced_bins"])
def test_it_learns_a_distribution_over_bins_if_asked(name):
    torch.manual_seed(0)
    model = create_model("cnn", width=1 / 16, objective=name).eval()
    assert model.objective == SoftBins(rebalance=name == "rebalanced_bins")
    assert set(model.options) == {"temperature"}
    output = model(torch.rand(1, 1, 32, 32) * 100)
    assert output.logits.shape == (1, 313, 16, 16)
    assert output.ab.shape == (1, 2, 32, 32)


def test_it_learns_against_a_discriminator_if_asked():
    model = create_model("cnn", width=1 / 16, objective="gan")
    assert [player.name for player in model.objective.players(model, model.space, list)] == [
        "discriminator",
        "generator",
    ]


def test_an_unknown_objective_is_refused():
    with pytest.raises(
        ColorizerError, match="objective must be one of regression, bins, rebalanced_bins, gan, not 'x'"
    ):
        create_model("cnn", objective="x")
