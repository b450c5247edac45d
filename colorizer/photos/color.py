"""Color spaces as pure functions on float tensors with channels at dimension -3: (…, 3, H, W).

Lab is CIE 1976 under D65, from sRGB (IEC 61966-2-1) with its exact transfer curve. The reference white is that of the sRGB
matrix, so a gray photo has a = b = 0. scikit-image rounds its white to five digits, which moves its gray axis to b = 0.0047
at L = 100. Elsewhere, too, the two agree to within 0.005.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""Linear sRGB to CIE XYZ (ITU-R BT.709 primaries, D65)."""

WHITE = tuple(sum(row) for row in RGB_TO_XYZ)
"""XYZ of R = G = B = 1."""

RGB_TO_YUV = (
    (0.299, 0.587, 0.114),
    (-0.14714119, -0.28886916, 0.43601035),
    (0.61497538, -0.51496512, -0.10001026),
)
"""Gamma-encoded sRGB to YUV, ITU-R BT.601; Y in 0…1, U in ±0.436, V in ±0.615."""

# CIE 1976: below DELTA³ a straight line of the same slope replaces the cube root.
DELTA = 6 / 29


def full_precision(tensor: Tensor) -> AbstractContextManager[object]:
    """Return a context that turns mixed precision off on the tensor's device; the meta device has none."""
    return nullcontext() if tensor.is_meta else torch.autocast(tensor.device.type, enabled=False)


def _apply(matrix: tuple[tuple[float, ...], ...], channels: Tensor) -> Tensor:
    weights = torch.tensor(matrix, dtype=channels.dtype, device=channels.device)
    # Mixed precision would treat this as a network layer and round colors to 8 bits.
    with full_precision(channels):
        return torch.einsum("ij,...jhw->...ihw", weights, channels)


def _inverse(matrix: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in torch.tensor(matrix, dtype=torch.float64).inverse().tolist())


# Explicitly on the CPU: models are built under the meta device, where a matrix has no values to invert.
with torch.device("cpu"):
    XYZ_TO_RGB = _inverse(RGB_TO_XYZ)
    YUV_TO_RGB = _inverse(RGB_TO_YUV)


def _power(base: Tensor, exponent: float) -> Tensor:
    # Twice as fast as `**` on a CPU, and as exact in float32.
    return (base.log() * exponent).exp()


# Each curve below is a line up to a threshold and a power above it. The two are added, each with its argument clamped to its
# own side, and their common value at the threshold is subtracted. This avoids unused branches and infinite gradients.


def rgb_to_linear(rgb: Tensor) -> Tensor:
    """Convert sRGB in 0…1 to linear light in 0…1."""
    threshold = 0.04045
    return (
        rgb.clamp(max=threshold) / 12.92 + _power((rgb.clamp(min=threshold) + 0.055) / 1.055, 2.4) - threshold / 12.92
    )


def linear_to_rgb(linear: Tensor) -> Tensor:
    """Convert linear light in 0…1 to sRGB in 0…1."""
    threshold = 0.04045 / 12.92
    return 12.92 * linear.clamp(max=threshold) + 1.055 * _power(linear.clamp(min=threshold), 1 / 2.4) - 0.055 - 0.04045


def _cube_root(ratio: Tensor) -> Tensor:
    line = (ratio.clamp(max=DELTA**3) - DELTA**3) / (3 * DELTA**2)
    return line + _power(ratio.clamp(min=DELTA**3), 1 / 3)


def _cube(root: Tensor) -> Tensor:
    return 3 * DELTA**2 * (root.clamp(max=DELTA) - DELTA) + root.clamp(min=DELTA) ** 3


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB in 0…1, (…, 3, H, W), to CIE Lab: L in 0…100, a and b about ±110. Differentiable."""
    x, y, z = (_cube_root(v / w) for v, w in zip(_apply(RGB_TO_XYZ, rgb_to_linear(rgb)).unbind(-3), WHITE, strict=True))
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), dim=-3)


def lab_to_rgb(lab: Tensor, *, clip: bool = True) -> Tensor:
    """Convert CIE Lab, (…, 3, H, W), to sRGB; out-of-gamut colors are clamped to 0…1 per channel unless `clip` is off."""
    lightness, a, b = lab.unbind(-3)
    y = (lightness + 16) / 116
    xyz = torch.stack([_cube(root) * w for root, w in zip((y + a / 500, y, y - b / 200), WHITE, strict=True)], dim=-3)
    rgb = linear_to_rgb(_apply(XYZ_TO_RGB, xyz))
    return rgb.clamp(0, 1) if clip else rgb


def lightness_to_gray(lightness: Tensor) -> Tensor:
    """Convert L in 0…100 to the sRGB level in 0…1 of the gray with this lightness, same shape."""
    return linear_to_rgb(_cube((lightness + 16) / 116))


def rgb_to_yuv(rgb: Tensor) -> Tensor:
    """Convert sRGB in 0…1, (…, 3, H, W), to YUV (BT.601): Y in 0…1, U in ±0.436, V in ±0.615."""
    return _apply(RGB_TO_YUV, rgb)


def yuv_to_rgb(yuv: Tensor, *, clip: bool = True) -> Tensor:
    """Convert YUV (BT.601), (…, 3, H, W), to sRGB, clamped to 0…1 unless `clip` is off."""
    rgb = _apply(YUV_TO_RGB, yuv)
    return rgb.clamp(0, 1) if clip else rgb


def uv_to_rgb(lightness: Tensor, uv: Tensor) -> Tensor:
    """Return the sRGB color with this CIE lightness and these U and V (BT.601), to within 1e-6.

    Luma Y does not determine L: it weights gamma-encoded levels where L weights linear light, and a blue and a yellow with the
    same Y are far apart in L. Y is therefore solved for at each pixel. U and V outside sRGB at that lightness give levels
    outside 0…1; they are not clamped, since that would change the lightness.

    Args:
        lightness: CIE L in 0…100, (…, 1, H, W).
        uv: U in ±0.436 and V in ±0.615, (…, 2, H, W).
    """
    luminance = _cube((lightness + 16) / 116)
    weights = torch.tensor(RGB_TO_XYZ[1], dtype=uv.dtype, device=uv.device).view(3, 1, 1)
    offsets = yuv_to_rgb(torch.cat((torch.zeros_like(lightness), uv), dim=-3), clip=False)
    # Newton's method. The curve is convex, so a start from above can't overshoot; and by Jensen's inequality the Y at which
    # the weighted mean of the levels equals the gray's lies above. Four steps leave only float32's own error over all of sRGB.
    luma = linear_to_rgb(luminance) - (weights * offsets).sum(-3, keepdim=True)
    for _ in range(4):
        rgb = offsets + luma
        excess = (weights * rgb_to_linear(rgb)).sum(-3, keepdim=True) - luminance
        luma = luma - excess / (weights * _linear_slope(rgb)).sum(-3, keepdim=True)
    return offsets + luma


def _linear_slope(rgb: Tensor) -> Tensor:
    """Derivative of `rgb_to_linear`."""
    threshold = 0.04045
    power = 2.4 / 1.055 * _power((rgb.clamp(min=threshold) + 0.055) / 1.055, 1.4)
    return torch.where(rgb > threshold, power, 1 / 12.92)


def colorfulness(rgb: Tensor) -> Tensor:
    """Measure the colorfulness M³ of sRGB in 0…1, (…, 3, H, W) → (…): 0 gray, 15 slightly, 45 quite, 109 extremely colorful.

    Hasler and Süsstrunk, "Measuring colorfulness in natural images", 2003, equation for sRGB in 0…255.
    """
    red, green, blue = (rgb * 255).flatten(-2).unbind(-2)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    deviation = torch.hypot(red_green.std(-1, correction=0), yellow_blue.std(-1, correction=0))
    return deviation + 0.3 * torch.hypot(red_green.mean(-1), yellow_blue.mean(-1))
