import copy
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, load_file, save

from colorizer import CheckpointError, create_model, load_model, save_checkpoint
from colorizer.approaches.base.objectives import StepInputs
from colorizer.approaches.blocks.vgg import Vgg16
from colorizer.hub.loading import fill_pretrained_parts
from colorizer.photos.color import rgb_to_yuv

# Simonyan and Zisserman 2015, table 1, column D, and where timm's and torchvision's files have each convolution.
CHANNELS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
PLAIN = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
NORMALIZED = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
VGG_PARAMETERS = sum(9 * into * out + out for into, out in pairwise(CHANNELS[:11]))


def published(batch_norm: bool, **changes: torch.Tensor) -> dict[str, bytes]:
    """Fake timm/vgg16.tv_in1k or timm/vgg16_bn.tv_in1k, with true names and shapes of the features and a small classifier."""
    generator = torch.Generator().manual_seed(3)
    tensors = {f"pre_logits.{name}": torch.zeros(2) for name in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")}
    tensors |= {"head.fc.weight": torch.zeros(2), "head.fc.bias": torch.zeros(2)}
    for place, into, out in zip(NORMALIZED if batch_norm else PLAIN, CHANNELS[:-1], CHANNELS[1:], strict=True):
        tensors[f"features.{place}.weight"] = torch.randn(out, into, 3, 3, generator=generator) / (3 * into**0.5)
        tensors[f"features.{place}.bias"] = torch.randn(out, generator=generator) / 4
        if batch_norm:
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"features.{place + 1}.{name}"] = torch.rand(out, generator=generator) + 0.5
            tensors[f"features.{place + 1}.num_batches_tracked"] = torch.tensor(0)
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}
    return {"config.json": b'{"architecture": "vgg16"}', "model.safetensors": save(halved | changes)}


def slow_conv4_3(photo: torch.Tensor, tensors: dict[str, torch.Tensor], batch_norm: bool) -> torch.Tensor:
    """Compute the published network as in the paper, layer by layer."""
    for number, place in enumerate((NORMALIZED if batch_norm else PLAIN)[:10]):
        if number in (2, 4, 7):
            photo = F.max_pool2d(photo, 2)
        photo = F.conv2d(photo, tensors[f"features.{place}.weight"], tensors[f"features.{place}.bias"], padding=1)
        if batch_norm:
            scale, shift, mean, variance = (
                tensors[f"features.{place + 1}.{name}"].view(1, -1, 1, 1)
                for name in ("weight", "bias", "running_mean", "running_var")
            )
            photo = scale * (photo - mean) / (variance + 1e-5).sqrt() + shift
        photo = photo.clamp(min=0)
    return photo


def test_parameters_of_the_full_network_by_hand():
    with torch.device("meta"):
        model = create_model("residual_encoder")
        plain = create_model("residual_encoder", batch_norm=False)
    # What goes into each sum is batch-normed: conv4_3, conv3_3, conv2_2, conv1_2 and the photo.
    sums = 2 * (512 + 256 + 128 + 64 + 3)
    # Batch norm in place of a bias behind each, but for U and V.
    conv = [(512, 256, 1), (256, 128, 3), (128, 64, 3), (64, 3, 3), (3, 3, 3)]
    decoder = sum(into * out * side**2 + 2 * out for into, out, side in conv) + 3 * 2 * 9 + 2
    # torchvision's VGG-16 has 14,714,688 up to its classifier, 3 · (512 · 512 · 9 + 512) of them in the fifth block.
    assert VGG_PARAMETERS == 14_714_688 - 7_079_424
    assert plain.num_parameters() == VGG_PARAMETERS + sums + decoder == 8_139_675
    assert model.num_parameters() == 8_139_675 + 2 * (2 * 64 + 2 * 128 + 3 * 256 + 3 * 512) == 8_145_051


def test_sizes_that_are_no_powers_of_two():
    model = create_model("residual_encoder", width=1 / 16).eval()
    with torch.no_grad():
        for height, width in ((8, 8), (24, 56), (104, 40)):
            output = model(torch.rand(1, 1, height, width) * 100)
            assert output.ab.shape == output.prediction.shape == (1, 2, height, width)


def test_the_features_are_those_of_the_levels():
    features = Vgg16(width=1 / 16)(torch.rand(1, 3, 32, 48))
    assert [tuple(level.shape[1:]) for level in features] == [
        *((4, 32, 48), (8, 16, 24), (16, 8, 12), (32, 4, 6), (32, 2, 3))
    ]
    assert all(level.min() >= 0 for level in features)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_encoder_begins_from_imagenet_and_stays_there(hub, batch_norm):
    repository = "timm/vgg16_bn.tv_in1k" if batch_norm else "timm/vgg16.tv_in1k"
    files = published(batch_norm)
    hub.add(repository, files)
    model = create_model("residual_encoder", batch_norm=batch_norm)
    assert fill_pretrained_parts(model) == []
    tensors = {name: tensor.float() for name, tensor in load(files["model.safetensors"]).items()}
    for name, tensor in model.encoder.state_dict().items():
        assert torch.equal(tensor.float(), tensors[name]), name
    photo = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        expected = slow_conv4_3(photo, tensors, batch_norm)
        assert (model.eval().encoder(photo)[-1] - expected).abs().max() < 1e-3 * expected.max()

    assert model.frozen_parts == [model.encoder]
    before = copy.deepcopy(model.encoder.state_dict())
    model.train()(torch.rand(2, 1, 16, 16) * 100).prediction.sum().backward()
    assert not any(module.training for module in model.encoder.modules())
    assert all(tensor.equal(before[name]) for name, tensor in model.encoder.state_dict().items())
    for name, weight in model.named_parameters():
        assert weight.requires_grad == (not name.startswith("encoder.")), name
        assert (weight.grad is None) == name.startswith("encoder."), name


def test_a_frozen_encoder_of_the_hub_is_left_to_it_unless_the_checkpoint_is_to_carry_it(hub, tmp_path):
    hub.add("timm/vgg16_bn.tv_in1k", published(True))
    model = create_model("residual_encoder").eval()
    fill_pretrained_parts(model)
    save_checkpoint(model, tmp_path / "without", dtype=torch.float32)
    names = set(load_file(tmp_path / "without" / "model.safetensors"))
    assert names == {name for name in model.state_dict() if not name.startswith("encoder.")}
    model.keep_parts()
    save_checkpoint(model, tmp_path / "with", dtype=torch.float32)
    for folder in ("without", "with"):
        loaded = load_model(tmp_path / folder)
        for name, tensor in loaded.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                assert torch.equal(tensor, model.state_dict()[name]), name
    hub.add("timm/vgg16_bn.tv_in1k", published(True, **{"features.0.weight": torch.zeros(64, 1, 3, 3).half()}))
    load_model(tmp_path / "with")
    with pytest.raises(CheckpointError, match=r"wrong shape for features\.0\.weight"):
        load_model(tmp_path / "without")


def test_an_encoder_of_a_folder_is_carried(tmp_path):
    for name, content in published(True).items():
        (tmp_path / name).write_bytes(content)
    model = create_model("residual_encoder", pretrained=str(tmp_path))
    assert model.frozen_parts == [model.encoder]
    assert model.left_out_parts == []


def test_without_a_hub_the_encoder_is_trained(tmp_path):
    model = create_model("residual_encoder", pretrained="timm/{vgg}.away")
    assert not any(weight.requires_grad for weight in model.encoder.parameters())
    before = copy.deepcopy(model.encoder.state_dict())
    (message,) = fill_pretrained_parts(model)
    assert message.startswith("residual_encoder starts from random weights instead of timm/vgg16_bn.away:")
    assert "\n" not in message
    assert all(tensor.equal(before[name]) for name, tensor in model.encoder.state_dict().items())
    assert model.train().encoder.training
    assert all(weight.requires_grad for weight in model.parameters())
    save_checkpoint(model, tmp_path)
    assert load_model(tmp_path).frozen_parts == []


@pytest.mark.parametrize("fields", [{"width": 1 / 16}, {"width": 1 / 16, "pretrained": ""}, {"freeze_encoder": False}])
def test_encoders_that_are_trained(fields):
    model = create_model("residual_encoder", **fields)
    assert model.frozen_parts == []
    assert all(weight.requires_grad for weight in model.train().parameters())
    assert bool(model.pretrained_parts) == ("width" not in fields)


def test_another_network_is_refused(hub):
    hub.add("timm/vgg16_bn.tv_in1k", published(True, **{"features.0.weight": torch.zeros(64, 1, 3, 3).half()}))
    with pytest.raises(CheckpointError, match=r"vgg16_bn.tv_in1k has the wrong shape for features.0.weight"):
        fill_pretrained_parts(create_model("residual_encoder"))
    hub.add("timm/vgg16.tv_in1k", published(True))
    with pytest.raises(CheckpointError, match=r"vgg16.tv_in1k lacks features\.12\.bias, features\.12\.weight"):
        fill_pretrained_parts(create_model("residual_encoder", batch_norm=False))


def test_it_begins_nearly_gray():
    torch.manual_seed(0)
    model = create_model("residual_encoder", width=1 / 4).train()
    assert (model(torch.rand(2, 1, 64, 64) * 100, decode=False).prediction - 0.5).abs().max() < 0.1


def test_the_objective_is_the_distance_of_u_and_v_sharp_and_blurred():
    torch.manual_seed(0)
    model = create_model("residual_encoder", width=1 / 16)
    rgb = torch.rand(2, 3, 16, 16)
    lightness, target = model.space.split(rgb)
    prediction = model.train()(lightness, decode=False).prediction.detach()
    uv = (prediction - 0.5) * 2 * torch.tensor([0.43601035, 0.61497538]).view(2, 1, 1)
    # In shares of the largest U and V, half of them to either side of gray.
    error = (uv - rgb_to_yuv(rgb)[:, 1:]) / torch.tensor([0.43601035, 0.61497538]).view(2, 1, 1) / 2
    expected = error.norm(dim=1).mean()
    for side, sigma in ((3, 0.8), (5, 1.1)):
        places = torch.arange(side) - side // 2
        kernel = torch.exp(-(places[:, None] ** 2 + places**2) / (2 * sigma**2))
        padded = F.pad(error, 4 * (side // 2,), mode="reflect")
        blurred = F.conv2d(padded.flatten(0, 1)[:, None], (kernel / kernel.sum())[None, None]).view_as(error)
        expected = expected + blurred.norm(dim=1).mean()
    (player,) = model.objective.players(model, model.space, list)
    loss, _ = player.loss(StepInputs(model.space.encode(lightness), prediction, target))
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)
