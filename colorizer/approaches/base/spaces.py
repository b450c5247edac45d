"""Color spaces of the approaches: the network's input, its training target, and the conversion of its output to ab.

Outside this module every tensor is in CIE units.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.approaches.base.option import Option
from colorizer.photos import bins, color

CHROMA_PIVOT = 15.0
"""Chroma in CIE units that an exponent leaves unchanged: about the mean over photos."""
_SMALLEST = 0.01
"""Share of the pivot below which an exponent acts like a factor: a negative power would be unbounded near 0."""


@dataclass(frozen=True)
class Space:
    """Base class of the color spaces: a frozen description of a network's input, its target, and the conversion to CIE ab.

    input_channels, output_channels: of the network.
    options: options of `join`, such as a temperature.
    has_distribution: True if the prediction is the logits of a distribution over colors; then `draw` is defined.
    """

    input_channels = 1
    output_channels = 2
    options: ClassVar[tuple[Option, ...]] = ()
    has_distribution: ClassVar[bool] = False

    def encode(self, lightness: Tensor) -> Tensor:
        """Convert L in 0…100, (B, 1, H, W), to the network's input (B, input_channels, H, W)."""
        raise TypeError(f"{type(self).__name__} has no encode: a space defines it")

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Split sRGB in 0…1, (B, 3, H, W), into lightness (B, 1, H, W) in 0…100 and the objective's target."""
        raise TypeError(f"{type(self).__name__} has no split: a space defines it")

    def join(self, lightness: Tensor, prediction: Tensor, **options: float | str) -> Tensor:
        """Convert the network's prediction to CIE ab (B, 2, H, W) of the lightness's size."""
        raise TypeError(f"{type(self).__name__} has no join: a space defines it")

    def draw(self, logits: Tensor, uniforms: Tensor, **options: float | str) -> Tensor:
        """Draw one of the likely colorings, CIE ab (2, h, w), from the logits (C, h, w) of one photo.

        uniforms: (2, h, w), two uniform numbers in 0…1 per pixel that decide which color is drawn. They change slowly over the
            photo, so similar numbers must draw similar colors.
        """
        raise TypeError(f"{type(self).__name__} has no distribution to draw from")

    def uncertainty(self, logits: Tensor) -> Tensor:
        """Return the entropy of the distribution, (B, C, h, w) → (B, h, w): 0 for a certain color, 1 for a uniform one."""
        log_probability = logits.float().log_softmax(1)
        return (-(log_probability.exp() * log_probability).sum(1) / math.log(logits.shape[1])).clamp(0, 1)


@dataclass(frozen=True)
class Lab(Space):
    """Lightness as L / l + offset, color as (a, b) / ab + ab_offset."""

    l: float = 100.0  # noqa: E741 - the field's own name
    offset: float = 0.0
    ab: float = 128.0
    ab_offset: float = 0.0

    def encode(self, lightness: Tensor) -> Tensor:
        """Convert L in 0…100, (B, 1, H, W), to the network's input of the same shape."""
        return lightness / self.l + self.offset

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Split sRGB in 0…1, (B, 3, H, W), into lightness (B, 1, H, W) and the target (B, 2, H, W) in this space's scale."""
        lab = color.rgb_to_lab(rgb)
        return lab[:, :1], lab[:, 1:] / self.ab + self.ab_offset

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """Convert the network's prediction (B, 2, H, W) to CIE ab."""
        return (prediction - self.ab_offset) * self.ab


TEMPERATURE = Option(
    "temperature",
    "Low is vivid, high is muted",
    0.38,
    0.01,
    10.0,
    useful=(0.05, 1.0),
)
_SPREAD = 16.0
"""Standard deviation, in CIE units, of the window around a drawn color in which the distribution is averaged."""


@dataclass(frozen=True)
class LabBins(Lab):
    """Lightness as L / l + offset, color as logits over the 313 bins of the ab plane; `temperature` anneals their mean."""

    ab: float = 1.0

    output_channels = bins.NUM_BINS
    options = (TEMPERATURE,)
    has_distribution = True

    def join(self, lightness: Tensor, prediction: Tensor, temperature: float = 0.38) -> Tensor:
        """Convert logits (B, 313, h, w) to CIE ab (B, 2, H, W), upsampled bilinearly to the lightness's size."""
        ab = bins.annealed_mean(prediction, device_centers(prediction.device), temperature)
        return F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)

    def draw(self, logits: Tensor, uniforms: Tensor, temperature: float = 0.38) -> Tensor:
        """Draw a bin from each pixel's distribution, annealed by `temperature`, and return the mean color around that bin."""
        probability = (logits.float() / temperature).softmax(0)
        centers = device_centers(logits.device)
        drawn = centers[bins.draw_bins(probability, uniforms)]
        distance = (drawn.square().sum(-1) - 2 * torch.einsum("qc,hwc->qhw", centers, drawn)) + (
            centers.square().sum(-1)[:, None, None]
        )
        weights = probability * (-distance / (2 * _SPREAD**2)).exp()
        return torch.einsum("qhw,qc->chw", weights / weights.sum(0), centers)


@dataclass(frozen=True)
class Rgb(Space):
    """The gray photo copied to `input_channels`, color as RGB: level · scale + offset for levels in 0…1."""

    input_channels: int = 3
    scale: float = 1.0
    offset: float = 0.0

    output_channels = 3

    def encode(self, lightness: Tensor) -> Tensor:
        """Convert L in 0…100, (B, 1, H, W), to the gray photo (B, input_channels, H, W)."""
        gray = color.lightness_to_gray(lightness) * self.scale + self.offset
        return gray.expand(-1, self.input_channels, -1, -1)

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Split sRGB in 0…1, (B, 3, H, W), into lightness (B, 1, H, W) and target RGB (B, 3, H, W) in this space's scale."""
        return color.rgb_to_lab(rgb)[:, :1], rgb * self.scale + self.offset

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """Convert the predicted RGB (B, 3, H, W) to CIE ab; the predicted lightness is dropped, the photo's is kept."""
        return color.rgb_to_lab(((prediction - self.offset) / self.scale).clamp(0, 1))[:, 1:]


@dataclass(frozen=True)
class Yuv(Space):
    """The gray photo, color as U and V (BT.601) in 0…1: U / (2 · u) + 0.5 and V / (2 · v) + 0.5.

    u, v: the largest U and V in sRGB.
    """

    u: float = color.RGB_TO_YUV[1][2]
    v: float = color.RGB_TO_YUV[2][0]

    def encode(self, lightness: Tensor) -> Tensor:
        """Convert L in 0…100, (B, 1, H, W), to gray levels in 0…1 of the same shape."""
        return color.lightness_to_gray(lightness)

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Split sRGB in 0…1, (B, 3, H, W), into lightness (B, 1, H, W) and the target UV (B, 2, H, W) in 0…1."""
        return color.rgb_to_lab(rgb)[:, :1], color.rgb_to_yuv(rgb)[:, 1:] / self._range(rgb) + 0.5

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """Convert the predicted UV (B, 2, H, W) to the CIE ab of the color with this UV and the photo's own lightness."""
        uv = (prediction - 0.5) * self._range(prediction)
        return color.rgb_to_lab(color.uv_to_rgb(lightness, uv))[:, 1:]

    def _range(self, like: Tensor) -> Tensor:
        return like.new_tensor((2 * self.u, 2 * self.v)).view(2, 1, 1)


@lru_cache(maxsize=8)
def device_centers(device: torch.device) -> Tensor:
    """Return the bins' centers (313, 2) on a device. They are not a buffer: the meta device would fill it with garbage."""
    return bins.bin_centers().to(device)


def grade(ab: Tensor, gain: float, power: float) -> Tensor:
    """Change the chroma c of CIE ab (B, 2, H, W) to gain · CHROMA_PIVOT · (c / CHROMA_PIVOT)^power, keeping the hue.

    The mean of several likely colors is duller than each of them, and dullest where they differ most. With a power above 1,
    confident colors gain chroma and uncertain ones lose some. Both numbers are stored in the checkpoint and chosen on
    validation photos; training ignores them.
    """
    return gain * _with_power(ab, power, _SMALLEST)


def ungrade(ab: Tensor, gain: float, power: float) -> Tensor:
    """Invert `grade`."""
    return _with_power(ab / gain, 1 / power, _SMALLEST**power)


def _with_power(ab: Tensor, power: float, smallest: float) -> Tensor:
    if power == 1:
        return ab
    chroma = torch.linalg.vector_norm(ab, dim=1, keepdim=True)
    return ab * (chroma / CHROMA_PIVOT).clamp(min=smallest) ** (power - 1)
