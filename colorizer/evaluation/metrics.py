"""How near predicted colors come to the true ones, per photo: pure functions on sRGB in 0…1, (B, 3, H, W) → (B,).

A colorizer keeps the photo's own lightness, so PSNR and SSIM are high even for a gray photo: compare them with the gray
baseline, not with figures of other tasks.
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
"""PSNR of equal photos in dB, so that means stay finite; one level off in one channel of one pixel of 256² is 101."""

MAX_AB_ERROR = 150
"""Where the accuracy curve ends (Zhang et al. 2016)."""

WITHIN = (5, 10, 20)
"""ab errors, in CIE units, whose share of pixels is counted."""

EDGE_STEP = 6.0
"""CIE units per pixel by which ab changes at a strong edge, over which a careless colorizer bleeds. A fifth of the pixels of
everyday photos are near one."""

EDGE_REACH = 4
"""Pixels from an edge, across and down, that are near it."""


def psnr(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Peak signal-to-noise ratio over all three channels in dB, (B,), at most `MAX_PSNR`."""
    error = (predicted_rgb - true_rgb).square().mean(dim=(-3, -2, -1))
    return -10 * error.clamp(min=10 ** (-MAX_PSNR / 10)).log10()


def ssim(predicted_rgb: Tensor, true_rgb: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004), mean of the channels, (B,); `Structure` says how edges are treated."""
    return Structure(true_rgb).similarity(predicted_rgb)


def auc(distance: Tensor, weights: Tensor | None = None) -> Tensor:
    """Area under the accuracy curve in percent, from ab errors (B, H, W) → (B,), each pixel by its weight (B, H, W).

    Zhang et al. 2016, section 3.1 ("raw accuracy"): the share of pixels whose ab error is within t, integrated over
    t = 0…150. A pixel adds 150 − error to that integral, so it needs no thresholds. Gray has about 90.
    """
    return 100 * weighted_mean((1 - distance / MAX_AB_ERROR).clamp(min=0), weights)


def within(distance: Tensor, limit: float) -> Tensor:
    """Share of pixels in percent whose ab error is at most `limit`, from ab errors (B, H, W) → (B,)."""
    return 100 * (distance <= limit).to(distance.dtype).mean(dim=(-2, -1))


def weighted_mean(values: Tensor, weights: Tensor | None) -> Tensor:
    """Mean over the pixels, (B, H, W) → (B,); 0 for a photo whose weights are all 0."""
    if weights is None:
        return values.mean(dim=(-2, -1))
    total = weights.sum(dim=(-2, -1))
    return (values * weights).sum(dim=(-2, -1)) / torch.where(total == 0, 1.0, total)


def edge_strength(channels: Tensor) -> Tensor:
    """How steeply channels (B, C, H, W) change, units a pixel, (B, H, W): Sobel's gradient, lengths added in squares."""
    smooth, step = (channels.new_tensor(taps) for taps in ([0.25, 0.5, 0.25], [-0.5, 0.0, 0.5]))
    kernels = torch.stack((torch.outer(smooth, step), torch.outer(step, smooth)))[:, None]
    flat = F.pad(channels.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(flat, kernels).unflatten(0, channels.shape[:2]).square().sum(dim=(1, 2)).sqrt()


def near_edges(ab: Tensor) -> Tensor:
    """Which pixels of ab (B, 2, H, W) are within `EDGE_REACH` of a strong edge, bool (B, H, W)."""
    is_edge = (edge_strength(ab) >= EDGE_STEP).to(ab.dtype)
    return F.max_pool2d(is_edge[:, None], 2 * EDGE_REACH + 1, stride=1, padding=EDGE_REACH)[:, 0] > 0


class Truth:
    """True photos, sRGB in 0…1 (B, 3, H, W), with what comparing predictions with them takes, computed when first asked
    for and then kept for all predictions.

    bin_weights: (313,), what a pixel counts in the rebalanced AuC by the bin of its true color; it is not measured without.
    """

    def __init__(self, rgb: Tensor, *, bin_weights: Tensor | None = None) -> None:
        self.rgb = rgb.float()
        self.bin_weights = bin_weights

    def prepare(self) -> "Truth":
        """Compute what the metrics will ask for; returns itself."""
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
        """Of each photo, (B,)."""
        return colorfulness(self.rgb)

    @cached_property
    def edges(self) -> Tensor:
        """1 near strong edges, 0 elsewhere, (B, H, W)."""
        return near_edges(self.lab[:, 1:]).to(self.rgb.dtype)

    @cached_property
    def class_weights(self) -> Tensor:
        """What each pixel counts in the rebalanced AuC, (B, H, W)."""
        return self.bin_weights.to(self.rgb)[bin_indices(self.lab[:, 1:])]

    def weights(self, names: Collection[str]) -> dict[str, Tensor]:
        """How much each photo's value counts in the mean over photos, (B,), for those of the metrics whose pixels have
        weights: by these, so that the mean is one over all pixels of all photos."""
        return {name: _PIXEL_WEIGHTS[name](self).mean(dim=(-2, -1)) for name in names if name in _PIXEL_WEIGHTS}


class _Pair:
    """A prediction beside its truth, with what several metrics share."""

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
"""All metrics that are computed here, in the order of the tables."""

MAIN_NAMES = ("psnr", "ciede2000", "auc", "colorfulness")
"""The cheap ones that curves, labels and aged photos are measured by."""


def compute_metrics(
    predicted_rgb: Tensor, true_rgb: Tensor | Truth, names: Collection[str] | None = None
) -> dict[str, Tensor]:
    """Metrics of a batch by name, each (B,): a value a photo.

    psnr (dB), ssim, ciede2000 (mean over the pixels), ab_mae and ab_rmse (CIE units, over both channels), mse_ab128
    (mean square error of ab / 128, the number that Deep Koalarization reports), auc, auc_rebalanced, within_5, within_10,
    within_20 (percent), colorfulness (of the prediction, Hasler and Süsstrunk 2003) and colorfulness_difference (how far it
    is from the truth's, either way), edge_error and elsewhere_error (mean distance in ab of the pixels near strong edges of
    the truth, and of the others; 0 for a photo that has none of them, which counts nothing by `Truth.weights`).

    Args:
        true_rgb: the true photos, or a `Truth` made of them where several predictions are compared with them.
        names: only these metrics; by default all that can be computed, auc_rebalanced needs a `Truth` with weights.

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
