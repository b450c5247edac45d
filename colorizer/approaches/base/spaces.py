"""The color spaces that approaches work in: what the network sees, what it is trained to give, and how that becomes ab.

A space is a frozen description. `encode` makes the network's input of the lightness, `split` makes the training pair of a
color photo, `join` makes CIE ab of the network's prediction. Outside this module every tensor is in CIE units.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.photos import bins, color


@dataclass(frozen=True)
class Lab:
    """Lightness as L / l + offset, color as (a, b) / ab + ab_offset."""

    l: float = 100.0  # noqa: E741 - the field's own name
    offset: float = 0.0
    ab: float = 128.0
    ab_offset: float = 0.0

    input_channels = 1
    output_channels = 2
    options = ()

    def encode(self, lightness: Tensor) -> Tensor:
        """L in 0…100, (B, 1, H, W), to the network's input of the same shape."""
        return lightness / self.l + self.offset

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """sRGB in 0…1, (B, 3, H, W), to the lightness (B, 1, H, W) and the target (B, 2, H, W) in this space's scale."""
        lab = color.rgb_to_lab(rgb)
        return lab[:, :1], lab[:, 1:] / self.ab + self.ab_offset

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """The network's prediction (B, 2, H, W) as CIE ab."""
        return (prediction - self.ab_offset) * self.ab


@dataclass(frozen=True)
class LabBins(Lab):
    """Lightness as L / l + offset, color as logits over the 313 bins of the ab plane; `temperature` anneals their mean."""

    ab: float = 1.0

    output_channels = bins.NUM_BINS
    options = ("temperature",)

    def join(self, lightness: Tensor, prediction: Tensor, temperature: float = 0.38) -> Tensor:
        """Logits (B, 313, h, w) as CIE ab (B, 2, H, W), upsampled bilinearly to the lightness."""
        ab = bins.annealed_mean(prediction, device_centers(prediction.device), temperature)
        return F.interpolate(ab, size=lightness.shape[-2:], mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Rgb:
    """The gray photo copied to `input_channels`, color as RGB: level · scale + offset for levels in 0…1."""

    input_channels: int = 3
    scale: float = 1.0
    offset: float = 0.0

    output_channels = 3
    options = ()

    def encode(self, lightness: Tensor) -> Tensor:
        """L in 0…100, (B, 1, H, W), to the gray photo (B, input_channels, H, W)."""
        gray = color.lightness_to_gray(lightness) * self.scale + self.offset
        return gray.expand(-1, self.input_channels, -1, -1)

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """sRGB in 0…1, (B, 3, H, W), to the lightness (B, 1, H, W) and the target RGB (B, 3, H, W) in this space's scale."""
        return color.rgb_to_lab(rgb)[:, :1], rgb * self.scale + self.offset

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """The predicted RGB (B, 3, H, W) as CIE ab; its own lightness is dropped, the photo's stands."""
        return color.rgb_to_lab(((prediction - self.offset) / self.scale).clamp(0, 1))[:, 1:]


@dataclass(frozen=True)
class Yuv:
    """The gray photo, color as U and V (BT.601) in 0…1: U / (2 · u) + 0.5 and V / (2 · v) + 0.5.

    u, v: the largest U and V of sRGB.
    """

    u: float = color.RGB_TO_YUV[1][2]
    v: float = color.RGB_TO_YUV[2][0]

    input_channels = 1
    output_channels = 2
    options = ()

    def encode(self, lightness: Tensor) -> Tensor:
        """L in 0…100, (B, 1, H, W), to the gray photo's levels in 0…1, same shape."""
        return color.lightness_to_gray(lightness)

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """sRGB in 0…1, (B, 3, H, W), to the lightness (B, 1, H, W) and the target UV (B, 2, H, W) in 0…1."""
        return color.rgb_to_lab(rgb)[:, :1], color.rgb_to_yuv(rgb)[:, 1:] / self._range(rgb) + 0.5

    def join(self, lightness: Tensor, prediction: Tensor) -> Tensor:
        """The predicted UV (B, 2, H, W) as CIE ab, that of the color with this UV and the photo's own lightness."""
        uv = (prediction - 0.5) * self._range(prediction)
        return color.rgb_to_lab(color.uv_to_rgb(lightness, uv))[:, 1:]

    def _range(self, like: Tensor) -> Tensor:
        return like.new_tensor((2 * self.u, 2 * self.v)).view(2, 1, 1)


Space = Lab | Rgb | Yuv


@lru_cache(maxsize=8)
def device_centers(device: torch.device) -> Tensor:
    """The bins' centers (313, 2) on a device. No buffer holds them: the meta device would leave garbage in it."""
    return bins.bin_centers().to(device)
