"""Helpers for building every network."""


def scaled(channels: int, width: float) -> int:
    """Scale the full network's `channels` by `width`: at least 1, and even above 8 so that kernels stay fast."""
    scaled_channels = max(1, round(channels * width))
    return scaled_channels + scaled_channels % 2 if scaled_channels > 8 else scaled_channels
