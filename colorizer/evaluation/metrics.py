"""How near predicted colors come to the true ones, per photo: pure functions on sRGB in 0…1, (B, 3, H, W) → (B,).

A colorizer keeps the photo's own lightness, so PSNR and SSIM are high even for a gray photo: compare them with the gray
baseline, not with figures of other tasks.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from colorizer.color import colorfulness, rgb_to_lab
from colorizer.errors import ColorizerError

MAX_PSNR = 100.0
"""PSNR of equal photos in dB, so that means stay finite; one level off in one channel of one pixel of 256² is 101."""

MAX_AB_ERROR = 150
"""Where the accuracy curve ends (Zhang et al. 2016)."""

WITHIN = (5, 10, 20)
"""ab errors, in CIE units, whose share of pixels is counted."""

_SSIM_WINDOW = 11


def psnr(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all three channels in dB, (B,), at most `MAX_PSNR`."""
    error = (predicted_rgb - true_rgb).square().mean(dim=(-3, -2, -1))
    return -10 * error.clamp(min=10 ** (-MAX_PSNR / 10)).log10()


def ssim(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5), mean of the channels, (B,).

    Windows at the edge see the photo mirrored. A photo with a side under 11 is first continued to 11.
    """
    height, width = true_rgb.shape[-2:]
    missing = max(0, _SSIM_WINDOW - height), max(0, _SSIM_WINDOW - width)
    if any(missing):
        padding = (0, missing[1], 0, missing[0])
        predicted_rgb, true_rgb = (F.pad(rgb, padding, mode="replicate") for rgb in (predicted_rgb, true_rgb))
    return structural_similarity_index_measure(predicted_rgb, true_rgb, data_range=1.0, reduction="none").reshape(-1)


def ciede2000(lab: Tensor, other_lab: Tensor) -> Tensor:
    """CIEDE2000 color difference of each pixel, Lab (…, 3, H, W) → (…, H, W); 1 is about the least that is noticed.

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula: implementation notes, supplementary test data, and
    mathematical observations", 2005; all three weighting factors are 1. The comments give that paper's equations.
    """
    l1, a1, b1 = lab.unbind(-3)
    l2, a2, b2 = other_lab.unbind(-3)
    stretch = 1.5 - 0.5 * _chroma_share((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2)  # 1 + G, equations 2–4
    a1, a2 = a1 * stretch, a2 * stretch
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.rad2deg(torch.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    is_gray = (c1 == 0) | (c2 == 0)
    dh = h2 - h1
    dh = torch.where(dh > 180, dh - 360, torch.where(dh < -180, dh + 360, dh))  # equation 10
    # Halfway along the shorter arc; the hue of gray is 0, so that the sum is the other color's (equation 14).
    hue = torch.where(is_gray, h1 + h2, h1 + dh / 2) % 360
    dl, dc = l2 - l1, c2 - c1
    dh = torch.where(is_gray, 0.0, 2 * (c1 * c2).sqrt() * torch.sin(torch.deg2rad(dh / 2)))  # equation 11
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    t = (
        1
        - 0.17 * torch.cos(torch.deg2rad(hue - 30))
        + 0.24 * torch.cos(torch.deg2rad(2 * hue))
        + 0.32 * torch.cos(torch.deg2rad(3 * hue + 6))
        - 0.20 * torch.cos(torch.deg2rad(4 * hue - 63))
    )  # equation 15
    rotation = 30 * torch.exp(-(((hue - 275) / 25) ** 2))  # in degrees, equation 16
    from_middle = (lightness - 50).square()
    dl = dl / (1 + 0.015 * from_middle / (20 + from_middle).sqrt())
    dc = dc / (1 + 0.045 * chroma)
    dh = dh / (1 + 0.015 * chroma * t)
    cross = -torch.sin(torch.deg2rad(2 * rotation)) * 2 * _chroma_share(chroma) * dc * dh
    # Rounding may leave a hair under 0 where both colors are equal.
    return (dl.square() + dc.square() + dh.square() + cross).clamp(min=0).sqrt()


def _chroma_share(chroma: Tensor) -> Tensor:
    """sqrt(C⁷ / (C⁷ + 25⁷)), written so that float32 does not overflow."""
    ratio = (chroma / 25) ** 7
    return (ratio / (ratio + 1)).sqrt()


def auc(distance: Tensor) -> Tensor:
    """Area under the accuracy curve in percent, from ab errors (B, H, W) → (B,).

    Zhang et al. 2016, section 3.1 ("raw accuracy"): the share of pixels whose ab error is within t, integrated over
    t = 0…150. A pixel adds 150 − error to that integral, so it needs no thresholds. Gray has about 90.
    """
    return 100 * (1 - distance / MAX_AB_ERROR).clamp(min=0).mean(dim=(-2, -1))


def within(distance: Tensor, limit: float) -> Tensor:
    """Share of pixels in percent whose ab error is at most `limit`, from ab errors (B, H, W) → (B,)."""
    return 100 * (distance <= limit).to(distance.dtype).mean(dim=(-2, -1))


def compute_metrics(predicted_rgb: Tensor, true_rgb: Tensor) -> dict[str, Tensor]:
    """Every metric of a batch by name, each (B,): a value a photo.

    psnr (dB), ssim, ciede2000 (mean over the pixels), ab_mae and ab_rmse (CIE units, over both channels), mse_ab128
    (mean square error of ab / 128, the number that Deep Koalarization reports), auc, within_5, within_10, within_20
    (percent), colorfulness (of the prediction, Hasler and Süsstrunk 2003) and colorfulness_difference (how far it is
    from the truth's, either way).

    Raises ColorizerError unless both are (B, 3, H, W) of one size.
    """
    shape, true_shape = tuple(predicted_rgb.shape), tuple(true_rgb.shape)
    if shape != true_shape or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ColorizerError(f"metrics compare two batches (B, 3, H, W) of one size, not {shape} and {true_shape}")
    predicted_rgb, true_rgb = predicted_rgb.float(), true_rgb.float()
    lab, true_lab = rgb_to_lab(predicted_rgb), rgb_to_lab(true_rgb)
    error = lab[:, 1:] - true_lab[:, 1:]
    distance = error.square().sum(dim=1).sqrt()
    square_error = error.square().mean(dim=(1, 2, 3))
    predicted_colorfulness = colorfulness(predicted_rgb)
    return {
        "psnr": psnr(predicted_rgb, true_rgb),
        "ssim": ssim(predicted_rgb, true_rgb),
        "ciede2000": ciede2000(lab, true_lab).mean(dim=(1, 2)),
        "ab_mae": error.abs().mean(dim=(1, 2, 3)),
        "ab_rmse": square_error.sqrt(),
        "mse_ab128": square_error / 128**2,
        "auc": auc(distance),
        **{f"within_{limit}": within(distance, limit) for limit in WITHIN},
        "colorfulness": predicted_colorfulness,
        "colorfulness_difference": (predicted_colorfulness - colorfulness(true_rgb)).abs(),
    }
