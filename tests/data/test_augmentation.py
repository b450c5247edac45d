import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage import data

from colorizer.data import augment, photo_seeds, saturate
from colorizer.errors import ColorizerError
from colorizer.photos.color import rgb_to_lab

EVERYTHING = {"vertical_flip": True, "min_scale": 0.4, "rotation": 20.0, "shear": 10.0, "zoom": 0.2}


def photos(count: int, side: int) -> torch.Tensor:
    originals = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    squares = [np.asarray(Image.fromarray(originals[i % 4]).resize((side, side))) for i in range(count)]
    return torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).contiguous()


def seeds_where_flips_are(horizontal: bool, vertical: bool) -> list[int]:
    """Find a seed whose photo is flipped as requested, with a photo that shows it."""
    corner = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    corner[..., 0, 0] = 255
    for seed in range(100):
        place = augment(corner, size=8, seeds=[seed], vertical_flip=True)[0, 0].nonzero()[0].tolist()
        if place == [7 * vertical, 7 * horizontal]:
            return [seed]
    raise AssertionError("no such seed among 100")


def test_photo_seeds_differ_by_seed_epoch_and_photo_and_nothing_else() -> None:
    seeds = [s for seed in range(5) for epoch in range(5) for s in photo_seeds(seed, epoch, range(100))]
    assert len(set(seeds)) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert photo_seeds(1, 2, [7, 3]) == photo_seeds(1, 2, torch.tensor([3, 7]))[::-1]
    assert photo_seeds(2, 1, [3]) != photo_seeds(1, 2, [3])


def test_nothing_asked_changes_nothing() -> None:
    rgb = photos(4, 32)
    result = augment(rgb, size=32, seeds=[1, 2, 3, 4], flip=False)
    assert result.dtype == torch.float32
    assert torch.equal(result, rgb.float() / 255)


@pytest.mark.parametrize("horizontal", [False, True])
@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("extra", [{}, {"rotation": 1e-9}])
def test_flips_are_exact(horizontal: bool, vertical: bool, extra: dict) -> None:
    rgb = photos(1, 32)
    dims = [dim for dim, is_flipped in ((-1, horizontal), (-2, vertical)) if is_flipped]
    seeds = seeds_where_flips_are(horizontal, vertical)
    result = augment(rgb, size=32, seeds=seeds, vertical_flip=True, **extra)
    # With any rotation the pixels go through the sampler, which must put them in the same places.
    assert torch.allclose(result, rgb.flip(dims) / 255, atol=1e-4 if extra else 0)


def test_about_half_are_flipped() -> None:
    rgb = photos(1, 8).expand(2000, 3, 8, 8)
    result = augment(rgb, size=8, seeds=photo_seeds(0, 0, range(2000)))
    flipped = (result == rgb.flip(-1) / 255).all(dim=(1, 2, 3)).float().mean()
    assert 0.45 < flipped < 0.55


def test_plain_crops_keep_their_pixels_and_reach_everywhere() -> None:
    places = torch.arange(12 * 12, dtype=torch.uint8).view(1, 1, 12, 12)
    rgb = places.expand(500, 3, 12, 12).contiguous()
    crops = augment(rgb, size=9, seeds=list(range(500)), flip=False, min_scale=0.75, max_scale=0.75)
    corners = (crops[:, 0, 0, 0] * 255).round().long()
    rows, columns = corners // 12, corners % 12
    for crop, row, column in zip(crops, rows, columns, strict=True):
        assert torch.equal(crop, rgb[0, :, row : row + 9, column : column + 9] / 255)
    assert set(rows.tolist()) == set(columns.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("size", [16, 48])
def test_resizing_is_antialiased(size: int) -> None:
    rgb = photos(2, 32)
    result = augment(rgb, size=size, seeds=[0, 1], flip=False)
    assert torch.allclose(result, F.interpolate(rgb.float() / 255, (size, size), mode="bilinear", antialias=True))


@pytest.mark.parametrize("settings", [{"min_scale": 0.4}, {"rotation": 20.0}, EVERYTHING])
def test_a_photo_changes_alike_wherever_it_stands(settings: dict) -> None:
    rgb, seeds = photos(8, 48), photo_seeds(3, 1, range(8))
    whole = augment(rgb, size=24, seeds=seeds, **settings)
    order = [5, 0, 7]
    part = augment(rgb[order], size=24, seeds=[seeds[i] for i in order], **settings)
    assert torch.equal(part, whole[order])
    assert torch.equal(augment(rgb, size=24, seeds=seeds, **settings), whole)
    assert not torch.equal(augment(rgb, size=24, seeds=photo_seeds(3, 2, range(8)), **settings), whole)


def test_crops_by_scale_show_the_part_they_should() -> None:
    """A photo that is its own coordinates shows where each crop was taken."""
    ramp = torch.arange(64, dtype=torch.uint8) * 4
    rgb = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), torch.zeros(64, 64, dtype=torch.uint8)])
    result = augment(rgb.expand(200, 3, 64, 64), size=32, seeds=list(range(200)), flip=False, min_scale=0.5)
    pixels = result * 255 / 4
    left, right = pixels[:, 0, 16, 0], pixels[:, 0, 16, -1]
    top, bottom = pixels[:, 1, 0, 16], pixels[:, 1, -1, 16]
    scale = (right - left) / 31 * 32 / 64
    assert torch.allclose(scale, (bottom - top) / 31 * 32 / 64, atol=0.02)
    assert 0.48 < scale.min() < 0.55
    assert 0.95 < scale.max() < 1.01
    assert left.min() >= 0
    assert right.max() <= 63
    assert left.max() > 25


def test_what_comes_in_from_outside_is_the_mirror_image() -> None:
    rgb = torch.full((16, 3, 32, 32), 200, dtype=torch.uint8)
    result = augment(rgb, size=32, seeds=list(range(16)), rotation=45.0, zoom=0.5, shear=20.0)
    assert torch.allclose(result, torch.full_like(result, 200 / 255))


def test_fine_stripes_become_gray_not_moire() -> None:
    rgb = torch.zeros(8, 3, 96, 96, dtype=torch.uint8)
    rgb[..., ::2] = 255
    result = augment(rgb, size=24, seeds=list(range(8)), rotation=5.0)
    assert (result - 0.5).abs().max() < 0.1


def test_turning_keeps_the_photo_upright_on_average() -> None:
    """A dot right of the center goes up and down by at most the angle."""
    rgb = torch.zeros(200, 3, 65, 65, dtype=torch.uint8)
    rgb[:, :, 32, 60] = 255
    result = augment(rgb, size=65, seeds=list(range(200)), flip=False, rotation=20.0)[:, 0]
    rows, columns = result.flatten(1).argmax(1) // 65 - 32, result.flatten(1).argmax(1) % 65 - 32
    angles = torch.rad2deg(torch.atan2(rows.float(), columns.float()))
    assert angles.abs().max() < 22
    assert angles.min() < -15
    assert angles.max() > 15


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": [1]}, "2 photos, 1 seeds"),
        ({"min_scale": 0.0}, "min_scale"),
        ({"min_scale": 0.9, "max_scale": 0.8}, "min_scale"),
        ({"rotation": -1.0}, "negative"),
        ({"zoom": 1.0}, "zoom"),
        ({"contrast": 1.5}, "contrast"),
        ({"rgb": torch.zeros(2, 3, 8, 8)}, "uint8"),
        ({"rgb": torch.zeros(2, 3, 8, 9, dtype=torch.uint8)}, "square"),
    ],
)
def test_senseless_arguments_are_refused(change: dict, message: str) -> None:
    arguments = {"rgb": photos(2, 8), "size": 8, "seeds": [0, 1], **change}
    with pytest.raises(ColorizerError, match=message):
        augment(arguments.pop("rgb"), **arguments)


def test_a_saturated_photo_has_more_chroma_at_its_own_lightness() -> None:
    rgb = 0.35 + 0.3 * torch.rand(2, 3, 8, 8)
    before, after = rgb_to_lab(rgb), rgb_to_lab(saturate(rgb, 1.25))
    torch.testing.assert_close(after[:, :1], before[:, :1], atol=0.01, rtol=0)
    torch.testing.assert_close(after[:, 1:], 1.25 * before[:, 1:], atol=0.02, rtol=0)
    assert torch.equal(saturate(torch.ones(1, 3, 1, 1), 2.0), torch.ones(1, 3, 1, 1))
