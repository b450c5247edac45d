"""Helpers for building every network."""

from torch import Tensor


def scaled(channels: int, width: float) -> int:
    """Scale the full network's `channels` by `width`: at least 1, and even above 8 so that kernels stay fast."""
    scaled_channels = max(1, round(channels * width))
    return scaled_channels + scaled_channels % 2 if scaled_channels > 8 else scaled_channels


def nearest_multiple(length: float | Tensor, multiple: int = 1) -> int | Tensor:
    """Round a length in pixels to the nearest positive multiple.

    While a network is exported as a graph, the lengths of its input are tensors, and so is the result.
    """
    if isinstance(length, Tensor):
        return (length / multiple).round().clamp(min=1).long() * multiple
    return max(1, round(length / multiple)) * multiple
