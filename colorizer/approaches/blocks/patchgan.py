"""The PatchGAN discriminator: Isola et al., CVPR 2017, appendix 6.1.2."""

from torch import nn

from colorizer.approaches.blocks.layers import scaled


class PatchGan(nn.Sequential):
    """Discriminator that rates each 70×70 patch as real or fake: (B, C, H, W) → logits (B, 1, H/8 − 2, W/8 − 2).

    4×4 convolutions 64/2, 128/2, 256/2, 512, 1; batch norm on all but the first and the last; leaky ReLU 0.2.
    """

    def __init__(self, in_channels: int, *, width: float = 1.0):
        widths = [scaled(channels, width) for channels in (64, 128, 256, 512)]
        layers: list[nn.Module] = [nn.Conv2d(in_channels, widths[0], 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for previous, current, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers += [
                nn.Conv2d(previous, current, 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(current),
                nn.LeakyReLU(0.2),
            ]
        layers.append(nn.Conv2d(widths[-1], 1, 4, stride=1, padding=1))
        super().__init__(*layers)
        self.apply(normal_init)


def normal_init(module: nn.Module) -> None:
    """Initialize weights from N(0, 0.02), batch norm's from N(1, 0.02), and biases to 0 (section 6.2 and DCGAN)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)
