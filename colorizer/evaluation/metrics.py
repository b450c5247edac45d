"""Metrics of predicted colors per photo: pure functions on sRGB in 0…1, (B, 3, H, W) → (B,).

A colorizer keeps the photo's own lightness, so PSNR and SSIM are high even for a gray photo: compare them with the gray
baseline, not with figures for other tasks.
"""

from collections.abc import Callable, Collection
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.errors import ColorizerError
from colorizer.evaluation.ciede2000 import ciede2000
from colorizer.evaluation.ssim import Structure
from colorizer.photos.bins import bin_indices
from colorizer.photos.color import colorfulness, rgb_to_lab

MAX_PSNR = 100.0
"""PSNR of equal photos in dB, to keep means finite; one level off in one channel of one pixel of 256² gives 101."""

MAX_AB_ERROR = 150
"""Upper end of the accuracy curve (Zhang et al. 2016)."""

WITHIN = (5, 10, 20)
"""Limits on the ab error, in CIE units, for the metrics that count the pixels within them."""

EDGE_STEP = 6.0
"""Change of ab at a strong edge, CIE units per pixel, across which a careless colorizer bleeds. A fifth of the pixels
of everyday photos are near one.
"""

EDGE_REACH = 4
"""Distance from an edge, in pixels across and down, within which a pixel is near it."""


def psnr(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio over all three channels in dB, (B,), at most `MAX_PSNR`."""
    error = (predicted_rgb - true_rgb).square().mean(dim=(-3, -2, -1))
    return -10 * error.clamp(min=10 ** (-MAX_PSNR / 10)).log10()


def ssim(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Return the structural similarity (Wang et al. 2004), mean over the channels, (B,). See `Structure` for borders."""
    return Structure(true_rgb).similarity(predicted_rgb)


def auc(distance: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return the area under the accuracy curve in percent, from ab errors (B, H, W) and pixel weights (B, H, W) → (B,).

    Zhang et al. 2016, section 3.1 ("raw accuracy"): the share of pixels whose ab error is within t, integrated over
    t = 0…150. A pixel adds 150 − error to the integral, so no thresholds are needed. Gray scores about 90.
    """
    return 100 * weighted_mean((1 - distance / MAX_AB_ERROR).clamp(min=0), weights)


def within(distance: Tensor, limit: float) -> Tensor:
    """Return the percentage of pixels whose ab error is at most `limit`, from ab errors (B, H, W) → (B,)."""
    return 100 * (distance <= limit).to(distance.dtype).mean(dim=(-2, -1))


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Return the mean over the pixels, (B, H, W) → (B,); 0 for a photo whose weights are all 0."""
    if weights is None:
        return values.mean(dim=(-2, -1))
    total = weights.sum(dim=(-2, -1))
    return (values * weights).sum(dim=(-2, -1)) / torch.where(total == 0, 1.0, total)


def edge_strength(channels: Tensor) -> Tensor:
    """Return the Sobel gradient magnitude over all channels (B, C, H, W) → (B, H, W), in units per pixel."""
    smooth, step = (channels.new_tensor(taps) for taps in ([0.25, 0.5, 0.25], [-0.5, 0.0, 0.5]))
    kernels = torch.stack((torch.outer(smooth, step), torch.outer(step, smooth)))[:, None]
    flat = F.pad(channels.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(flat, kernels).unflatten(0, channels.shape[:2]).square().sum(dim=(1, 2)).sqrt()


def near_edges(ab: Tensor) -> Tensor:
    """Return the mask of pixels of ab (B, 2, H, W) within `EDGE_REACH` of a strong edge, bool (B, H, W)."""
    is_edge = (edge_strength(ab) >= EDGE_STEP).to(ab.dtype)
    return F.max_pool2d(is_edge[:, None], 2 * EDGE_REACH + 1, stride=1, padding=EDGE_REACH)[:, 0] > 0


class Truth:
    """True photos, sRGB in 0…1 (B, 3, H, W), with intermediate results that are cached for all predictions.

    bin_weights: (313,), weight of a pixel in the rebalanced AuC by the bin of its true color; None to skip it.
    """

    def __init__(self, rgb: Tensor, *, bin_weights: Tensor | None = None) -> None:
        self.rgb = rgb.float()
        self.bin_weights = bin_weights

    def prepare(self) -> "Truth":
        """Compute everything that the metrics use. Return self."""
        _ = self.lab, self.structure, self.colorfulness, self.edges
        if self.bin_weights is not None:
            _ = self.class_weights
        return self

    @cached_property
    def lab(self) -> Tensor:
        return rgb_to_lab(self.rgb)

    @cached_property
    def structure(self) -> Structure:
        return Structure(self.rgb)

    @cached_property
    def colorfulness(self) -> Tensor:
        """Colorfulness per photo, (B,)."""
        return colorfulness(self.rgb)

    @cached_property
    def edges(self) -> Tensor:
        """1 near strong edges, 0 elsewhere, (B, H, W)."""
        return near_edges(self.lab[:, 1:]).to(self.rgb.dtype)

    @cached_property
    def class_weights(self) -> Tensor:
        """Weight of each pixel in the rebalanced AuC, (B, H, W)."""
        return self.bin_weights.to(self.rgb)[bin_indices(self.lab[:, 1:])]

    def weights(self, names: Collection[str]) -> dict[str, Tensor]:
        """Return the weight of each photo in the mean over photos, (B,), for those metrics whose pixels have weights.

        It is the mean weight of the photo's pixels, so that the mean is one over all pixels of all photos.
        """
        return {name: _PIXEL_WEIGHTS[name](self).mean(dim=(-2, -1)) for name in names if name in _PIXEL_WEIGHTS}


class _Pair:
    """A prediction and its truth, with intermediate results that several metrics share."""

    def __init__(self, rgb: Tensor, truth: Truth) -> None:
        self.rgb = rgb.float()
        self.truth = truth

    @cached_property
    def lab(self) -> Tensor:
        return rgb_to_lab(self.rgb)

    @cached_property
    def error(self) -> Tensor:
        return self.lab[:, 1:] - self.truth.lab[:, 1:]

    @cached_property
    def distance(self) -> Tensor:
        return self.error.square().sum(dim=1).sqrt()

    @cached_property
    def square_error(self) -> Tensor:
        return self.error.square().mean(dim=(1, 2, 3))

    @cached_property
    def colorfulness(self) -> Tensor:
        return colorfulness(self.rgb)


_PIXEL_WEIGHTS: dict[str, Callable[[Truth], Tensor]] = {
    "auc_rebalanced": lambda truth: truth.class_weights,
    "edge_error": lambda truth: truth.edges,
    "elsewhere_error": lambda truth: 1 - truth.edges,
}
_FUNCTIONS: dict[str, Callable[[_Pair], Tensor]] = {
    "psnr": lambda pair: psnr(pair.rgb, pair.truth.rgb),
    "ssim": lambda pair: pair.truth.structure.similarity(pair.rgb),
    "ciede2000": lambda pair: ciede2000(pair.lab, pair.truth.lab).mean(dim=(1, 2)),
    "ab_mae": lambda pair: pair.error.abs().mean(dim=(1, 2, 3)),
    "ab_rmse": lambda pair: pair.square_error.sqrt(),
    "mse_ab128": lambda pair: pair.square_error / 128**2,
    "auc": lambda pair: auc(pair.distance),
    "auc_rebalanced": lambda pair: auc(pair.distance, pair.truth.class_weights),
    **{f"within_{limit}": lambda pair, limit=limit: within(pair.distance, limit) for limit in WITHIN},
    "colorfulness": lambda pair: pair.colorfulness,
    "colorfulness_difference": lambda pair: (pair.colorfulness - pair.truth.colorfulness).abs(),
    "edge_error": lambda pair: weighted_mean(pair.distance, pair.truth.edges),
    "elsewhere_error": lambda pair: weighted_mean(pair.distance, 1 - pair.truth.edges),
}
NAMES = tuple(_FUNCTIONS)
"""All metrics computed here, in the order of the tables."""

MAIN_NAMES = ("psnr", "ciede2000", "auc", "colorfulness")
"""Cheap metrics, for curves, labels and aged photos."""


def compute_metrics(
    predicted_rgb: Tensor, true_rgb: Tensor | Truth, names: Collection[str] | None = None
) -> dict[str, Tensor]:
    """Compute the metrics of a batch by name, each (B,), one value per photo.

    psnr (dB), ssim, ciede2000 (mean over the pixels), ab_mae and ab_rmse (CIE units, over both channels), mse_ab128
    (mean squared error of ab / 128, the number that Deep Koalarization reports), auc, auc_rebalanced, within_5,
    within_10 and within_20 (percent), colorfulness (of the prediction, Hasler and Süsstrunk 2003),
    colorfulness_difference (absolute difference from the truth's), edge_error and elsewhere_error (mean ab distance for
    pixels near strong edges of the truth, and for the others; 0 for a photo that has none, whose weight in
    `Truth.weights` is 0).

    Args:
        true_rgb: the true photos, or a `Truth` made from them when several predictions are compared with them.
        names: metrics to compute (default: all possible ones; auc_rebalanced needs a `Truth` with weights).

    Raises ColorizerError unless both are (B, 3, H, W) of one size.
    """
    truth = true_rgb if isinstance(true_rgb, Truth) else Truth(true_rgb)
    shape, true_shape = tuple(predicted_rgb.shape), tuple(truth.rgb.shape)
    if shape != true_shape or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ColorizerError(f"metrics compare two batches (B, 3, H, W) of one size, not {shape} and {true_shape}")
    if names is None:
        names = [name for name in NAMES if name != "auc_rebalanced" or truth.bin_weights is not None]
    pair = _Pair(predicted_rgb, truth)
    return {name: _FUNCTIONS[name](pair) for name in names}
