"""Augmentation of a whole batch on its own device, CPU or GPU.

Each photo's changes come from its own seed. They do not depend on its place in the batch, the number of processes, the
device, or interruptions of the run.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.data.contrast import change_contrast
from colorizer.errors import ColorizerError
from colorizer.photos.color import lab_to_rgb, rgb_to_lab

# SplitMix64 (Steele, Lea and Flood 2014): a bijection of 64-bit integers that passes the usual tests, even on counters.
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

# Beyond this many input pixels per output pixel, bilinear sampling would skip pixels, so the photo is averaged down first.
MAX_SAMPLING_STEP = 1.5


def _mix(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        values = values + _GAMMA
        values = (values ^ (values >> np.uint64(30))) * _MULTIPLIERS[0]
        values = (values ^ (values >> np.uint64(27))) * _MULTIPLIERS[1]
        return values ^ (values >> np.uint64(31))


def _as_uint64(values: object) -> np.ndarray:
    return np.atleast_1d(np.asarray(values, dtype=np.int64)).astype(np.uint64)


def photo_seeds(seed: int, epoch: int, indices: Tensor | list[int]) -> list[int]:
    """Return one seed per photo, in 0…2^63 - 1, from the run's seed, the epoch and the photos' indices in the dataset."""
    mixed = _mix(_as_uint64(indices) ^ _mix(_as_uint64(epoch) ^ _mix(_as_uint64(seed))))
    return (mixed >> np.uint64(1)).tolist()


def uniforms(seeds: list[int], count: int) -> Tensor:
    """Return (B, count) numbers, uniform in 0…1 (1 excluded), float64 on the CPU: the same for the same seed."""
    with np.errstate(over="ignore"):
        counters = _mix(_as_uint64(seeds))[:, None] + np.arange(count, dtype=np.uint64) * _GAMMA
    return torch.from_numpy((_mix(counters) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def augment(
    rgb: Tensor,
    *,
    size: int,
    seeds: list[int],
    flip: bool = True,
    vertical_flip: bool = False,
    min_scale: float = 1.0,
    max_scale: float = 1.0,
    rotation: float = 0.0,
    shear: float = 0.0,
    zoom: float = 0.0,
    contrast: float = 0.0,
) -> Tensor:
    """Randomly crop, flip, rotate, shear, zoom and re-light uint8 (B, 3, S, S): float32 rgb in 0…1, (B, 3, size, size).

    Args:
        seeds: one per photo, from `photo_seeds`; the same seed always gives the same change.
        min_scale, max_scale: range of the crop's side as a share of S; the crop is at a random place and resized to `size`.
            With both at size / S it is a plain random crop with unchanged pixels.
        rotation, shear: maximum angles in degrees.
        zoom: maximum share by which width and height are stretched or squeezed, independently.
        contrast: share of the photos whose lightness gets another contrast by one of the three methods of
            `change_contrast`, each equally likely.

    rotation, shear and zoom are defined as in Keras' ImageDataGenerator, except that areas outside the photo are filled with
    its mirror image. Without any change the photo is resized, or kept as it is if S equals size.

    Raises:
        ColorizerError: photos of another kind, a wrong number of seeds, or invalid ranges.
    """
    if rgb.dtype != torch.uint8 or rgb.ndim != 4 or rgb.shape[1] != 3 or rgb.shape[2] != rgb.shape[3]:
        raise ColorizerError(f"augment takes square uint8 photos (B, 3, S, S), not {rgb.dtype} {tuple(rgb.shape)}")
    if len(seeds) != len(rgb):
        raise ColorizerError(f"augment needs one seed per photo: {len(rgb)} photos, {len(seeds)} seeds")
    if not 0 < min_scale <= max_scale <= 1:
        raise ColorizerError(
            f"the crop's scale must satisfy 0 < min_scale ≤ max_scale ≤ 1, not {min_scale} and {max_scale}"
        )
    if min(rotation, shear, zoom) < 0 or zoom >= 1 or shear >= 90:
        raise ColorizerError(
            "rotation, shear and zoom must not be negative; shear must be below 90 degrees, zoom below 1"
        )
    if not 0 <= contrast <= 1:
        raise ColorizerError(f"contrast must be a share of the photos in 0…1, not {contrast}")
    draws = uniforms(seeds, 11)
    rgb = _transform(rgb, draws, size, flip, vertical_flip, min_scale, max_scale, rotation, shear, zoom)
    changed = (draws[:, 9] < contrast).nonzero()[:, 0]
    if len(changed):
        places = changed.to(rgb.device)
        rgb[places] = change_contrast(rgb[places], (3 * draws[changed, 10]).long())
    return rgb


def _transform(
    rgb: Tensor,
    draws: Tensor,
    size: int,
    flip: bool,
    vertical_flip: bool,
    min_scale: float,
    max_scale: float,
    rotation: float,
    shear: float,
    zoom: float,
) -> Tensor:
    """Apply the geometric part of `augment`."""
    flips = (draws[:, 0] < 0.5) & flip, (draws[:, 1] < 0.5) & vertical_flip
    stored = rgb.shape[-1]
    if rotation == shear == zoom == 0 and min_scale == max_scale and round(stored * max_scale) in (size, stored):
        rgb = _crop(rgb, round(stored * max_scale), draws[:, 2:4], *flips).float() / 255
        if rgb.shape[-1] == size:
            return rgb
        return F.interpolate(rgb, (size, size), mode="bilinear", align_corners=False, antialias=True).clamp_(0, 1)
    scale = min_scale + (max_scale - min_scale) * draws[:, 4]
    transform = scale[:, None, None] * _linear(draws[:, 5:9], rotation, shear, zoom)
    signs = torch.stack([1 - 2.0 * flips[0], 1 - 2.0 * flips[1]], dim=-1)
    # affine_grid's coordinates span -1 to 1: a crop's center may move within the margin that the crop leaves.
    center = (1 - scale[:, None]) * (2 * draws[:, 2:4] - 1)
    theta = torch.cat([transform * signs[:, None, :], center[..., None]], dim=-1)
    return _sample(rgb, theta, transform, size)


def _linear(draws: Tensor, rotation: float, shear: float, zoom: float) -> Tensor:
    """Turn draws (B, 4) into matrices (B, 2, 2): rotation after shear after zoom, from output to photo coordinates."""
    spread = 2 * draws - 1
    angle, slant = torch.deg2rad(rotation * spread[:, 0]), torch.deg2rad(shear * spread[:, 1])
    cos, sin, zero, one = angle.cos(), angle.sin(), torch.zeros_like(angle), torch.ones_like(angle)
    turned = torch.stack([cos, -sin, sin, cos], dim=-1).view(-1, 2, 2)
    sheared = torch.stack([one, -slant.sin(), zero, slant.cos()], dim=-1).view(-1, 2, 2)
    return turned @ sheared @ torch.diag_embed(1 + zoom * spread[:, 2:4])


def _crop(rgb: Tensor, side: int, draws: Tensor, is_mirrored: Tensor, is_upside_down: Tensor) -> Tensor:
    """Crop a square of `side` pixels from each photo at the place chosen by its draws (B, 2), flipped as requested."""
    steps = torch.arange(side)
    for dim, place, is_flipped in ((3, draws[:, 0], is_mirrored), (2, draws[:, 1], is_upside_down)):
        if side == rgb.shape[dim] and not is_flipped.any():
            continue
        first = (place * (rgb.shape[dim] - side + 1)).long()[:, None]
        indices = first + torch.where(is_flipped[:, None], side - 1 - steps, steps)
        shape = [len(rgb), 1, 1, 1]
        shape[dim] = side
        sizes = [*rgb.shape]
        sizes[dim] = side
        rgb = rgb.gather(dim, indices.to(rgb.device).view(shape).expand(sizes))
    return rgb


def saturate(rgb: Tensor, factor: float) -> Tensor:
    """Multiply the chroma of sRGB in 0…1 (B, 3, H, W) by `factor` at the same lightness, within the limits of sRGB."""
    lab = rgb_to_lab(rgb)
    return lab_to_rgb(torch.cat((lab[:, :1], factor * lab[:, 1:]), 1))


def _sample(rgb: Tensor, theta: Tensor, transform: Tensor, size: int) -> Tensor:
    """Sample bilinearly at the grid of theta (B, 2, 3), after averaging each photo down according to its grid's spacing."""
    step = torch.linalg.matrix_norm(transform, 2) * rgb.shape[-1] / size
    factors = 2 ** (step / MAX_SAMPLING_STEP).log2().ceil().clamp(min=0).long()
    result = rgb.new_empty((len(rgb), 3, size, size), dtype=torch.float32)
    for factor in factors.unique().tolist():
        members = (factors == factor).nonzero()[:, 0]
        places = members.to(rgb.device)
        photos = rgb[places].float()
        if factor > 1:
            # Sides that the factor does not divide are resized to the nearest size, not cut.
            photos = F.adaptive_avg_pool2d(photos, max(1, round(photos.shape[-1] / factor)))
        grid_theta = theta[members].float().to(rgb.device)
        grid = F.affine_grid(grid_theta, [len(members), 3, size, size], align_corners=False)
        result[places] = F.grid_sample(photos, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return result.div_(255).clamp_(0, 1)
