"""Temporal smoothing of a clip's colors: average each place over the frames in which the same thing is visible there.

The average follows motion and restarts where something new comes into view, so that no color leaves a trail. Blind
smoothing by motion compensation and a recursive average follows Bonneel et al., "Blind Video Temporal Consistency",
SIGGRAPH Asia 2015; here the lightness, which colorization never changes, shows what is the same.
"""

import math
from dataclasses import dataclass

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


@dataclass(frozen=True, eq=False)
class History:
    """Data with which the next frame's colors are averaged.

    plane: (1, h, w), lightness at the size for motion estimation.
    ab: (2, H, W), average colors so far.
    weight: (1, H, W), number of frames in the average, at each place.
    time: time of the last frame, in seconds.
    """

    plane: Tensor
    ab: Tensor
    weight: Tensor
    time: float


class Smoother:
    """Average a clip's colors over about `seconds`, frame by frame; 0 turns averaging off.

    history: data from earlier frames; None before the first one. Restoring it resumes without any difference.
    num_scenes: number of scenes so far.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.history: History | None = None
        self.num_scenes = 0

    def __call__(self, lightness: Tensor, ab: Tensor | None, time: float) -> Tensor | None:
        """Return the smoothed colors of the next frame, (2, H, W).

        Args:
            lightness: CIE L in 0…100, (1, H, W), of the frame at `time`, in seconds.
            ab: its predicted colors, (2, H, W); None for a frame that needs none, after which the average starts again.
        """
        plane = _reduce(lightness)
        old, weight, has_colors = self.history, torch.zeros_like(lightness), ab is not None
        if not has_colors:
            ab = lightness.new_zeros(2, *lightness.shape[1:])
        is_new_scene = True
        if old is not None and old.ab.shape == ab.shape:
            kept, displacement = compare(plane, old.plane)
            if is_new_scene := kept is None:
                pass
            elif self.seconds > 0 and has_colors:
                displacement, kept = _resize_motion(displacement, kept, ab.shape[-2:])
                previous = shift(torch.cat((old.ab, old.weight)), displacement)
                # The weight is capped at the number of frames in `seconds`, so that the average decays at that rate.
                longest = 1 / (1 - math.exp(-max(time - old.time, 1e-3) / self.seconds))
                weight = (kept * previous[2:]).clamp(max=longest - 1)
                ab = (weight * previous[:2] + ab) / (weight + 1)
        self.num_scenes += is_new_scene
        self.history = History(plane, ab, weight + has_colors, time)
        return ab if has_colors else None


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
        cost = _mean_around((now - before).abs())
        # In flat or noisy areas all displacements match equally well; only a clearly better one counts.
        least = 0.2 * cost.median()
        steps = [(down, across) for down in range(-reach, reach + 1) for across in range(-reach, reach + 1)]
        found = torch.zeros_like(displacement)
        for step in steps:
            candidate = displacement + torch.tensor(step).view(2, 1, 1)
            more = least * (1.5 if any(step) else 1)
            new_cost = _mean_around((now - shift(before, candidate)).abs()) + more
            is_better = new_cost < cost
            cost = torch.where(is_better, new_cost, cost)
            found = torch.where(is_better, candidate, found)
        displacement = found
    return displacement


def shift(channels: Tensor, displacement: Tensor) -> Tensor:
    """Take each place's value from its position plus `displacement` (2, h, w): (C, h, w), with the edges replicated."""
    height, width = channels.shape[-2:]
    row = (torch.arange(height)[:, None] + displacement[0]).clamp_(0, height - 1)
    column = (torch.arange(width) + displacement[1]).clamp_(0, width - 1)
    return channels.flatten(1)[:, (row * width + column).flatten()].view(channels.shape)


def _reduce(lightness: Tensor) -> Tensor:
    height, width = lightness.shape[-2:]
    scale = math.sqrt(_AREA / (height * width))
    if scale >= 1:
        return lightness
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return F.interpolate(lightness[None], size, mode="bilinear", antialias=True)[0]


def _resize_motion(displacement: Tensor, kept: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Resize both, with the displacement in pixels of the new size."""
    if kept.shape[-2:] == size:
        return displacement, kept
    scale = torch.tensor([new / old for new, old in zip(size, kept.shape[-2:], strict=True)]).view(2, 1, 1)
    displacement = (_resize(displacement.float(), size) * scale).round().long()
    return displacement, F.interpolate(kept[None], size, mode="bilinear")[0]


def _resize(channels: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(channels[None], size, mode="nearest-exact")[0]


def _mean_around(plane: Tensor) -> Tensor:
    """Return the mean around each place, (1, h, w)."""
    margin = _WINDOW // 2
    return F.avg_pool2d(F.pad(plane[None], (margin,) * 4, mode="replicate"), _WINDOW, 1)[0]


def _noise(plane: Tensor) -> Tensor:
    """Estimate the standard deviation of the noise in a frame (1, h, w), from what remains without lines and slopes.

    The filter is that of Immerkær, "Fast Noise Variance Estimation", 1996; the median ignores areas rich in detail.
    """
    if min(plane.shape[-2:]) < 3:
        return torch.zeros(())
    bend = torch.tensor([1.0, -2.0, 1.0])
    return F.conv2d(plane[None], torch.outer(bend, bend)[None, None]).abs().median() / (6 * 0.6745)
