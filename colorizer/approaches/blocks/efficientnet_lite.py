"""EfficientNet-Lite0: Tan and Le, "EfficientNet", ICML 2019; Lite drops squeeze-and-excite and uses ReLU6.

The layers and their padding are those of tensorflow/tpu, so that its ImageNet weights fit.
"""

import torch
from torch import Tensor, nn

from colorizer.approaches.blocks.layers import scaled

# Expansion, kernel size, stride, channels, number of blocks: table 1 of the paper.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
STEM_CHANNELS = 32
# Stages whose features are returned: the last of each scale.
RETURNED_STAGES = (0, 1, 2, 4, 6)


class EfficientNetLite(nn.Module):
    """Encoder of gray or color photos in 0…1, (B, 3, H, W), sides multiples of 32, to features at 1/2, 1/4, 1/8, 1/16 and 1/32.

    channels: number of channels of these five.
    num_frozen: number of leading stages, the stem counted with the first, that are never trained and stay in evaluation mode.
    """

    def __init__(self, width: float = 1.0, num_frozen: int = 0):
        super().__init__()
        channels = scaled(STEM_CHANNELS, width)
        self.stem = nn.Sequential(*_convolution(3, channels, 3, stride=2), nn.ReLU6())
        self.stages = nn.ModuleList()
        for expansion, kernel, stride, stage_channels, num_blocks in STAGES:
            blocks = []
            for index in range(num_blocks):
                out_channels = scaled(stage_channels, width)
                blocks.append(Block(channels, out_channels, expansion, kernel, stride if index == 0 else 1))
                channels = out_channels
            self.stages.append(nn.Sequential(*blocks))
        self.channels = tuple(self.stages[index][-1].out_channels for index in RETURNED_STAGES)
        self.frozen = [self.stem, *self.stages[:num_frozen]] if num_frozen else []
        for part in self.frozen:
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> "EfficientNetLite":
        super().train(mode)
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, rgb: Tensor) -> list[Tensor]:
        hidden = self.stem((255 * rgb - 127) / 128)
        features = []
        for index, stage in enumerate(self.stages):
            hidden = stage(hidden)
            if index in RETURNED_STAGES:
                features.append(hidden)
        return features


class Block(nn.Module):
    """Mobile inverted bottleneck: expand, convolve depthwise, project, and add the input if the shapes match."""

    def __init__(self, in_channels: int, out_channels: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        self.out_channels = out_channels
        self.is_residual = stride == 1 and in_channels == out_channels
        hidden = in_channels * expansion
        expand = [*_convolution(in_channels, hidden, 1), nn.ReLU6()] if expansion > 1 else []
        self.expand = nn.Sequential(*expand)
        self.depthwise = nn.Sequential(*_convolution(hidden, hidden, kernel, stride, groups=hidden), nn.ReLU6())
        self.project = nn.Sequential(*_convolution(hidden, out_channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        projected = self.project(self.depthwise(self.expand(features)))
        return features + projected if self.is_residual else projected


class Depthwise(nn.Conv2d):
    """Convolution of every channel by its own kernel, on CPUs in float32 also under autocast.

    Its gradient in bfloat16 takes CPUs with AMX five to ten times as long as in float32, while that of dense convolutions takes
    a quarter.
    """

    def forward(self, features: Tensor) -> Tensor:
        device = features.device.type
        if device != "cpu" or not torch.is_autocast_enabled(device):
            return super().forward(features)
        with torch.autocast(device, enabled=False):
            return super().forward(features.float())


def _convolution(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    layers: list[nn.Module] = []
    padding = kernel // 2
    if stride == 2:
        # TensorFlow's "same" padding: for even sizes, one pixel less at the start than at the end.
        padding = 0
        layers.append(nn.ZeroPad2d(2 * ((kernel - 2) // 2, (kernel - 1) // 2)))
    convolution = nn.Conv2d if groups == 1 else Depthwise
    layers.append(convolution(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(out_channels, eps=1e-3))
    return layers


def published_name(name: str) -> str | None:
    """Return our name for a tensor of transformers' EfficientNetForImageClassification with Lite0's weights, or None.

    transformers' network includes squeeze-and-excite, which such a checkpoint sets to the identity. Ours has neither that nor
    the classifier, so their tensors map to None.
    """
    if name.startswith(("classifier.", "efficientnet.encoder.top_")) or ".squeeze_excite." in name:
        return None
    *path, layer, tensor = name.removeprefix("efficientnet.").split(".")
    is_norm = layer.endswith(("norm", "bn"))
    if path[0] == "embeddings" or path == []:
        return f"stem.{2 if is_norm else 1}.{tensor}"
    stage, block = _place(int(path[2]))
    part = {"expansion": "expand", "depthwise_conv": "depthwise", "projection": "project"}[path[3]]
    # With a stride, the first layer is the padding.
    is_padded = part == "depthwise" and STAGES[stage][2] == 2 and block == 0
    return f"stages.{stage}.{block}.{part}.{int(is_norm) + int(is_padded)}.{tensor}"


def _place(index: int) -> tuple[int, int]:
    """Return the stage, and the position within it, of the block with this index over all stages."""
    for stage, (*_, num_blocks) in enumerate(STAGES):
        if index < num_blocks:
            return stage, index
        index -= num_blocks
    raise ValueError(f"Lite0 has {sum(stage[-1] for stage in STAGES)} blocks")
