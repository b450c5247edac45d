"""lite_unet: our own network, used by the checkpoint `default`: an ImageNet encoder, summed features, bins or regression."""

from collections.abc import Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base import losses
from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Objective, Regression, SoftBins
from colorizer.approaches.base.pretrained_parts import PretrainedPart
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab, LabBins, Space
from colorizer.approaches.blocks.efficientnet_lite import STAGES, EfficientNetLite, published_name
from colorizer.approaches.blocks.hint_input import HintConvolution, hint_features
from colorizer.approaches.blocks.layers import nearest_multiple, scaled
from colorizer.errors import ColorizerError
from colorizer.photos import color


class LiteUNetConfig(ColorizerConfig):
    """Configuration of lite_unet.

    At inference, the photo is looked at in each of `view_scales`, every second time mirrored, and what the color is computed
    from is averaged. Errors partly cancel, more so between different sizes. Training uses the crop once, as it is.
    """

    model_type = "colorizer-lite-unet"
    resolution: int = setting(192, "side in pixels of the square that the network works at", 1, 4096)
    pretrained: str = setting(
        "", "folder or Hub repository of the encoder's ImageNet weights, for width 1; empty for none"
    )
    pretrained_revision: str = setting("main", "branch, tag or commit of the weights' repository")
    num_frozen: int = setting(0, "number of encoder stages, from the first, that are not trained", 0, len(STAGES))
    decoder_width: float = setting(1.0, "factor on the decoder's channels, on top of width", 0.001, 4)
    bins: bool = setting(False, "predict how likely each of 313 colors is, instead of one color")
    temperature: float = setting(
        0.38,
        "with bins, temperature of the annealed mean at inference: 1 gives the mean, values near 0 the mode",
        0.01,
        10,
    )
    delta: float = setting(12.0, "distance in CIE units at which the Huber loss turns from square to linear", 0.1, 1000)
    log_share: float = setting(0.0, "share of the loss given to the logarithm of each photo's squared error", 0, 1)
    chroma_weight: float = setting(0.0, "weight of the loss term for the error in the spread of a photo's ab", 0, 10)
    view_scales: tuple[float, ...] = setting(
        (1.0,), "sizes, as multiples 0.5…2 of the resolution, at which a photo is colored; results are averaged"
    )
    hints: bool = setting(False, "accept color hints, and train with random ones")

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if not 1 <= len(self.view_scales) <= 8 or not all(0.5 <= scale <= 2 for scale in self.view_scales):
            raise ColorizerError(
                f"{self.model_type}: view_scales must be one to eight numbers in 0.5…2, not {self.view_scales}."
            )


class LiteUNet(ColorizerModel):
    """Our own light network: it adds up an image classifier's features, from coarse to fine, and turns them into colors.

    The encoder is EfficientNet-Lite0 on the gray photo. Color is predicted at a quarter of the photo's size.
    """

    title = "A light U-Net on EfficientNet-Lite0"
    plain_name = "Best guess"
    plain_text = "Our own small network, trained last and measured best: careful colors, few mistakes."
    authors = "the authors of colorizer"
    year = 2026
    paper_url = "https://arxiv.org/abs/1905.11946"
    cites = "EfficientNet, its encoder"

    config_class = LiteUNetConfig
    space = Lab(l=100.0, ab=110.0)
    recipe = Recipe(
        optimizer="adamw",
        learning_rate=2e-3,
        pretrained_rate=0.2,
        adam_weight_decay=0.01,
        lr_scheduler="cosine",
        min_scale=0.5,
        channels_last=True,
    )
    size_multiple = 32

    def __init__(self, config: LiteUNetConfig):
        super().__init__(config)
        self.encoder = EfficientNetLite(config.width, config.num_frozen)
        width = config.width * config.decoder_width
        _, *skips, deepest = self.encoder.channels
        channels = scaled(160, width)
        self.bottom = Combine(deepest, channels)
        # Image-level features, for the kind of scene: a sunset, a kitchen.
        self.scene = nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.laterals, self.combine = nn.ModuleList(), nn.ModuleList()
        for skip, out_channels in zip(reversed(skips), (128, 96, 64), strict=True):
            # The encoder's features are unbounded: without normalization, their variance would overflow float16.
            self.laterals.append(nn.Sequential(nn.Conv2d(skip, channels, 1, bias=False), nn.BatchNorm2d(channels)))
            self.combine.append(Combine(channels, scaled(out_channels, width)))
            channels = scaled(out_channels, width)
        self.refine = Combine(channels, channels)
        self.color = nn.Conv2d(channels, self.space.output_channels, 1)
        # The encoder was trained without hints and may be frozen, so hints are added in the decoder.
        levels = [self.bottom, *self.combine]
        self.hints = nn.ModuleList(HintConvolution(level[0]) for level in levels) if config.hints else None
        self.post_init()

    @classmethod
    def space_for(cls, config: Mapping[str, object]) -> Space:
        return LabBins(l=cls.space.l) if config.get("bins", False) else cls.space

    @property
    def objective(self) -> Objective:
        """Cross-entropy over the bins; without them Huber loss on ab, or the configured mix of it and other losses."""
        config = self.config
        if config.bins:
            return SoftBins(rebalance=False)
        mixed = {"log_share": config.log_share, "chroma_weight": config.chroma_weight}
        return Regression(partial(_loss, unit=1 / self.space.ab, delta=config.delta, **mixed))

    @property
    def pretrained_parts(self) -> list[PretrainedPart]:
        """Encoder, if its width is that of the published one."""
        config = self.config
        if config.width != 1 or not config.pretrained:
            return []
        return [PretrainedPart(self.encoder, config.pretrained, config.pretrained_revision, published_name)]

    def predict(self, source: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict ab/110 (B, 2, H, W), or logits of bins (B, 313, H/4, W/4), from L/100 (B, 1, H, W) and hints (B, 3, H, W)."""
        if self.training:
            features = self._features(source, hints)
        else:
            scales = enumerate(self.config.view_scales)
            views = [self._view(source, hints, scale, is_mirrored=number % 2 == 1) for number, scale in scales]
            features = sum(views) / len(views)
        prediction = self.color(features)
        if self.space.has_distribution:
            return prediction
        # All sRGB colors lie within these bounds.
        return F.interpolate(prediction, scale_factor=4.0, mode="bilinear").clamp(-1, 1)

    def _view(self, source: Tensor, hints: Tensor | None, scale: float, *, is_mirrored: bool) -> Tensor:
        """Return the features of the photo, or of its mirror image, at a multiple of its size, in the size of the photo's own.

        Color is linear in them, so their mean gives the mean color, or the geometric mean of the distributions.
        """
        *_, height, width = source.shape
        view_size = tuple(nearest_multiple(side * scale, self.size_multiple) for side in (height, width))

        def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
            return F.interpolate(image.flip(-1) if is_mirrored else image, size, mode="bilinear", antialias=True)

        features = self._features(resize(source, view_size), None if hints is None else resize(hints, view_size))
        return resize(features, (height // 4, width // 4))

    def _features(self, source: Tensor, hints: Tensor | None) -> Tensor:
        """Return the features that color is computed from, at a quarter of the size."""
        gray = color.lightness_to_gray(source * self.space.l).to(source.dtype)
        _, *skips, deepest = self.encoder(gray.expand(-1, 3, -1, -1))
        levels = [deepest, *reversed(skips)]
        hint_levels = [None] * len(levels) if hints is None else self._hint(hints)
        hidden = self.bottom(deepest, hint_levels[0])
        hidden = hidden + self.scene(hidden.mean((2, 3)))[:, :, None, None]
        for lateral, combine, skip, of_hints in zip(
            self.laterals, self.combine, levels[1:], hint_levels[1:], strict=True
        ):
            hidden = F.interpolate(hidden, scale_factor=2.0, mode="bilinear") + lateral(skip)
            hidden = combine(hidden, of_hints)
        return self.refine(hidden)

    def _hint(self, hints: Tensor) -> list[Tensor]:
        """Return the hint features to add at each level of the decoder, in the sizes of the encoder's features."""
        pyramid = [F.avg_pool2d(hint_features(hints), 4)]
        while len(pyramid) < len(self.hints):
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        return [take(features) for take, features in zip(self.hints, reversed(pyramid), strict=True)]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self.color:
            # Start nearly gray, but not at zero, so that gradients flow.
            init.normal_(module.weight, std=0.01)


def _loss(ab: Tensor, target: Tensor, *, unit: float, delta: float, log_share: float, chroma_weight: float) -> Tensor:
    """Combine the Huber loss with the configured terms; `unit` is a CIE unit in the scale of ab."""
    loss = losses.huber(ab, target, delta=delta * unit)
    if log_share:
        logarithm = losses.log_square(ab, target, floor=losses.LOG_FLOOR * unit)
        loss = (1 - log_share) * loss + log_share * logarithm
    if chroma_weight:
        loss = loss + chroma_weight / (delta * unit) * losses.chroma_gap(ab, target)
    return loss


class Combine(nn.Sequential):
    """3×3 convolution, optional addition of hint features, batch norm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels), nn.ReLU()
        )

    def forward(self, features: Tensor, of_hints: Tensor | None = None) -> Tensor:
        convolve, normalize, activate = self
        convolved = convolve(features)
        return activate(normalize(convolved if of_hints is None else convolved + of_hints))
