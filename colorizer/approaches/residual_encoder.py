"""residual_encoder: an image classifier's features, upsampled and summed level by level."""

import os
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import blurred_distance
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Regression
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Yuv
from colorizer.approaches.blocks.imagenet import normalize
from colorizer.approaches.blocks.vgg import Vgg16

# Blocks of VGG-16 up to conv4_3.
NUM_BLOCKS = 4


class ResidualEncoderConfig(ColorizerConfig):
    """Configuration of residual_encoder.

    The original VGG-16 has no batch norm. Without ImageNet weights, however, its features grow until they overflow, because
    nothing downstream depends on their scale. An encoder that starts from random weights is always trained.

    A checkpoint contains an encoder that came from a folder. A frozen encoder from the Hub is not stored but loaded again.
    """

    model_type = "colorizer-residual-encoder"
    resolution: int = setting(224, "side in pixels of the square that the network works at", 1, 4096)
    batch_norm: bool = setting(True, "use the VGG-16 with batch norm")
    pretrained: str = setting(
        "timm/{vgg}.tv_in1k", "folder or Hub repository of ImageNet weights for width 1; empty for none"
    )
    pretrained_revision: str = setting("main", "branch, tag or commit of the weights' repository")
    freeze_encoder: bool = setting(True, "freeze a pretrained VGG-16")
    embeds_encoder: bool = setting(False, "store the weights of a frozen VGG-16 in the checkpoint")

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Build the configuration of a new network; its checkpoints contain an encoder that comes from a folder."""
        source = fields.get("pretrained")
        if isinstance(source, str) and os.path.isdir(source):
            fields["embeds_encoder"] = True
        return cls(**fields)


class ResidualEncoder(ColorizerModel):
    """A network that adds up an image classifier's features, from coarse to fine, and predicts colors from the sum.

    The features are VGG-16's. Each level is added to the upsampled next coarser one. U and V are predicted at full size.
    """

    title = "Automatic Colorization"
    plain_name = "Dahl"
    plain_text = "The hobby project that made coloring by networks popular; brownish where it is unsure."
    authors = "Ryan Dahl"
    year = 2016
    paper_url = "https://tinyclouds.org/colorize"

    config_class = ResidualEncoderConfig
    space = Yuv()
    objective = Regression(blurred_distance)
    # Adam at its usual rate; all that is published about the training: ImageNet, 224 pixels and three days.
    recipe = Recipe(learning_rate=1e-3, train_batch_size=16)
    size_multiple = 2 ** (NUM_BLOCKS - 1)

    def __init__(self, config: ResidualEncoderConfig):
        super().__init__(config)
        self.encoder = Vgg16(num_blocks=NUM_BLOCKS, width=config.width, batch_norm=config.batch_norm)
        # The photo itself is the finest level, above conv1_2.
        levels = [3, *self.encoder.channels]
        self.normalize = nn.ModuleList(nn.BatchNorm2d(channels) for channels in levels)
        self.convolve = nn.ModuleList(
            Convolve(levels[index], levels[max(index - 1, 0)], kernel_size=1 if index == NUM_BLOCKS else 3)
            for index in range(len(levels))
        )
        self.color = nn.Conv2d(levels[0], self.space.output_channels, 3, padding=1)
        self.post_init()

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """VGG-16, if its width is that of the published one."""
        config = self.config
        if config.width != 1 or not config.pretrained:
            return []
        source = config.pretrained.replace("{vgg}", "vgg16_bn" if config.batch_norm else "vgg16")
        return [
            PretrainedPart(
                self.encoder, source, config.pretrained_revision, self.encoder.published_name, self._train_encoder
            )
        ]

    @property
    def frozen_parts(self) -> list[nn.Module]:
        """VGG-16, if it has published weights and is frozen."""
        return [self.encoder] if self.config.freeze_encoder and self.pretrained_parts else []

    @property
    def left_out_parts(self) -> list[PretrainedPart]:
        """VGG-16, if it is frozen with the Hub's weights and the checkpoint doesn't contain it."""
        return self.pretrained_parts if self.frozen_parts and not self.config.embeds_encoder else []

    def keep_parts(self) -> None:
        self.config.embeds_encoder = True

    def _train_encoder(self) -> None:
        self.config.freeze_encoder = False
        self.encoder.requires_grad_(True)

    def predict(self, source: Tensor) -> Tensor:
        """Predict U and V in 0…1 (B, 2, H, W) from gray levels in 0…1 (B, 1, H, W)."""
        photo = normalize(source)
        levels = [photo, *self.encoder(photo)]
        merged = self.convolve[-1](self.normalize[-1](levels[-1]))
        for index in reversed(range(len(levels) - 1)):
            if index:
                merged = F.interpolate(merged, scale_factor=2, mode="bilinear", align_corners=False)
            merged = self.convolve[index](merged + self.normalize[index](levels[index]))
        return torch.sigmoid(self.color(merged))

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self.color:
            # Start nearly gray, as the public reimplementations do: otherwise edges get random colors for a long time.
            init.normal_(module.weight, 0.0, 0.01)


class Convolve(nn.Sequential):
    """Convolution, batch norm in place of a bias, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel_size: int):
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
        )
