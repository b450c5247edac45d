"""Hold a clip's colors steady: each place's color is averaged over the frames in which the same thing is to be seen there.

The average follows what moves and starts anew where something new comes into sight, so that nothing leaves a trail of its
color. Blind smoothing by motion compensation and a recursive average is that of Bonneel et al., "Blind Video Temporal
Consistency", SIGGRAPH Asia 2015; here lightness, which a network for colorization never changes, says what is the same.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_AREA = 96 * 96  # pixels at which motion is looked for: fine enough for colors, and little time beside a network's
_LEVELS = 4
_REACH = (
    2  # pixels of the coarsest level: 23 of the finest, a quarter of the picture's side, from one frame to the next
)
_WINDOW = 5
_SAME, _OTHER = 2.0, 6.0  # of CIE L that noise does not explain: up to here the same thing, from here on another
# What half of the picture differs by after a cut, however much is taken for motion: this share of the contrast, from so
# much to so much CIE L.
_CUT_CONTRAST, _CUT = 0.4, (1.5, 4.0)
_GAINS = 0.7, 1.4  # of the light, from one frame to the next; more is another scene's
_NOISE = 1.13  # the mean distance of two samples of a normal distribution, in its standard deviations


@dataclass(frozen=True, eq=False)
class History:
    """What the next frame's colors are averaged with.

    plane: (1, h, w), lightness at the size at which motion is looked for.
    ab: (2, H, W), the colors so far.
    weight: (1, H, W), how many frames they are the average of, at each place.
    time: of the last frame, in seconds.
    """

    plane: Tensor
    ab: Tensor
    weight: Tensor
    time: float


class Smoother:
    """Averages a clip's colors over about `seconds`, frame by frame; not at all if that is 0.

    history: what is remembered; None before the first frame. Whoever puts it back goes on as if nothing had come between.
    num_scenes: how many scenes there were so far.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.history: History | None = None
        self.num_scenes = 0

    def __call__(self, lightness: Tensor, ab: Tensor, time: float) -> Tensor:
        """The next frame's colors (2, H, W), steadied.

        Args:
            lightness: CIE L in 0…100, (1, H, W), of the frame at `time`, in seconds.
            ab: what the network says of it, (2, H, W).
        """
        plane = _reduced(lightness)
        old, weight = self.history, torch.zeros_like(lightness)
        is_new_scene = True
        if old is not None and old.ab.shape == ab.shape:
            kept, displacement = compare(plane, old.plane)
            if is_new_scene := kept is None:
                pass
            elif self.seconds > 0:
                displacement, kept = _enlarged(displacement, kept, ab.shape[-2:])
                previous = shift(torch.cat((old.ab, old.weight)), displacement)
                # As many frames as fit into `seconds` count: the average forgets at that pace.
                longest = 1 / (1 - math.exp(-max(time - old.time, 1e-3) / self.seconds))
                weight = (kept * previous[2:]).clamp(max=longest - 1)
                ab = (weight * previous[:2] + ab) / (weight + 1)
        self.num_scenes += is_new_scene
        self.history = History(plane, ab, weight + 1, time)
        return ab


def compare(plane: Tensor, previous: Tensor) -> tuple[Tensor | None, Tensor]:
    """How sure it is, 0…1, that each place shows what the previous frame showed, (1, h, w), and where that was.

    Both frames are CIE L, (1, h, w). Instead of the first there is None if the two are of different scenes; the second is as
    `find_motion` gives it.
    """
    # Old film gets lighter and darker as a whole. A gain in light is one in L + 16, but for the darkest.
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
    """Where each place of a frame was in the previous one: rows and columns to add to its own, whole numbers, (2, h, w).

    Both frames are CIE L, (1, h, w). Block matching from coarse to fine, which prefers what stands still.
    """
    pyramid = [(plane, previous)]
    while len(pyramid) < _LEVELS and min(pyramid[-1][0].shape[-2:]) >= 4 * _WINDOW:
        pyramid.append(tuple(F.avg_pool2d(level, 2) for level in pyramid[-1]))
    displacement, reach = torch.zeros(2, *pyramid[-1][0].shape[-2:], dtype=torch.long), _REACH
    for now, before in reversed(pyramid):
        if displacement.shape[-2:] != now.shape[-2:]:
            displacement, reach = _resized(displacement.float() * 2, now.shape[-2:]).long(), 1
        cost = _mean_around((now - before).abs())
        # Where all is alike, or noise, every displacement is as good as another; only a clearly better one counts.
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
    """Each place's value taken from where `displacement` (2, h, w) says, (C, h, w); beyond the edge stands the edge."""
    height, width = channels.shape[-2:]
    row = (torch.arange(height)[:, None] + displacement[0]).clamp_(0, height - 1)
    column = (torch.arange(width) + displacement[1]).clamp_(0, width - 1)
    return channels.flatten(1)[:, (row * width + column).flatten()].view(channels.shape)


def _reduced(lightness: Tensor) -> Tensor:
    height, width = lightness.shape[-2:]
    scale = math.sqrt(_AREA / (height * width))
    if scale >= 1:
        return lightness
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return F.interpolate(lightness[None], size, mode="bilinear", antialias=True)[0]


def _enlarged(displacement: Tensor, kept: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Both at another size, the displacement in that size's pixels."""
    if kept.shape[-2:] == size:
        return displacement, kept
    scale = torch.tensor([new / old for new, old in zip(size, kept.shape[-2:], strict=True)]).view(2, 1, 1)
    displacement = (_resized(displacement.float(), size) * scale).round().long()
    return displacement, F.interpolate(kept[None], size, mode="bilinear")[0]


def _resized(channels: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(channels[None], size, mode="nearest-exact")[0]


def _mean_around(plane: Tensor) -> Tensor:
    """The mean of each place's surroundings, (1, h, w)."""
    margin = _WINDOW // 2
    return F.avg_pool2d(F.pad(plane[None], (margin,) * 4, mode="replicate"), _WINDOW, 1)[0]


def _noise(plane: Tensor) -> Tensor:
    """Standard deviation of the noise in a frame (1, h, w), by what is left of it without lines and slopes.

    The filter is that of Immerkær, "Fast Noise Variance Estimation", 1996; the median leaves out what is rich in detail.
    """
    if min(plane.shape[-2:]) < 3:
        return torch.zeros(())
    bend = torch.tensor([1.0, -2.0, 1.0])
    return F.conv2d(plane[None], torch.outer(bend, bend)[None, None]).abs().median() / (6 * 0.6745)
