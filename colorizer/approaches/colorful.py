"""colorful: classification over 313 bins of the ab plane."""

from collections.abc import Mapping

from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import SoftBins
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import LabBins
from colorizer.approaches.blocks.hint_input import HintConvolution, hint_features
from colorizer.approaches.blocks.layers import scaled


class ColorfulConfig(ColorizerConfig):
    model_type = "colorizer-colorful"
    rebalance: bool = setting(True, "weight pixels in the loss by the rarity of their color")
    uniform: float = setting(0.5, "share of the uniform distribution in the weights' prior (λ in the paper)", 0, 1)
    prior_sigma: float = setting(5.0, "σ in CIE units of the Gaussian that smooths the prior", 0.1, 100)
    num_neighbors: int = setting(5, "number of bins over which a true color is spread", 1, 313)
    sigma: float = setting(5.0, "σ in CIE units of the Gaussian that spreads a true color over bins", 0.1, 100)
    temperature: float = setting(
        0.38, "temperature of the annealed mean at inference: 1 gives the mean, values near 0 the mode", 0.01, 10
    )
    hints: bool = setting(False, "accept color hints, and train with random ones")


class Colorful(ColorizerModel):
    """A network that estimates how likely each of 313 colors is at every spot of the photo.

    Eight blocks of convolutions, two of them dilated, predict a distribution over the bins of the ab plane.
    """

    title = "Colorful Image Colorization"
    plain_name = "Zhang"
    plain_text = "Weighs 313 colors for every place in the photo."
    authors = "Richard Zhang, Phillip Isola, Alexei A. Efros"
    year = 2016
    paper_url = "https://arxiv.org/abs/1603.08511"

    config_class = ColorfulConfig
    space = LabBins(l=100.0, offset=-0.5)
    # Section 3.1 of the paper: Adam from 3e-5, β = (0.9, 0.99), weight decay 1e-3, batches of 40.
    recipe = Recipe(
        optimizer="adamw",
        learning_rate=3e-5,
        adam_beta2=0.99,
        adam_weight_decay=1e-3,
        train_batch_size=40,
        lr_scheduler="cosine",
    )
    size_multiple = 8

    @classmethod
    def describe(cls, config: Mapping[str, object]) -> str:
        """Describe the network, and also the weight of rare colors, which changes the photos visibly."""
        weights = "rare colors count more" if config.get("rebalance", True) else "rare colors count no more than others"
        return f"{super().describe(config).removesuffix('.')}; {weights}."

    @classmethod
    def introduce(cls, config: Mapping[str, object]) -> tuple[str, str]:
        if config.get("rebalance", True):
            return f"{cls.plain_name}, vivid", f"{cls.plain_text} Rare ones count more: bold, and sometimes wrong."
        return f"{cls.plain_name}, plain", f"{cls.plain_text} Common ones win: careful, and often brownish."

    def __init__(self, config: ColorfulConfig):
        super().__init__(config)
        channels = [scaled(full, config.width) for full in (64, 128, 256, 512, 512, 512, 512, 256)]
        self.network = nn.Sequential(
            _block(1, channels[0], depth=2, last_stride=2),
            _block(channels[0], channels[1], depth=2, last_stride=2),
            _block(channels[1], channels[2], depth=3, last_stride=2),
            _block(channels[2], channels[3], depth=3),
            _block(channels[3], channels[4], depth=3, dilation=2),
            _block(channels[4], channels[5], depth=3, dilation=2),
            _block(channels[5], channels[6], depth=3),
            nn.Sequential(
                nn.ConvTranspose2d(channels[6], channels[7], 4, stride=2, padding=1),
                nn.ReLU(),
                nn.Conv2d(channels[7], channels[7], 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(channels[7], channels[7], 3, padding=1),
                nn.ReLU(),
            ),
            nn.Conv2d(channels[7], self.space.output_channels, 1),
        )
        self.hints = HintConvolution(self.network[0][0]) if config.hints else None
        self.post_init()

    @property
    def objective(self) -> SoftBins:
        """Cross-entropy over the bins; rebalancing is a setting, not an approach of its own."""
        config = self.config
        return SoftBins(config.rebalance, config.uniform, config.prior_sigma, config.num_neighbors, config.sigma)

    def predict(self, source: Tensor, hints: Tensor | None = None) -> Tensor:
        """Predict logits (B, 313, H/4, W/4) from lightness in ±0.5 (B, 1, H, W) and hints (B, 3, H, W)."""
        if hints is None:
            return self.network(source)
        first, *others = self.network[0]
        features = first(source) + self.hints(hint_features(hints))
        for layer in (*others, *self.network[1:]):
            features = layer(features)
        return features

    def init_weight(self, weight: Tensor) -> None:
        """Initialize by Xavier: with other methods, the reports describe colors that bleed over object boundaries."""
        init.xavier_uniform_(weight)


def _block(in_channels: int, channels: int, *, depth: int, last_stride: int = 1, dilation: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(depth):
        stride = last_stride if index == depth - 1 else 1
        layers += [
            nn.Conv2d(in_channels, channels, 3, stride=stride, padding=dilation, dilation=dilation),
            nn.ReLU(),
        ]
        in_channels = channels
    return nn.Sequential(*layers, nn.BatchNorm2d(channels))
