import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import create_model, pipeline
from colorizer.approaches.base.objectives import StepInputs


def unet_parameters() -> int:
    """Count weights as in appendix 6.1, layer by layer: 4×4 kernels, a bias without batch norm, else its two vectors."""
    encoder = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 512), (512, 512), (512, 512), (512, 512)]
    # Each but the first sees the layer below and the encoder's of its size: CD512-CD512-CD512-C512-C256-C128-C64, then RGB.
    decoder = [(512, 512), (1024, 512), (1024, 512), (1024, 512), (1024, 256), (512, 128), (256, 64), (128, 3)]
    normalized = encoder[1:-1] + decoder[:-1]
    biased = [encoder[0], encoder[-1], decoder[-1]]
    return sum(16 * i * o + 2 * o for i, o in normalized) + sum(16 * i * o + o for i, o in biased)


def test_it_has_the_papers_parameters():
    with torch.device("meta"):
        model = create_model("pix2pix_rgb")
    assert model.num_parameters() == unet_parameters() == 54_414_531
    (critic, _) = model.objective.players(model, model.space, lambda: [])
    # 64, 128/2, 256/2, 512, 1 on the gray photo's three channels and RGB's.
    expected = 16 * 6 * 64 + 64
    expected += sum(16 * i * o + 2 * o for i, o in ((64, 128), (128, 256), (256, 512))) + 16 * 512 + 1
    assert sum(weight.numel() for weight in critic.trained.parameters()) == expected


def test_gray_goes_in_on_three_channels_and_rgb_comes_out():
    model = create_model("pix2pix_rgb", width=1 / 16, num_levels=5).eval()
    lightness = torch.tensor([0.0, 53.585, 100.0]).view(3, 1, 1, 1).expand(3, 1, 32, 64)
    source = model.space.encode(lightness)
    assert source.shape == (3, 3, 32, 64)
    assert source[:, :, 0, 0].tolist() == [pytest.approx([level] * 3, abs=1e-3) for level in (-1.0, 0.0039, 1.0)]
    prediction = model(lightness).prediction
    assert prediction.shape == (3, 3, 32, 64)
    assert prediction.abs().max() <= 1


def test_photos_of_odd_sizes_come_back_colored():
    model = create_model("pix2pix_rgb", width=1 / 16, num_levels=5, resolution=64)
    colorize = pipeline(model, device="cpu", return_dict=True)
    for size, worked_at in (((33, 65), (96, 32)), ((301, 97), (32, 128)), ((7, 7), (64, 64))):
        result = colorize(Image.new("L", size, 99))
        assert result.image.size == size
        assert result.ab.shape == (2, *worked_at)


def test_the_objective_equals_the_slow_one():
    torch.manual_seed(0)
    model = create_model("pix2pix_rgb", width=1 / 16, num_levels=5)
    rgb = torch.rand(2, 3, 32, 32)
    lightness, target = model.space.split(rgb)
    assert torch.equal(target, 2 * rgb - 1)
    prediction = model.train()(lightness, decode=False).prediction.detach().to(torch.bfloat16)
    inputs = StepInputs(model.space.encode(lightness), prediction, target)
    critic, generator = model.objective.players(model, model.space, lambda: [])
    discriminator = critic.trained.train()
    with torch.no_grad():
        judged = [
            discriminator(torch.cat((inputs.source, image), 1)).double().numpy() for image in (target, prediction)
        ]
    on_real, on_fake = (1 / (1 + np.exp(-logits)) for logits in judged)
    loss, _ = critic.loss(inputs)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx((-np.log(on_real).mean() - np.log(1 - on_fake).mean()) / 2, rel=1e-4)
    loss, _ = generator.loss(inputs)
    l1 = np.abs(prediction.double().numpy() - target.double().numpy()).mean()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(-np.log(on_fake).mean() + 100 * l1, rel=1e-4)


def test_its_recipe_is_the_papers():
    recipe = create_model("pix2pix_rgb", width=1 / 16, num_levels=5).recipe
    assert (recipe.optimizer, recipe.learning_rate, recipe.adam_beta1, recipe.adam_beta2) == ("adam", 2e-4, 0.5, 0.999)
