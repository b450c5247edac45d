"""Losses between a prediction and its target, each a function of two (B, C, H, W) tensors that gives one number."""

import torch.nn.functional as F
from torch import Tensor

from colorizer import bins


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, in float32 whatever the network computed in."""
    return F.mse_loss(prediction.float(), target.float())


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, in float32."""
    return F.l1_loss(prediction.float(), target.float())


def adversarial(logits: Tensor, is_real: bool) -> Tensor:
    """Binary cross-entropy of a discriminator's logits against "all real" or "all fake", in float32."""
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, logits.new_full(logits.shape, float(is_real)))


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
    `num_neighbors` bins that carry weight are gathered: the full (B, Q, H, W) target is never built.
    """
    distance, index = bins.nearest_bins(ab.float(), centers, num_neighbors)
    share = (-distance / (2 * sigma**2)).softmax(dim=1)
    log_probability = logits.float().log_softmax(dim=1).gather(1, index)
    loss = -(share * log_probability).sum(dim=1)
    if weights is not None:
        loss = loss * weights[index[:, 0]]
    return loss.mean()
