"""Inception-v3, whose features the Fréchet inception distance compares (Heusel et al. 2017).

Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.approaches.blocks.layers import scaled

NUM_FEATURES = 2048
RESOLUTION = 299

# A convolution: name, channels, kernel, stride. A branch: convolutions in sequence, some after pooling; a list at its end
# holds parallel convolutions.
_Convolution = tuple[str, int, int | tuple[int, int], int]
_Branch = Sequence[str | _Convolution | list[_Convolution]]


def _mixed_5(pooled: int) -> Sequence[_Branch]:
    return (
        (("branch1x1", 64, 1, 1),),
        (("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1)),
        (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 1)),
        ("average", ("branch_pool", pooled, 1, 1)),
    )


def _mixed_6(channels: int) -> Sequence[_Branch]:
    across, down = (1, 7), (7, 1)
    return (
        (("branch1x1", 192, 1, 1),),
        (("branch7x7_1", channels, 1, 1), ("branch7x7_2", channels, across, 1), ("branch7x7_3", 192, down, 1)),
        (
            ("branch7x7dbl_1", channels, 1, 1),
            ("branch7x7dbl_2", channels, down, 1),
            ("branch7x7dbl_3", channels, across, 1),
            ("branch7x7dbl_4", channels, down, 1),
            ("branch7x7dbl_5", 192, across, 1),
        ),
        ("average", ("branch_pool", 192, 1, 1)),
    )


_MIXED_7: Sequence[_Branch] = (
    (("branch1x1", 320, 1, 1),),
    (("branch3x3_1", 384, 1, 1), [("branch3x3_2a", 384, (1, 3), 1), ("branch3x3_2b", 384, (3, 1), 1)]),
    (
        ("branch3x3dbl_1", 448, 1, 1),
        ("branch3x3dbl_2", 384, 3, 1),
        [("branch3x3dbl_3a", 384, (1, 3), 1), ("branch3x3dbl_3b", 384, (3, 1), 1)],
    ),
    ("average", ("branch_pool", 192, 1, 1)),
)
_REDUCED_6: Sequence[_Branch] = (
    (("branch3x3", 384, 3, 2),),
    (("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), ("branch3x3dbl_3", 96, 3, 2)),
    ("max",),
)
_REDUCED_7: Sequence[_Branch] = (
    (("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2)),
    (
        ("branch7x7x3_1", 192, 1, 1),
        ("branch7x7x3_2", 192, (1, 7), 1),
        ("branch7x7x3_3", 192, (7, 1), 1),
        ("branch7x7x3_4", 192, 3, 2),
    ),
    ("max",),
)
_BLOCKS = {
    "Mixed_5b": _mixed_5(32),
    "Mixed_5c": _mixed_5(64),
    "Mixed_5d": _mixed_5(64),
    "Mixed_6a": _REDUCED_6,
    "Mixed_6b": _mixed_6(128),
    "Mixed_6c": _mixed_6(160),
    "Mixed_6d": _mixed_6(160),
    "Mixed_6e": _mixed_6(192),
    "Mixed_7a": _REDUCED_7,
    "Mixed_7b": _MIXED_7,
    "Mixed_7c": _MIXED_7,
}


class InceptionV3(nn.Module):
    """Map sRGB in 0…1 (B, 3, H, W) to the features before the classifier, (B, 2048 · width).

    Photos are resized to 299 pixels. The tensors have the names of the published networks,
    `Mixed_5b.branch1x1.conv.weight` and so on. The final and the auxiliary classifier, which training needs, are left
    out.
    """

    def __init__(self, *, width: float = 1.0):
        super().__init__()
        self.Conv2d_1a_3x3 = _ConvNorm(3, scaled(32, width), 3, 2, padding=0)
        self.Conv2d_2a_3x3 = _ConvNorm(scaled(32, width), scaled(32, width), 3, 1, padding=0)
        self.Conv2d_2b_3x3 = _ConvNorm(scaled(32, width), scaled(64, width), 3, 1)
        self.Conv2d_3b_1x1 = _ConvNorm(scaled(64, width), scaled(80, width), 1, 1)
        self.Conv2d_4a_3x3 = _ConvNorm(scaled(80, width), scaled(192, width), 3, 1, padding=0)
        channels = scaled(192, width)
        for name, branches in _BLOCKS.items():
            block = _Mixed(channels, branches, width)
            self.add_module(name, block)
            channels = block.out_channels
        self.num_features = channels

    def forward(self, rgb: Tensor) -> Tensor:
        # Scaled to ±1, as TensorFlow's networks expect.
        features = F.interpolate(2 * rgb - 1, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True)
        for name, module in self.named_children():
            if name in ("Conv2d_3b_1x1", "Mixed_5b"):
                features = F.max_pool2d(features, 3, stride=2)
            features = module(features)
        return features.mean(dim=(2, 3))

    def published_name(self, name: str) -> str | None:
        """Return the name here of a tensor of the published network; None for the classifiers."""
        return None if name.split(".")[0] in ("fc", "AuxLogits") else name


class _ConvNorm(nn.Module):
    def __init__(
        self, in_channels: int, channels: int, kernel: int | tuple[int, int], stride: int, padding: int | None = None
    ):
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        same = (0, 0) if stride > 1 else tuple(side // 2 for side in sides)
        self.conv = nn.Conv2d(in_channels, channels, sides, stride, same if padding is None else padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(features)))


class _Mixed(nn.Module):
    def __init__(self, in_channels: int, branches: Sequence[_Branch], width: float):
        super().__init__()
        self.branches = branches
        self.out_channels = 0
        for branch in branches:
            channels = in_channels
            for step in branch:
                forks = step if isinstance(step, list) else [step] if isinstance(step, tuple) else []
                for name, full, kernel, stride in forks:
                    self.add_module(name, _ConvNorm(channels, scaled(full, width), kernel, stride))
                if forks:
                    channels = sum(scaled(full, width) for _, full, _, _ in forks)
            self.out_channels += channels

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([self._follow(branch, features) for branch in self.branches], 1)

    def _follow(self, branch: _Branch, features: Tensor) -> Tensor:
        for step in branch:
            if step == "max":
                features = F.max_pool2d(features, 3, stride=2)
            elif step == "average":
                # Exclude the padding, as TensorFlow does, in which the weights were trained.
                features = F.avg_pool2d(features, 3, stride=1, padding=1, count_include_pad=False)
            elif isinstance(step, list):
                features = torch.cat([self.get_submodule(name)(features) for name, *_ in step], 1)
            else:
                features = self.get_submodule(step[0])(features)
        return features
