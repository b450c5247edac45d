import copy

import pytest
import torch
from safetensors.torch import load, save
from transformers import ResNetConfig, ResNetForImageClassification

from colorizer import CheckpointError, ColorizerError, create_model
from colorizer.approaches.base.objectives import StepInputs
from colorizer.approaches.resnet_unet import DEPTHS
from colorizer.hub.loading import fill_pretrained_parts
from colorizer.photos.color import rgb_to_lab

REPOSITORY = "microsoft/resnet-18"


def published(**changes: torch.Tensor) -> dict[str, bytes]:
    """Build the repository's files in the Hub's layout: a classifier of 1000 classes on the backbone."""
    torch.manual_seed(7)
    config = ResNetConfig(embedding_size=64, hidden_sizes=[64, 128, 256, 512], depths=[2, 2, 2, 2], layer_type="basic")
    config.num_labels = 1000
    tensors = ResNetForImageClassification(config).state_dict() | changes
    return {
        "config.json": b'{"model_type": "resnet"}',
        "model.safetensors": save({name: tensor.half() for name, tensor in tensors.items() if tensor.ndim}),
    }


def test_parameters_of_the_full_network_by_hand():
    with torch.device("meta"):
        model = create_model("resnet_unet")
    conv = [  # in, out, side of the kernel; those with a bias
        *((512, 1024, 3), (1024, 512, 3)),
        *((512, 4 * 256, 1), (512, 512, 3), (512, 512, 3)),
        *((512, 4 * 256, 1), (384, 384, 3), (384, 384, 3)),
        *((384, 4 * 192, 1), (256, 256, 3), (256, 256, 3)),
        *((256, 4 * 128, 1), (192, 96, 3), (96, 96, 3)),
        *((96, 4 * 96, 1), (97, 97, 3), (97, 97, 3), (97, 2, 1)),
    ]
    decoder = sum(into * out * side**2 + out for into, out, side in conv)
    # Two numbers a channel for each normalization: of the skips, and, in place of a bias, of what has been merged.
    decoder += 2 * (512 + 256 + 128 + 64 + 64) + 2 * (512 + 384 + 256 + 96)
    # torchvision's ResNet-18 has 11,689,512, its classifier 512 · 1000 + 1000.
    assert sum(weight.numel() for weight in model.encoder.parameters()) == 11_689_512 - 513_000
    assert sum(weight.numel() for weight in model.parameters()) == 11_176_512 + decoder == 31_108_440


@pytest.mark.parametrize("depth", DEPTHS)
def test_any_depth_and_size(depth):
    model = create_model("resnet_unet", width=1 / 16, depth=depth).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 1, 32, 96) * 100).ab.shape == (1, 2, 32, 96)


def test_the_features_are_those_of_the_backbone_and_the_stem():
    model = create_model("resnet_unet", width=1 / 16).eval()
    seen = []
    for module in (*model.decoder, model.bridge):
        module.register_forward_pre_hook(lambda _, given: seen.append([tensor.shape[-1] for tensor in given]))
    with torch.no_grad():
        model(torch.rand(1, 1, 64, 64) * 100)
    assert seen == [[2], [2, 4], [4, 8], [8, 16], [16, 32]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"depth": 19}, "18, 34, 50, 101, 152"), ({"pretrain_steps": -1}, "pretrain_steps must be 0…")],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ColorizerError, match=message):
        create_model("resnet_unet", **fields)


def test_a_shuffle_begins_without_a_checkerboard():
    weight = create_model("resnet_unet", width=1 / 16).enlarge.weight
    assert all(torch.equal(weight[0::4], weight[corner::4]) for corner in (1, 2, 3))


def test_the_encoder_begins_from_imagenet_where_there_is_a_hub(hub):
    model = create_model("resnet_unet")
    before = copy.deepcopy(model.state_dict())
    (message,) = fill_pretrained_parts(model)
    assert message.startswith("resnet_unet starts from random weights instead of microsoft/resnet-18:")
    assert "\n" not in message
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())

    hub.add(REPOSITORY, published())
    assert fill_pretrained_parts(model) == []
    filled = {name.removeprefix("resnet."): tensor for name, tensor in load(published()["model.safetensors"]).items()}
    for name, tensor in model.encoder.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, filled[name].float()), name
    assert model.encoder.state_dict().keys() >= filled.keys() - {"classifier.1.weight", "classifier.1.bias"}

    hub.add(REPOSITORY, published(**{"resnet.embedder.embedder.convolution.weight": torch.zeros(64, 1, 7, 7)}))
    with pytest.raises(
        CheckpointError, match=r"resnet-18 has the wrong shape for embedder.embedder.convolution.weight"
    ):
        fill_pretrained_parts(model)


def test_other_widths_and_no_source_have_no_published_weights():
    assert create_model("resnet_unet", width=1 / 16).pretrained_parts == []
    assert create_model("resnet_unet", width=1 / 16, pretrained="").pretrained_parts == []


def test_the_stages_descend_l1_first_and_then_gan_and_l1():
    torch.manual_seed(0)
    model = create_model("resnet_unet", width=1 / 16, pretrain_steps=5)
    rgb = torch.rand(2, 3, 64, 64)
    first, critic, generator = model.objective.players(model, model.space, lambda: [rgb])
    assert [player.is_active(4) for player in (first, critic, generator)] == [True, False, False]
    assert [player.is_active(5) for player in (first, critic, generator)] == [False, True, True]
    assert first.settings == {"learning_rate": 1e-4, "adam_beta1": 0.9}

    lightness, target = model.space.split(rgb)
    ab = rgb_to_lab(rgb)[:, 1:]
    output = model(lightness)
    inputs = StepInputs(model.space.encode(lightness), output.prediction, target)
    l1 = sum((output.ab - ab).abs().flatten()) / ab.numel() / 110
    assert first.loss(inputs)[0].item() == pytest.approx(l1.item(), rel=1e-4)
    assert model.objective.validate(inputs).item() == pytest.approx(l1.item(), rel=1e-4)
    opinion = torch.sigmoid(critic.trained(torch.cat((inputs.source, inputs.prediction), 1)))
    loss, parts = generator.loss(inputs)
    assert loss.item() == pytest.approx((100 * l1 - opinion.log().mean()).item(), rel=1e-4)
    assert parts.keys() == {"gan", "l1"}


def test_losses_stay_in_float32_under_mixed_precision():
    model = create_model("resnet_unet", width=1 / 16)
    rgb = torch.rand(2, 3, 64, 64)
    lightness, target = model.space.split(rgb)
    for player in model.objective.players(model, model.space, lambda: [rgb]):
        with torch.autocast("cpu", torch.bfloat16):
            prediction = model(lightness, decode=False).prediction
            loss, _ = player.loss(StepInputs(model.space.encode(lightness), prediction, target))
        assert loss.dtype == torch.float32


def test_no_pretraining_is_pix2pix_alone():
    model = create_model("resnet_unet", width=1 / 16, pretrain_steps=0)
    players = model.objective.players(model, model.space, list)
    assert [(player.name, player.starts) for player in players] == [("discriminator", 0), ("generator", 0)]
