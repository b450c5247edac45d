import json
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import EfficientNetConfig, EfficientNetForImageClassification

from colorizer import CheckpointError, ColorizerError, create_model
from colorizer.approaches import list_approaches
from colorizer.approaches.base.losses import chroma_gap, huber, log_square
from colorizer.approaches.blocks.efficientnet_lite import RETURNED_STAGES, STAGES
from colorizer.hub.loading import fill_pretrained_parts, model_digest
from colorizer.photos.bins import annealed_mean, bin_centers

LITE0 = EfficientNetConfig(
    width_coefficient=1.0,
    depth_coefficient=1.0,
    image_size=224,
    squeeze_expansion_ratio=0.001,
    hidden_act="relu6",
    hidden_dim=1280,
    num_labels=1000,
)
# Lite scales neither stem nor head, and repeats the blocks of B0.
LAST_BLOCKS = [sum(stage[-1] for stage in STAGES[: index + 1]) - 1 for index in RETURNED_STAGES]


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, EfficientNetForImageClassification]:
    """Build Lite0 in transformers' layout, with squeeze-and-excite as the identity and nontrivial statistics."""
    torch.manual_seed(3)
    classifier = EfficientNetForImageClassification(LITE0).eval()
    for name, tensor in classifier.state_dict().items():
        if "squeeze_excite" in name:
            tensor.fill_(20.0 if name.endswith("expand.bias") else 0.0)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
    folder = tmp_path_factory.mktemp("efficientnet-lite0")
    save_file(classifier.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": "efficientnet"}), encoding="utf-8")
    return folder, classifier


def test_the_encoder_computes_what_transformers_does_with_the_same_weights(published):
    folder, classifier = published
    model = create_model("lite_unet", pretrained=str(folder)).eval()
    assert fill_pretrained_parts(model) == []
    rgb = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        hidden = classifier.efficientnet((255 * rgb - 127) / 128, output_hidden_states=True).hidden_states
        features = model.encoder(rgb)
    assert [tuple(feature.shape[1:]) for feature in features] == [
        (16, 32, 48),
        (24, 16, 24),
        (40, 8, 12),
        (112, 4, 6),
        (320, 2, 3),
    ]
    for feature, index in zip(features, LAST_BLOCKS, strict=True):
        torch.testing.assert_close(feature, hidden[index + 1], atol=1e-4, rtol=1e-3)


def test_weights_of_another_network_are_refused(published, tmp_path):
    _, classifier = published
    tensors = classifier.state_dict()
    name = "efficientnet.encoder.blocks.3.projection.project_conv.weight"
    save_file(tensors | {name: torch.zeros(40, 1, 1, 1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"wrong shape for stages\.2\.0\.project\.0\.weight"):
        fill_pretrained_parts(create_model("lite_unet", pretrained=str(tmp_path)))


def test_parameters_of_the_encoder_by_hand():
    with torch.device("meta"):
        model = create_model("lite_unet")
    count, channels = 32 * 27 + 64, 32
    for expansion, kernel, _, out_channels, num_blocks in STAGES:
        for _ in range(num_blocks):
            hidden = expansion * channels
            expand = channels * hidden + 2 * hidden if expansion > 1 else 0
            count += expand + hidden * kernel**2 + 2 * hidden + hidden * out_channels + 2 * out_channels
            channels = out_channels
    assert sum(weight.numel() for weight in model.encoder.parameters()) == count
    # In float16 the package's checkpoint stays well under its 16 MB.
    assert sum(weight.numel() for weight in model.parameters()) < 6e6


def test_under_autocast_depthwise_convolutions_alone_stay_in_float32_on_a_cpu():
    model = create_model("lite_unet", width=1 / 16).train()
    convolutions = {name: part for name, part in model.encoder.named_modules() if isinstance(part, torch.nn.Conv2d)}
    types = {}
    for name, convolution in convolutions.items():
        convolution.register_forward_hook(lambda _, inputs, output, name=name: types.update({name: output.dtype}))
    lightness = torch.rand(2, 1, 64, 64) * 100
    with torch.autocast("cpu", torch.bfloat16):
        model(lightness, decode=False).prediction.float().square().mean().backward()
    depthwise = {name for name in types if ".depthwise." in name}
    assert len(depthwise) == sum(number for *_, number in STAGES)
    assert all(types[name] == (torch.float32 if name in depthwise else torch.bfloat16) for name in types)
    weights = dict(model.encoder.named_parameters())
    assert all(weights[f"{name}.weight"].grad.abs().max() > 0 for name in depthwise)
    # Not for a network that is in bfloat16 itself.
    types.clear()
    model.bfloat16()(lightness.bfloat16(), decode=False)
    assert set(types.values()) == {torch.bfloat16}


def test_frozen_stages_stay_as_they_are_in_training():
    model = create_model("lite_unet", width=1 / 16, num_frozen=3).train()
    frozen = [model.encoder.stem, *model.encoder.stages[:3]]
    assert all(not module.training for part in frozen for module in part.modules())
    assert model.encoder.stages[3].training
    before = {name: tensor.clone() for name, tensor in model.encoder.state_dict().items()}
    model(torch.rand(2, 1, 64, 64) * 100, decode=False).prediction.mean().backward()
    assert all(weight.grad is None for part in frozen for weight in part.parameters())
    assert all(weight.grad is not None for weight in model.encoder.stages[3].parameters())
    for name, tensor in model.encoder.state_dict().items():
        if name.startswith(("stem", "stages.0", "stages.1", "stages.2")):
            assert torch.equal(tensor, before[name]), name
    with pytest.raises(ColorizerError, match="num_frozen"):
        create_model("lite_unet", num_frozen=8)


def test_hubers_loss_by_the_pixel():
    prediction, target = torch.randn(2, 2, 3, 4), torch.randn(2, 2, 3, 4)
    expected = 0.0
    for photo in range(2):
        for row in range(3):
            for column in range(4):
                a, b = (prediction - target)[photo, :, row, column].tolist()
                distance = (a * a + b * b) ** 0.5
                expected += distance**2 / 2 if distance < 0.7 else 0.7 * (distance - 0.35)
    assert huber(prediction, target, delta=0.7).item() == pytest.approx(expected / 24 / 0.7, rel=1e-5)


def test_the_loss_is_hubers_or_mixed_with_others():
    prediction, target = torch.rand(2, 2, 8, 8) - 0.5, torch.rand(2, 2, 8, 8) - 0.5

    def loss(**fields):
        return create_model("lite_unet", width=0.125, delta=11, **fields).objective.loss(prediction, target).item()

    assert loss() == pytest.approx(huber(prediction, target, delta=0.1).item())
    alone = log_square(prediction, target, floor=8 / 110).item()
    assert loss(log_share=1) == pytest.approx(alone)
    assert loss(log_share=0.25) == pytest.approx(0.75 * loss() + 0.25 * alone)
    assert loss(chroma_weight=2) == pytest.approx(loss() + 20 * chroma_gap(prediction, target).item())
    with pytest.raises(ColorizerError, match="log_share must be 0…1, not 2"):
        loss(log_share=2)


@pytest.fixture
def create():
    """Build a network that predicts more than gray, with the same weights for any views."""

    def make(**fields):
        torch.manual_seed(0)
        network = create_model("lite_unet", width=0.125, **fields).eval()
        torch.nn.init.normal_(network.color.weight, std=0.02)
        return network

    return make


@torch.no_grad()
def test_of_two_views_the_second_is_mirrored_and_both_are_averaged(create):
    plain, both = create(), create(view_scales=[1, 1])
    lightness = 100 * torch.rand(2, 1, 64, 96)
    straight, mirrored = both(lightness).ab, both(lightness.flip(-1)).ab.flip(-1)
    one, other = plain(lightness).ab, plain(lightness.flip(-1)).ab.flip(-1)
    assert (one - other).abs().max() > 0.1
    torch.testing.assert_close(straight, mirrored, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(straight, (one + other) / 2, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(both.train()(lightness).prediction, plain.train()(lightness).prediction)


@torch.no_grad()
def test_views_are_of_the_sizes_next_to_their_scales_that_the_network_takes(create):
    plain, three = create(bins=True), create(bins=True, view_scales=[0.5, 1.6, 1])
    lightness = 100 * torch.rand(2, 1, 64, 96)

    def resize(photo, *size):
        return F.interpolate(photo, size, mode="bilinear", antialias=True)

    small = resize(plain(resize(lightness, 32, 64)).logits, 16, 24)
    large = resize(plain(resize(lightness.flip(-1), 96, 160)).logits, 16, 24).flip(-1)
    mean = (small + large + plain(lightness).logits) / 3
    torch.testing.assert_close(three(lightness).logits, mean, atol=1e-3, rtol=1e-4)


def test_with_bins_it_learns_a_distribution_and_decodes_it():
    network = create_model("lite_unet", width=0.125, bins=True, temperature=0.5)
    lightness, target = 100 * torch.rand(2, 1, 64, 96), 60 * torch.rand(2, 2, 64, 96) - 30
    [player] = network.objective.players(network, network.space, list)
    output = network.train()(lightness, decode=False)
    assert output.prediction.shape == (2, 313, 16, 24)
    loss, _ = player.loss(network.step_inputs(output, lightness, target, None))
    assert loss.item() == pytest.approx(math.log(313), rel=0.01)  # it starts without an opinion
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())
    output = network.eval()(lightness)
    expected = annealed_mean(output.logits, bin_centers(), 0.5)
    torch.testing.assert_close(output.ab, F.interpolate(expected, (64, 96), mode="bilinear"))


@torch.no_grad()
def test_hints_are_mirrored_with_the_photo_and_come_out_as_given_whatever_the_gain(create):
    dull, vivid = (create(view_scales=[1, 1], gain=gain, hints=True) for gain in (0.1, 0.2))
    for model in (dull, vivid):
        torch.manual_seed(1)
        for weight in model.hints.parameters():
            weight.normal_(std=0.02)
    lightness, hints = 100 * torch.rand(1, 1, 64, 96), torch.zeros(1, 3, 64, 96)
    hints[:, :, 20:26, 5:11] = torch.tensor([3.0, -2.0, 1.0])[:, None, None]
    colored = dull(lightness, hints=hints).ab
    assert (colored - dull(lightness).ab).abs().max() > 0.05
    mirrored = dull(lightness.flip(-1), hints=hints.flip(-1)).ab.flip(-1)
    torch.testing.assert_close(mirrored, colored, atol=1e-3, rtol=1e-4)
    twice = torch.cat((2 * hints[:, :2], hints[:, 2:]), 1)
    torch.testing.assert_close(vivid(lightness, hints=twice).ab, 2 * colored, atol=1e-3, rtol=1e-4)


def test_a_network_is_another_by_one_weight_or_by_how_it_is_used(create):
    network = create()
    digest = model_digest(network)
    assert model_digest(create()) == digest
    assert model_digest(create(gain=1.5)) != digest
    with torch.no_grad():
        network.color.bias[0] += 1
    assert model_digest(network) != digest


@pytest.mark.parametrize("scales", [[], [1, 3], [0.1]])
def test_views_need_scales_within_bounds(scales):
    with pytest.raises(ColorizerError, match=r"view_scales must be .*0\.5…2"):
        create_model("lite_unet", view_scales=scales)


def test_it_is_beside_the_approaches_and_not_one_of_them():
    assert "lite_unet" not in list_approaches()
    assert list_approaches(own=True) == [*list_approaches(), "lite_unet"]
