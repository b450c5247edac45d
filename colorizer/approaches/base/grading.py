"""How what a network predicts becomes the color of a photo: a gain on its chroma, and an exponent.

The mean of likely colors is duller than each of them, and dullest where they differ most; and what a network makes of new
photos may be more colorful than it can answer for. Both numbers are a checkpoint's own, chosen by validation photos, or by
looking; training knows nothing of them.
"""

import torch
from torch import Tensor

CHROMA_PIVOT = 15.0
"""The chroma, in CIE units, that an exponent leaves as it is: about the mean of photos."""


def grade(ab: Tensor, gain: float, power: float) -> Tensor:
    """CIE ab (B, 2, H, W) with the chroma c made gain · CHROMA_PIVOT · (c / CHROMA_PIVOT)^power, and the same hues.

    With a power above 1, what the network is sure of gains color, and what it hardly guesses loses some.
    """
    return gain * _with_power(ab, power)


def ungrade(ab: Tensor, gain: float, power: float) -> Tensor:
    """What `grade` makes `ab` of."""
    return _with_power(ab / gain, 1 / power)


def _with_power(ab: Tensor, power: float) -> Tensor:
    if power == 1:
        return ab
    chroma = torch.linalg.vector_norm(ab, dim=1, keepdim=True)
    # Near gray, where a power of nothing is nothing or without bounds, any factor will do.
    return ab * (chroma / CHROMA_PIVOT).clamp(min=0.01) ** (power - 1)
