"""Losses between a prediction and its target, each a function from two (B, C, H, W) tensors to a scalar."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.photos import bins

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM's scales, finest first: Wang, Simoncelli and Bovik 2003, section 4."""

LOG_FLOOR = 8.0
"""In CIE units of ab, about the best networks' error per photo: the logarithm hardly changes below it."""


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, in float32 whatever the network's precision."""
    return F.mse_loss(prediction.float(), target.float())


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, in float32."""
    return F.l1_loss(prediction.float(), target.float())


def huber(prediction: Tensor, target: Tensor, *, delta: float) -> Tensor:
    """Huber loss of the distance between two colors, divided by delta, mean over the pixels: half the square up to `delta`,
    linear beyond it. In float32."""
    distance = torch.linalg.vector_norm(prediction.float() - target.float(), dim=1)
    return F.huber_loss(distance, torch.zeros_like(distance), delta=delta) / delta


def log_square(prediction: Tensor, target: Tensor, *, floor: float) -> Tensor:
    """Half the logarithm of 1 + each photo's mean squared color distance over `floor`², mean over the photos, in float32.

    PSNR is logarithmic in a photo's error, too. If any of several colors may be true, the squared error is lowest midway
    between them, but the logarithm is lowest at one of them: a network trained on it picks one.
    """
    square = (prediction.float() - target.float()).square().sum(1).mean((1, 2))
    return torch.log1p(square / floor**2).mean() / 2


def chroma_gap(prediction: Tensor, target: Tensor) -> Tensor:
    """Absolute difference between the spreads of a photo's ab (B, 2, H, W) and its target's, mean over the photos, in float32.

    The spread is colorfulness computed on ab instead of RGB: the standard deviation around the mean color, plus 0.3 times the
    mean's distance from gray (Hasler and Süsstrunk 2003, as in `color.colorfulness`).
    """
    return (_chroma_spread(prediction.float()) - _chroma_spread(target.float())).abs().mean()


def _chroma_spread(ab: Tensor) -> Tensor:
    mean = ab.mean((2, 3), keepdim=True)
    # The constant avoids the square root's infinite gradient at 0.
    variance, square = (ab - mean).square().sum(1).mean((1, 2)), mean.square().sum((1, 2, 3))
    return (variance + 1e-6).sqrt() + 0.3 * (square + 1e-6).sqrt()


def adversarial(logits: Tensor, is_real: bool) -> Tensor:
    """Binary cross-entropy of a discriminator's logits against "all real" or "all fake", in float32."""
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, float(is_real)))


def class_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of logits (B, N) against labels (B,), mean over all B photos, in float32; a label of -1 counts as 0."""
    return F.cross_entropy(logits.float(), labels, ignore_index=-1, reduction="sum") / len(labels)


def soft_bin_cross_entropy(
    logits: Tensor,
    ab: Tensor,
    centers: Tensor,
    weights: Tensor | None = None,
    *,
    num_neighbors: int = 5,
    sigma: float = 5.0,
) -> Tensor:
    """Cross-entropy of logits (B, Q, H, W) against the soft-encoded ab (B, 2, H, W) in CIE units, mean over the pixels.

    `weights` (Q,) multiply a pixel's loss by the weight of its nearest bin. Zhang et al. 2016, equation 2. Only the
    `num_neighbors` bins with nonzero target are gathered: the full (B, Q, H, W) target is never built.
    """
    distance, index = bins.nearest_bins(ab.float(), centers, num_neighbors)
    share = (-distance / (2 * sigma**2)).softmax(dim=1)
    log_probability = logits.float().log_softmax(dim=1).gather(1, index)
    loss = -(share * log_probability).sum(dim=1)
    if weights is not None:
        loss = loss * weights[index[:, 0]]
    return loss.mean()


def blurred_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """Euclidean distance between two colors, mean over the pixels, summed over no blur, 3-pixel blur and 5-pixel blur.

    Dahl 2016, "Loss Function". The blurs are Gaussian, with the σ that OpenCV uses for kernels of 3 and 5 pixels. In float32.
    """
    with torch.autocast(prediction.device.type, enabled=False):
        # Blurring is linear: the difference of two blurred photos is their blurred difference.
        difference = prediction.float() - target.float()
        blurred = [
            smooth(F.pad(difference, 4 * (side // 2,), mode="reflect"), side, sigma)
            for side, sigma in ((3, 0.8), (5, 1.1))
        ]
        return sum(torch.linalg.vector_norm(channels, dim=1).mean() for channels in (difference, *blurred))


def ms_ssim_loss(prediction: Tensor, target: Tensor, *, value_range: float = 2.0, floor: float = 0.01) -> Tensor:
    """1 − MS-SSIM (Wang, Simoncelli and Bovik 2003, equation 7), mean over the photos, in float32.

    Photos of 176 pixels and more use the paper's five scales. The 11-pixel window fits smaller photos at fewer scales: three
    for 64 pixels, two for 32. The exponents keep their proportions and still sum to 1. If the window doesn't fit even at the
    first scale, it is as large as the photo.

    A power of a similarity has no usable gradient at 0 and is undefined below 0, which very different photos reach. In the
    product, similarities are clamped to `floor`; the amount by which they fall below it is added to the loss.

    Args:
        value_range: largest difference between two values; 2 for values in −1…1.
    """
    with torch.autocast(prediction.device.type, enabled=False):
        prediction, target = prediction.float(), target.float()
        side = min(prediction.shape[-2:])
        window = min(11, side - 1 + side % 2)
        num_scales = 1
        while num_scales < len(SCALE_WEIGHTS) and side >> num_scales >= window:
            num_scales += 1
        weights = prediction.new_tensor(SCALE_WEIGHTS[:num_scales])
        similarities = []
        for scale in range(num_scales):
            if scale:
                prediction, target = F.avg_pool2d(prediction, 2), F.avg_pool2d(target, 2)
            if scale < num_scales - 1:
                structure, _ = _similarity(prediction, target, window, value_range)
                similarities.append(structure.mean((1, 2, 3)))
        # Mirrored at the border, as in torchmetrics: the few windows inside would hardly cover the colors there.
        mirrored = [F.pad(photo, 4 * (window // 2,), mode="reflect") for photo in (prediction, target)]
        structure, luminance = _similarity(*mirrored, window, value_range)
        similarities.append((structure * luminance).mean((1, 2, 3)))
        similarity = torch.stack(similarities, 1)
        product = (similarity.clamp(min=floor) ** (weights / weights.sum())).prod(1)
        return (1 - product + (floor - similarity).clamp(min=0).sum(1)).mean()


def _similarity(first: Tensor, second: Tensor, window: int, value_range: float) -> tuple[Tensor, Tensor]:
    """Return SSIM's contrast-structure and luminance terms for a Gaussian window (σ = 1.5) wherever it fits in the photo."""
    moments = torch.cat((first, second, first * first, second * second, first * second), 1)
    mean_1, mean_2, square_1, square_2, mixed = smooth(moments, window, 1.5).chunk(5, 1)
    stability_1, stability_2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    variances = square_1 - mean_1**2 + square_2 - mean_2**2
    structure = (2 * (mixed - mean_1 * mean_2) + stability_2) / (variances + stability_2)
    luminance = (2 * mean_1 * mean_2 + stability_1) / (mean_1**2 + mean_2**2 + stability_1)
    return structure, luminance


def smooth(channels: Tensor, side: int, sigma: float) -> Tensor:
    """Blur with a Gaussian of side × side pixels wherever it fits: (B, C, H, W) → (B, C, H − side + 1, W − side + 1)."""
    places = torch.arange(side, device=channels.device, dtype=channels.dtype) - (side - 1) / 2
    kernel = (-(places**2) / (2 * sigma**2)).exp()
    kernel = (kernel / kernel.sum()).expand(channels.shape[1], 1, 1, side)
    across = F.conv2d(channels, kernel, groups=channels.shape[1])
    return F.conv2d(across, kernel.mT, groups=channels.shape[1])


LOSSES = {
    "l1": l1,
    "mse": mse,
    "huber": partial(huber, delta=0.1),
    "log_square": partial(log_square, floor=0.07),
    "blurred_distance": blurred_distance,
    "ms_ssim_loss": ms_ssim_loss,
}
"""Losses that a run can choose for any network that predicts colors. In the spaces' scale, 0.1 is about 12 units of ab."""
