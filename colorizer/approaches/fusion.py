"""fusion: a frozen classifier's scores for the whole photo, concatenated with the encoder's features at every position."""

import math
import os
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import mse
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Regression
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab
from colorizer.approaches.blocks.classifier import (
    INCEPTION,
    classify,
    make_classifier,
    num_channels,
    num_classes,
    read_description,
)
from colorizer.approaches.blocks.layers import scaled
from colorizer.errors import ColorizerError, quote
from colorizer.photos import color


class FusionConfig(ColorizerConfig):
    """Configuration of fusion.

    The classifier is our Inception-ResNet-v2 in timm's layout, or an image classifier from transformers. `width` doesn't
    scale it. An empty name means the paper's classifier at width 1, and a small Inception-ResNet-v2 with random weights at
    any other width.

    A checkpoint must contain the classifier's weights if they come from a folder or are random; others stay on the Hub.
    """

    model_type = "colorizer-fusion"
    classifier: str = setting("", "folder or Hub repository of the image classifier whose scores are fused")
    classifier_revision: str = setting("main", "branch, tag or commit of the classifier's repository")
    classifier_config: str = setting(
        "", "JSON description of the classifier's architecture; by default read from its folder or repository"
    )
    classifier_resolution: int = setting(299, "side in pixels of the classifier's square input", 32, 1024)
    classifier_mean: tuple[float, ...] = setting(
        (0.5, 0.5, 0.5), "per-channel mean that normalizes the classifier's input"
    )
    classifier_std: tuple[float, ...] = setting(
        (0.5, 0.5, 0.5), "per-channel standard deviation that normalizes the classifier's input"
    )
    embeds_classifier: bool = setting(False, "store the classifier's weights in the checkpoint")

    @classmethod
    def create(cls, **fields: Any) -> Self:
        """Build the configuration of a new network; a named classifier's description is read."""
        source = fields.get("classifier")
        if isinstance(source, str) and source not in ("", INCEPTION) and not fields.get("classifier_config"):
            for name, value in read_description(source, fields.get("classifier_revision", "main")).items():
                default = getattr(FusionConfig, f"classifier_{name}")
                if fields.get(f"classifier_{name}", default) == default:
                    fields[f"classifier_{name}"] = value
        if isinstance(source, str) and os.path.isdir(source):
            fields["embeds_classifier"] = True
        return cls(**fields)

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if not self.classifier and self.width == 1:
            self.classifier = INCEPTION
        if not self.classifier_config and self.classifier not in ("", INCEPTION):
            raise ColorizerError(f"fusion: classifier_config is missing, the description of {quote(self.classifier)}.")
        if not self.classifier:
            self.embeds_classifier = True
        if not 0 < len(self.classifier_mean) == len(self.classifier_std) or min(self.classifier_std) <= 0:
            raise ColorizerError(
                "fusion: classifier_mean and classifier_std need one number per channel, classifier_std positive, not "
                f"{quote(self.classifier_mean)} and {quote(self.classifier_std)}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as transformers does, but only the name of a folder: a checkpoint is read elsewhere."""
        fields = super().to_dict()
        if os.path.isdir(self.classifier):
            fields["classifier"] = Path(self.classifier).resolve().name
        return fields


class Fusion(ColorizerModel):
    """A network that combines local detail with what an image classifier recognizes in the whole photo.

    It is an encoder and a decoder. Between them, a frozen classifier's scores for the whole photo are repeated at every
    position and concatenated with the encoder's features.
    """

    title = "Deep Koalarization"
    plain_name = "Koala"
    plain_text = "Asks a second network what is in the photo, and colors accordingly."
    authors = "Federico Baldassarre, Diego González Morín, Lucas Rodés-Guirao"
    year = 2017
    paper_url = "https://arxiv.org/abs/1712.03400"

    config_class = FusionConfig
    space = Lab(l=50.0, offset=-1.0, ab=128.0)
    objective = Regression(mse)
    # 50 epochs of 50 batches of 100. Keras' shear was in radians at that time.
    recipe = Recipe(
        optimizer="rmsprop",
        learning_rate=1e-3,
        train_batch_size=100,
        num_train_epochs=50,
        lr_scheduler="plateau",
        plateau_patience=5,
        plateau_factor=0.1,
        early_stopping_patience=15,
        early_stopping_min_delta=1e-5,
        rotation=20.0,
        shear=round(math.degrees(0.2), 2),
        zoom=0.2,
    )
    size_multiple = 8

    def __init__(self, config: FusionConfig):
        super().__init__(config)
        width = config.width
        self.encoder = nn.Sequential()
        channels = self.space.input_channels
        for full, stride in ((64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1)):
            self.encoder += _layer(channels, scaled(full, width), stride=stride)
            channels = scaled(full, width)
        scale = 1.0 if config.classifier else width
        self.classifier = make_classifier(config.classifier_config, width=scale)
        if len(config.classifier_mean) != num_channels(self.classifier):
            raise ColorizerError(
                f"fusion: the classifier takes photos with {num_channels(self.classifier)} channels, but classifier_mean has "
                f"{len(config.classifier_mean)} numbers."
            )
        self.num_frozen_features = num_classes(self.classifier)
        self.fuse = nn.Conv2d(channels + self.num_frozen_features, channels, 1)
        self.decoder = nn.Sequential()
        for full, is_enlarged in ((128, True), (64, True), (32, False), (16, False)):
            # With fewer than four channels, ReLU may kill all of them.
            self.decoder += _layer(channels, max(4, scaled(full, width)))
            channels = max(4, scaled(full, width))
            if is_enlarged:
                self.decoder.append(nn.Upsample(scale_factor=2))
        self.color = nn.Conv2d(channels, self.space.output_channels, 3, padding=1)
        self.post_init()

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """Classifier, if it is published."""
        config = self.config
        if not config.classifier:
            return []
        source, revision = config.classifier, config.classifier_revision
        return [PretrainedPart(self.classifier, source, revision, on_missing=self.keep_parts)]

    @property
    def frozen_parts(self) -> list[nn.Module]:
        return [self.classifier]

    @property
    def left_out_parts(self) -> list[PretrainedPart]:
        """Classifier, unless the checkpoint contains it."""
        return [] if self.config.embeds_classifier else self.pretrained_parts

    def keep_parts(self) -> None:
        self.config.embeds_classifier = True

    @torch.no_grad()
    def frozen_features(self, lightness: Tensor) -> Tensor:
        """Return the classifier's logits (B, num_classes) for the gray photo, resized to the classifier's square input."""
        config = self.config
        side = config.classifier_resolution
        with color.full_precision(lightness):
            gray = color.lightness_to_gray(lightness.float())
            gray = F.interpolate(gray, (side, side), mode="bilinear", antialias=True)
            mean, std = (
                gray.new_tensor(levels).view(-1, 1, 1) for levels in (config.classifier_mean, config.classifier_std)
            )
            return classify(self.classifier, ((gray - mean) / std).to(self.dtype)).float()

    def predict(self, source: Tensor, features: Tensor) -> Tensor:
        """Predict ab/128 (B, 2, H, W) from L in −1…1 (B, 1, H, W) and the classifier's scores (B, num_classes)."""
        local = self.encoder(source)
        everywhere = features.to(local.dtype)[:, :, None, None].expand(-1, -1, *local.shape[-2:])
        fused = torch.relu(self.fuse(torch.cat((local, everywhere), dim=1)))
        ab = torch.tanh(self.color(self.decoder(fused)))
        # Bilinear, where Keras repeats pixels: at the output, the blocks would be visible.
        return F.interpolate(ab, scale_factor=2, mode="bilinear")

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            init.trunc_normal_(module.bias, std=0.05)


def _layer(in_channels: int, channels: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1), nn.ReLU())
