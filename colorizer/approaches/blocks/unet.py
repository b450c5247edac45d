"""The U-Net generator of pix2pix: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks",
CVPR 2017, appendix 6.1.1."""

import torch
from torch import Tensor, nn

from colorizer.approaches.blocks.layers import scaled


class Down(nn.Sequential):
    """Leaky ReLU, 4×4 convolution of stride 2, batch norm."""

    def __init__(self, in_channels: int, out_channels: int, *, activate: bool = True, normalize: bool = True):
        layers: list[nn.Module] = [nn.LeakyReLU(0.2)] if activate else []
        layers.append(nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1, bias=not normalize))
        if normalize:
            layers.append(nn.BatchNorm2d(out_channels))
        super().__init__(*layers)


class Up(nn.Sequential):
    """ReLU, 4×4 transposed convolution of stride 2, batch norm, dropout."""

    def __init__(self, in_channels: int, out_channels: int, *, normalize: bool = True, dropout: float = 0.0):
        layers: list[nn.Module] = [
            nn.ReLU(),
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=not normalize),
        ]
        if normalize:
            layers.append(nn.BatchNorm2d(out_channels))
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers)


class UNet(nn.Module):
    """U-Net that halves the size `num_levels` times, to 1×1 at the native size, and doubles it as often; tanh output.

    (B, in_channels, H, W) → (B, out_channels, H, W) in −1…1, H and W multiples of 2^num_levels. Skips are concatenated. The
    innermost level has no batch norm: at 1×1, a batch of one photo has nothing to normalize over.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, width: float = 1.0, num_levels: int = 8, dropout: float = 0.5
    ):
        super().__init__()
        channels = [scaled(min(64 * 2**level, 512), width) for level in range(num_levels)]
        self.down = nn.ModuleList(
            Down(
                channels[level - 1] if level else in_channels,
                channels[level],
                activate=level > 0,
                normalize=0 < level < num_levels - 1,
            )
            for level in range(num_levels)
        )
        self.up = nn.ModuleList(
            Up(
                channels[level] * (1 if level == num_levels - 1 else 2),
                channels[level - 1] if level else out_channels,
                normalize=level > 0,
                # The first three of the decoder: CD512-CD512-CD512 in the paper's notation.
                dropout=dropout if level >= max(1, num_levels - 3) else 0.0,
            )
            for level in reversed(range(num_levels))
        )

    @property
    def first(self) -> nn.Conv2d:
        """First layer."""
        return self.down[0][0]

    def forward(self, photo: Tensor, added: Tensor | None = None) -> Tensor:
        """Predict; `added` (B, C, H/2, W/2), such as features of hints, is added to the first layer's output."""
        features = [photo]
        for down in self.down:
            features.append(down(features[-1]))
            if added is not None and len(features) == 2:
                features[-1] = features[-1] + added
        merged = features.pop()
        for up in self.up[:-1]:
            merged = torch.cat((up(merged), features.pop()), dim=1)
        return torch.tanh(self.up[-1](merged))
