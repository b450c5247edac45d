"""Steady colors of a clip: the network colors some frames, motion carries its colors to the others, and all are averaged.

Both follow the same motion and start again where something new comes into view, so that no color leaves a trail. Blind
smoothing by motion compensation and a recursive average follows Bonneel et al., "Blind Video Temporal Consistency",
SIGGRAPH Asia 2015; here the lightness, which colorization never changes, shows what is the same.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from colorizer.video.motion import compare, reduce, resize_motion, shift

# Seconds after which the network colors a frame again, while colors are averaged over `_USUAL` ones or more: at that pace the
# result stays within a mean ΔE2000 of 0.5 of every frame colored (`python -m benchmarks.film`). Shorter averages need a faster
# one.
INTERVAL, _USUAL = 0.11, 0.5
_LEAST_COVERED = 0.7  # share of the picture that the network has colored; with less, it colors the frame
_UNCOVERED = 0.01  # weight of a color in a place that the network has not covered


@dataclass(frozen=True, eq=False)
class Motion:
    """A frame as its lightness shows it, next to the one before.

    plane: (1, h, w), lightness at the size for motion estimation.
    covered: (1, h, w), 0…1, how surely each place shows what the network has colored last.
    time: time of the frame, and of the last one that the network colors up to this one, in seconds.
    displacement, kept: as from `compare`; None for the first frame of a scene.
    is_due: True if the network has to color it. is_in_color: True if it needs no colors.
    """

    plane: Tensor
    covered: Tensor
    time: float
    time_colored: float
    displacement: Tensor | None = None
    kept: Tensor | None = None
    is_due: bool = False
    is_in_color: bool = False


@dataclass(frozen=True, eq=False)
class History:
    """Everything that the colors of the frames after one depend on.

    motion: the frame's. colors: (2, H, W), the network's last colors, where motion has carried them.
    ab: (2, H, W), average colors so far. weight: (1, H, W), number of frames in the average, at each place.
    num_scenes: number of scenes so far.
    """

    motion: Motion
    colors: Tensor
    ab: Tensor
    weight: Tensor
    num_scenes: int


class Smoother:
    """Color a clip's frames steadily, over about `seconds`; with 0, each has the network's own colors.

    Frames are first given to `track`, in order, a few at a time, and then, with the colors that it asked for, to the call.

    history: state after the last frame; None before the first one. Restoring it resumes without any difference.
    """

    def __init__(self, seconds: float, history: History | None = None):
        self.seconds = seconds
        self.history = history
        self._motion = None if history is None else history.motion
        self._interval = INTERVAL * min(1.0, seconds / _USUAL)

    @property
    def num_scenes(self) -> int:
        """Number of scenes so far."""
        return 0 if self.history is None else self.history.num_scenes

    def track(self, lightness: Tensor, time: float, *, is_in_color: bool = False) -> Motion:
        """Look at the next frame, and choose if the network has to color it.

        Args:
            lightness: CIE L in 0…100, (1, H, W), of the frame at `time`, in seconds.
            is_in_color: True for a frame that needs no colors, after which the average starts again.
        """
        old, plane = self._motion, reduce(lightness)
        kept, displacement = (None, None) if old is None else compare(plane, old.plane)
        covered = torch.zeros_like(plane) if kept is None else kept * shift(old.covered, displacement)
        time_colored = time if old is None else old.time_colored
        is_due = not is_in_color and (covered.mean() < _LEAST_COVERED or time - time_colored >= self._interval)
        if is_due or is_in_color:
            covered, time_colored = torch.full_like(plane, float(is_due)), time
        self._motion = Motion(plane, covered, time, time_colored, displacement, kept, bool(is_due), is_in_color)
        return self._motion

    def __call__(self, motion: Motion, ab: Tensor | None) -> Tensor | None:
        """Return the smoothed colors of the next frame, (2, H, W); None if it is in color.

        Args:
            motion: what `track` returned for the frame.
            ab: its predicted colors, (2, H, W); they are needed if it is due.
        """
        old, seconds = self.history, self.seconds
        num_scenes = self.num_scenes + (motion.kept is None)
        if motion.is_in_color:
            colors = ab = motion.plane.new_zeros(2, 1, 1)
            weight = motion.plane.new_zeros(1, 1, 1)
        elif motion.kept is None or old.motion.is_in_color or seconds == 0:
            colors, weight = ab, ab.new_ones(1, *ab.shape[1:])
        else:
            displacement, known = resize_motion(
                motion.displacement, torch.cat((motion.kept, motion.covered)), old.ab.shape[-2:]
            )
            kept, covered = known[:1], known[1:].clamp(min=_UNCOVERED)
            moved = shift(torch.cat((old.colors, old.ab, old.weight)), displacement)
            colors = ab if motion.is_due else moved[:2]
            # The weight is capped at the number of frames in `seconds`, so that the average decays at that rate.
            longest = 1 / (1 - math.exp(-max(motion.time - old.motion.time, 1e-3) / seconds))
            weight = (kept * moved[4:]).clamp(max=longest - 1)
            ab = (weight * moved[2:4] + covered * colors) / (weight + covered)
            weight = weight + covered
        self.history = History(motion, colors, ab, weight, num_scenes)
        return None if motion.is_in_color else ab
