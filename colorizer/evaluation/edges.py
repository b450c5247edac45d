"""Where colors meet: the strong edges of a photo's color, over which a careless colorizer bleeds."""

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_STEP = 6.0
"""CIE units a pixel by which ab changes at a strong edge. A fifth of the pixels of everyday photos are near one."""

REACH = 4
"""Pixels from an edge, across and down, that are near it."""


def edge_strength(channels: Tensor) -> Tensor:
    """How steeply channels (B, C, H, W) change, units a pixel, (B, H, W): Sobel's gradient, lengths added in squares."""
    smooth, step = (channels.new_tensor(taps) for taps in ([0.25, 0.5, 0.25], [-0.5, 0.0, 0.5]))
    kernels = torch.stack((torch.outer(smooth, step), torch.outer(step, smooth)))[:, None]
    flat = F.pad(channels.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(flat, kernels).unflatten(0, channels.shape[:2]).square().sum(dim=(1, 2)).sqrt()


def near_edges(ab: Tensor) -> Tensor:
    """Which pixels of ab (B, 2, H, W) are within `REACH` of a strong edge, bool (B, H, W)."""
    is_edge = (edge_strength(ab) >= MIN_STEP).to(ab.dtype)
    return F.max_pool2d(is_edge[:, None], 2 * REACH + 1, stride=1, padding=REACH)[:, 0] > 0
