import numpy as np
import pytest
import skimage.color
import torch

from colorizer.photos import color


@pytest.fixture
def rgb() -> torch.Tensor:
    return torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0))


def channels_last(tensor: torch.Tensor) -> np.ndarray:
    return tensor.movedim(-3, -1).double().numpy()


def test_lab_agrees_with_scikit_image(rgb):
    difference = np.abs(channels_last(color.rgb_to_lab(rgb)) - skimage.color.rgb2lab(channels_last(rgb)))
    # scikit-image's rounded white point moves b by up to 0.0047; with its white ours agrees to 1e-3, as the next test says.
    assert difference.max((0, 1, 2)) == pytest.approx([0, 0, 0], abs=5e-3)
    assert difference[..., 0].max() < 1e-3


def test_lab_agrees_to_1e_3_under_scikit_images_own_white(rgb, monkeypatch):
    monkeypatch.setattr(color, "WHITE", (0.95047, 1.0, 1.08883))
    lab = color.rgb_to_lab(rgb)
    assert np.abs(channels_last(lab) - skimage.color.rgb2lab(channels_last(rgb))).max() < 1e-3
    assert np.abs(channels_last(color.lab_to_rgb(lab)) - skimage.color.lab2rgb(channels_last(lab))).max() < 1e-4


def test_every_fifth_uint8_color_survives_lab():
    levels = torch.arange(0, 256, 5)
    pixels = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 1, -1)
    back = color.lab_to_rgb(color.rgb_to_lab(pixels / 255)) * 255
    assert torch.equal(back.round().long(), pixels)


def test_a_gray_photo_has_no_color():
    gray = torch.linspace(0, 1, 256).expand(3, 1, 256)
    lab = color.rgb_to_lab(gray)
    assert lab[1:].abs().max() < 1e-4
    assert lab[0, 0, [0, -1]].tolist() == pytest.approx([0, 100], abs=1e-4)
    assert color.lightness_to_gray(lab[:1]) == pytest.approx(gray[:1], abs=1e-5)


def test_yuv_agrees_with_scikit_image_and_comes_back(rgb):
    yuv = color.rgb_to_yuv(rgb)
    assert np.abs(channels_last(yuv) - skimage.color.rgb2yuv(channels_last(rgb))).max() < 1e-5
    assert color.yuv_to_rgb(yuv) == pytest.approx(rgb, abs=1e-5)


def test_gradients_are_finite_at_black_white_and_gray():
    rgb = torch.tensor([0.0, 0.5, 1.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3).clone().requires_grad_()
    color.lab_to_rgb(color.rgb_to_lab(rgb)).sum().backward()
    assert torch.isfinite(rgb.grad).all()


def test_colorfulness_is_the_papers_formula(rgb):
    red, green, blue = (channels_last(rgb) * 255)[0].reshape(-1, 3).T
    opponents = red - green, (red + green) / 2 - blue
    deviation = np.hypot(*(opponent.std() for opponent in opponents))
    expected = deviation + 0.3 * np.hypot(*(opponent.mean() for opponent in opponents))
    assert color.colorfulness(rgb)[0].item() == pytest.approx(expected, rel=1e-4)
    assert color.colorfulness(torch.full((1, 3, 8, 8), 0.3)).item() == pytest.approx(0, abs=1e-4)


def every_color(step: int) -> torch.Tensor:
    levels = torch.arange(0, 256, step) / 255
    return torch.cartesian_prod(levels, levels, levels).T.reshape(3, 1, -1)


def test_u_v_and_lightness_name_the_color():
    rgb = every_color(5)
    found = color.uv_to_rgb(color.rgb_to_lab(rgb)[:1], color.rgb_to_yuv(rgb)[1:])
    assert (found - rgb).abs().max() < 1e-6


def test_u_and_v_that_srgb_does_not_have_keep_the_lightness():
    lightness, u, v = torch.cartesian_prod(
        torch.linspace(0, 100, 9), torch.linspace(-0.436, 0.436, 9), torch.linspace(-0.615, 0.615, 9)
    ).T.view(3, 1, 1, -1)
    rgb = color.uv_to_rgb(lightness, torch.cat((u, v)))
    assert color.rgb_to_lab(rgb)[:1] == pytest.approx(lightness, abs=1e-3)
    assert color.rgb_to_yuv(rgb)[1:] == pytest.approx(torch.cat((u, v)), abs=1e-5)


def test_colors_keep_their_precision_under_mixed_precision(rgb):
    lab = color.rgb_to_lab(rgb)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(color.rgb_to_lab(rgb), lab)
        assert color.yuv_to_rgb(color.rgb_to_yuv(rgb)) == pytest.approx(rgb, abs=1e-5)
