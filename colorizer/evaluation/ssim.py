"""SSIM, with what it needs to know of the true photo computed once for all the predictions it is compared with."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 11
SIGMA = 1.5
_STABILITY = 0.01**2, 0.03**2


class Structure:
    """Local means and variances of photos (B, 3, H, W) in 0…1, which SSIM compares those of others with.

    Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5. Windows at the edge see the photo mirrored. A photo with a
    side under 11 is first continued to 11.
    """

    def __init__(self, rgb: Tensor) -> None:
        self._rgb = _continued(rgb)
        self._mean = _smooth(self._rgb)
        self._mean_square = self._mean.square()
        self._variance = _smooth(self._rgb.square()) - self._mean_square

    def similarity(self, rgb: Tensor) -> Tensor:
        """SSIM of photos of the same shape, the mean of pixels and channels, (B,)."""
        rgb = _continued(rgb)
        mean = _smooth(rgb)
        # Three at a time: what is computed from one photo's channels still is in the processor's cache.
        mean_square, mixed = mean.square(), mean * self._mean
        variance, covariance = _smooth(rgb.square()) - mean_square, _smooth(rgb * self._rgb) - mixed
        luminance = (2 * mixed + _STABILITY[0]) / (mean_square + self._mean_square + _STABILITY[0])
        structure = (2 * covariance + _STABILITY[1]) / (variance + self._variance + _STABILITY[1])
        return (luminance * structure).mean(dim=(-3, -2, -1))


def _continued(rgb: Tensor) -> Tensor:
    height, width = rgb.shape[-2:]
    missing = max(0, WINDOW - height), max(0, WINDOW - width)
    return F.pad(rgb, (0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else rgb


def _smooth(channels: Tensor) -> Tensor:
    """Gaussian blur of (B, C, H, W), mirrored at the edge: sums of shifted copies take a fifth of a convolution's time."""
    half = WINDOW // 2
    weights = torch.exp(-torch.arange(half + 1, dtype=torch.float64).square() / (2 * SIGMA**2))
    weights = (weights / (2 * weights.sum() - weights[0])).tolist()
    mirrored = F.pad(channels, 4 * (half,), mode="reflect")
    for dim in (-2, -1):
        size = mirrored.shape[dim] - 2 * half
        blurred = weights[0] * mirrored.narrow(dim, half, size)
        for shift in range(1, half + 1):
            both = mirrored.narrow(dim, half - shift, size) + mirrored.narrow(dim, half + shift, size)
            blurred.add_(both, alpha=weights[shift])
        mirrored = blurred
    return mirrored
