"""Inception-ResNet-v2 (Szegedy et al., AAAI 2017), in the layout of timm's published weights."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from colorizer.approaches.blocks.layers import scaled

Kernel = int | tuple[int, int]


class InceptionResNetV2(nn.Module):
    """Classifier from photos (B, 3, 299, 299) in −1…1 to logits (B, num_classes).

    Tensors have the names and shapes of `timm/inception_resnet_v2.tf_in1k`. `width` scales the channels and the number of
    blocks. Photos may be smaller, down to 75 pixels.
    """

    def __init__(self, num_classes: int = 1000, *, width: float = 1.0):
        super().__init__()

        def channels(*numbers: int) -> list[int]:
            return [scaled(number, width) for number in numbers]

        def repeated(make: Callable[[], nn.Module], count: int) -> nn.Sequential:
            return nn.Sequential(*(make() for _ in range(max(1, round(count * width)))))

        stem = channels(32, 32, 64, 80, 192)
        self.conv2d_1a = Unit(3, stem[0], 3, stride=2)
        self.conv2d_2a = Unit(stem[0], stem[1], 3)
        self.conv2d_2b = Unit(stem[1], stem[2], 3, is_padded=True)
        self.maxpool_3a = nn.MaxPool2d(3, stride=2)
        self.conv2d_3b = Unit(stem[2], stem[3], 1)
        self.conv2d_4a = Unit(stem[3], stem[4], 3)
        self.maxpool_5a = nn.MaxPool2d(3, stride=2)

        into = stem[4]
        self.mixed_5b = Mixed(
            Unit(into, *channels(96), 1),
            chain(into, channels(48, 64), (1, 5)),
            chain(into, channels(64, 96, 96), (1, 3, 3)),
            nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), Unit(into, *channels(64), 1)),
        )
        into = sum(channels(96, 64, 96, 64))
        self.repeat = repeated(lambda: block_35(into, channels(32, 32, 32, 32, 48, 64)), 10)
        self.mixed_6a = Mixed(
            Unit(into, *channels(384), 3, stride=2),
            chain(into, channels(256, 256, 384), (1, 3, 3), last_stride=2),
            nn.MaxPool2d(3, stride=2),
        )
        wider = into + sum(channels(384, 384))
        self.repeat_1 = repeated(lambda: block_17(wider, channels(192, 128, 160, 192)), 20)
        self.mixed_7a = Mixed(
            chain(wider, channels(256, 384), (1, 3), last_stride=2),
            chain(wider, channels(256, 288), (1, 3), last_stride=2),
            chain(wider, channels(256, 288, 320), (1, 3, 3), last_stride=2),
            nn.MaxPool2d(3, stride=2),
        )
        widest = wider + sum(channels(384, 288, 320))
        self.repeat_2 = repeated(lambda: block_8(widest, channels(192, 192, 224, 256)), 9)
        self.block8 = block_8(widest, channels(192, 192, 224, 256), scale=1.0, is_rectified=False)
        self.conv2d_7b = Unit(widest, *channels(1536), 1)
        self.classif = nn.Linear(*channels(1536), num_classes)

    def features(self, rgb: Tensor) -> Tensor:
        """Return 1536 channels at about 1/32 of the size, 8×8 for 299 pixels, from photos (B, 3, H, W) in −1…1."""
        for name, module in self.named_children():
            if name != "classif":
                rgb = module(rgb)
        return rgb

    def forward(self, rgb: Tensor) -> Tensor:
        return self.classif(self.features(rgb).mean((2, 3)))


class Unit(nn.Module):
    """Convolution without a bias, batch norm, ReLU."""

    def __init__(self, into: int, out: int, kernel: Kernel, *, stride: int = 1, is_padded: bool = False):
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = tuple(side // 2 for side in sides) if is_padded else 0
        self.conv = nn.Conv2d(into, out, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.bn(self.conv(features)))


def chain(into: int, channels: Sequence[int], kernels: Sequence[Kernel], *, last_stride: int = 1) -> nn.Sequential:
    """Chain units; all are padded, except the last if it has a stride."""
    units = []
    for place, (out, kernel) in enumerate(zip(channels, kernels, strict=True), 1):
        stride = last_stride if place == len(kernels) else 1
        units.append(Unit(into, out, kernel, stride=stride, is_padded=stride == 1))
        into = out
    return nn.Sequential(*units)


class Mixed(nn.Module):
    """Parallel branches with concatenated channels."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.num_branches = len(branches)
        for number, branch in enumerate(branches):
            self.add_module(f"branch{number}", branch)

    def forward(self, features: Tensor) -> Tensor:
        branches = (self.get_submodule(f"branch{number}") for number in range(self.num_branches))
        return torch.cat([branch(features) for branch in branches], 1)


class Residual(Mixed):
    """Residual block: parallel branches, a 1×1 convolution, scaled and added to the input."""

    def __init__(self, into: int, mixed: int, *branches: nn.Module, scale: float, is_rectified: bool = True):
        super().__init__(*branches)
        self.conv2d = nn.Conv2d(mixed, into, 1)
        self.scale = scale
        self.is_rectified = is_rectified

    def forward(self, features: Tensor) -> Tensor:
        features = features + self.scale * self.conv2d(super().forward(features))
        return torch.relu(features) if self.is_rectified else features


def block_35(into: int, channels: Sequence[int]) -> Residual:
    """Build Inception-ResNet-A, for 35×35 features."""
    first, *others = channels
    two, three = others[:2], others[2:]
    return Residual(
        into,
        first + two[-1] + three[-1],
        Unit(into, first, 1),
        chain(into, two, (1, 3)),
        chain(into, three, (1, 3, 3)),
        scale=0.17,
    )


def block_17(into: int, channels: Sequence[int]) -> Residual:
    """Build Inception-ResNet-B, for 17×17 features."""
    first, *others = channels
    mixed = first + others[-1]
    return Residual(into, mixed, Unit(into, first, 1), chain(into, others, (1, (1, 7), (7, 1))), scale=0.1)


def block_8(into: int, channels: Sequence[int], *, scale: float = 0.2, is_rectified: bool = True) -> Residual:
    """Build Inception-ResNet-C, for 8×8 features; the last block is neither scaled nor rectified."""
    first, *others = channels
    branches = Unit(into, first, 1), chain(into, others, (1, (1, 3), (3, 1)))
    return Residual(into, first + others[-1], *branches, scale=scale, is_rectified=is_rectified)
