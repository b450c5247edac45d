"""VGG-16: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
table 1, column D."""

from torch import Tensor, nn

from colorizer.approaches.blocks.layers import scaled

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of each block's 3×3 convolutions, with max pooling between blocks."""


class Vgg16(nn.Module):
    """First blocks of VGG-16, without the classifier.

    Input: (B, 3, H, W), normalized for ImageNet networks, H and W multiples of 2^(num_blocks - 1). Output: the features of
    each block's last convolution after its ReLU, (B, channels[i], H / 2^i, W / 2^i).

    Tensors have the names of the published networks, `features.N.weight` and so on.
    """

    def __init__(self, *, num_blocks: int = 5, width: float = 1.0, batch_norm: bool = False):
        super().__init__()
        self.channels = [scaled(block[-1], width) for block in BLOCKS[:num_blocks]]
        layers: list[nn.Module] = []
        self.taps: list[int] = []
        in_channels = 3
        for index, block in enumerate(BLOCKS[:num_blocks]):
            if index:
                layers.append(nn.MaxPool2d(2))
            for full in block:
                channels = scaled(full, width)
                layers.append(nn.Conv2d(in_channels, channels, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(channels))
                layers.append(nn.ReLU())
                in_channels = channels
            self.taps.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)

    def forward(self, photo: Tensor) -> list[Tensor]:
        features = [photo]
        for layer in self.features:
            features.append(layer(features[-1]))
        return [features[tap + 1] for tap in self.taps]

    def published_name(self, name: str) -> str | None:
        """Return our name for a tensor of the full published network; None for deeper blocks and the classifier."""
        part, _, rest = name.partition(".")
        is_here = part == "features" and int(rest.partition(".")[0]) < len(self.features)
        return name if is_here else None
