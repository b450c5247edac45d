"""Motion between two frames of a clip, and how surely each place shows the same in both, from their lightness."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

_AREA = 96 * 96  # pixels for motion estimation: fine enough for colors, and fast compared with a network
_LEVELS = 4
_REACH = 2  # pixels per frame at the coarsest level: 23 at the finest, a quarter of the frame's side
_WINDOW = 5
_SAME, _OTHER = 2.0, 6.0  # difference in CIE L beyond noise: the same thing up to the first, another from the second on
# A cut is a median difference, after motion compensation, above this share of the contrast, clamped to this range of CIE L.
_CUT_CONTRAST, _CUT = 0.4, (1.5, 4.0)
_GAINS = 0.7, 1.4  # range of brightness changes between frames of a scene
_NOISE = 1.13  # mean distance of two samples of a normal distribution, in standard deviations


def reduce(lightness: Tensor) -> Tensor:
    """Resize the lightness of a frame, (1, H, W), to the size for motion estimation."""
    height, width = lightness.shape[-2:]
    scale = math.sqrt(_AREA / (height * width))
    if scale >= 1:
        return lightness
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return F.interpolate(lightness[None], size, mode="bilinear", antialias=True)[0]


def compare(plane: Tensor, previous: Tensor) -> tuple[Tensor | None, Tensor]:
    """Return the confidence, 0…1, that each place shows the same as in the previous frame, (1, h, w), and its displacement.

    Both frames are CIE L, (1, h, w). The confidence is None if they are of different scenes; the displacement is that of
    `find_motion`.
    """
    # Old film flickers in brightness as a whole. A gain in light is one in L + 16, except in the darkest parts.
    gain = ((plane + 16) / (previous + 16)).median().clamp(*_GAINS)
    previous = (previous + 16) * gain - 16
    displacement = find_motion(plane, previous)
    distance = _mean_around((plane - shift(previous, displacement)).abs())
    distance = distance - _NOISE * torch.minimum(_noise(plane), _noise(previous))
    contrast = torch.minimum(plane.std(), previous.std())
    if distance.median() > (_CUT_CONTRAST * contrast).clamp(*_CUT):
        return None, displacement
    return ((_OTHER - distance) / (_OTHER - _SAME)).clamp(0, 1), displacement


def find_motion(plane: Tensor, previous: Tensor) -> Tensor:
    """Find where each place of a frame was in the previous one: row and column offsets, whole numbers, (2, h, w).

    Both frames are CIE L, (1, h, w). Coarse-to-fine block matching that prefers no motion.
    """
    pyramid = [(plane, previous)]
    while len(pyramid) < _LEVELS and min(pyramid[-1][0].shape[-2:]) >= 4 * _WINDOW:
        pyramid.append(tuple(F.avg_pool2d(level, 2) for level in pyramid[-1]))
    displacement, reach = torch.zeros(2, *pyramid[-1][0].shape[-2:], dtype=torch.long), _REACH
    for now, before in reversed(pyramid):
        if displacement.shape[-2:] != now.shape[-2:]:
            displacement, reach = _resize(displacement.float() * 2, now.shape[-2:]).long(), 1
        still = _mean_around((now - before).abs())
        offsets = torch.arange(-reach, reach + 1)
        steps = torch.cartesian_prod(offsets, offsets)
        candidates = displacement + steps[..., None, None]
        # All in one call each: on planes this small, calls take longer than their arithmetic.
        costs = _mean_around((now[:, None] - _taken(before, candidates.unbind(1))).abs()[0])
        # In flat or noisy areas all displacements match equally well; only a clearly better one counts.
        costs += 0.2 * still.median() * torch.where(steps.any(1), 1.5, 1.0)[:, None, None]
        cost, best = costs.min(0, keepdim=True)
        found = candidates.gather(0, best[:, None].expand(1, 2, *now.shape[-2:]))[0]
        displacement = torch.where(cost < still, found, 0)
    return displacement


def shift(channels: Tensor, displacement: Tensor) -> Tensor:
    """Take each place's value from its position plus `displacement` (2, h, w): (C, h, w), with the edges replicated."""
    return _taken(channels, displacement)


def resize_motion(displacement: Tensor, planes: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Resize a displacement, (2, h, w), and planes, (C, h, w), with the displacement in pixels of the new size."""
    if planes.shape[-2:] == size:
        return displacement, planes
    scale = torch.tensor([new / old for new, old in zip(size, planes.shape[-2:], strict=True)]).view(2, 1, 1)
    displacement = (_resize(displacement.float(), size) * scale).round().long()
    return displacement, F.interpolate(planes[None], size, mode="bilinear")[0]


def _taken(channels: Tensor, displacement: Tensor | tuple[Tensor, Tensor]) -> Tensor:
    """Return (C, …, h, w) for displacements of rows and columns, (…, h, w) each."""
    height, width = channels.shape[-2:]
    row = (torch.arange(height)[:, None] + displacement[0]).clamp_(0, height - 1)
    column = (torch.arange(width) + displacement[1]).clamp_(0, width - 1)
    place = row.mul_(width).add_(column)
    return channels.flatten(1).index_select(1, place.flatten()).view(len(channels), *place.shape)


def _resize(channels: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(channels[None], size, mode="nearest-exact")[0]


def _mean_around(planes: Tensor) -> Tensor:
    """Return the mean around each place of each plane, (N, h, w)."""
    height, width = planes.shape[-2:]
    padded = F.pad(planes[None], (_WINDOW // 2,) * 4, mode="replicate")[0]
    rows = sum(padded[:, k : k + height] for k in range(_WINDOW))  # several times as fast as avg_pool2d
    return sum(rows[..., k : k + width] for k in range(_WINDOW)) / _WINDOW**2


def _noise(plane: Tensor) -> Tensor:
    """Estimate the standard deviation of the noise in a frame (1, h, w), from what remains without lines and slopes.

    The filter is that of Immerkær, "Fast Noise Variance Estimation", 1996; the median ignores areas rich in detail.
    """
    if min(plane.shape[-2:]) < 3:
        return torch.zeros(())
    bend = torch.tensor([1.0, -2.0, 1.0])
    return F.conv2d(plane[None], torch.outer(bend, bend)[None, None]).abs().median() / (6 * 0.6745)
