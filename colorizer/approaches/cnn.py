"""cnn: a plain encoder-decoder trained on structural similarity."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import ms_ssim_loss
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Adversarial, Objective, Regression, SoftBins
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab, LabBins, Space
from colorizer.approaches.blocks.layers import scaled
from colorizer.errors import ColorizerError, quote

# The other approaches' objectives, so that this network can tell what each is worth. Regressions take any `--loss`.
OBJECTIVES: dict[str, Objective] = {
    "regression": Regression(ms_ssim_loss),
    "bins": SoftBins(rebalance=False),
    "rebalanced_bins": SoftBins(),
    "gan": Adversarial(width=0.25),
}


class CnnConfig(ColorizerConfig):
    model_type = "colorizer-cnn"
    dropout: float = setting(0.5, "dropout rate of the three layers after the encoder", 0, 0.99)
    objective: str = setting("regression", f"what it is trained for: {', '.join(OBJECTIVES)}")

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        if self.objective not in OBJECTIVES:
            raise ColorizerError(f"cnn: objective must be one of {', '.join(OBJECTIVES)}, not {quote(self.objective)}.")


class Cnn(ColorizerModel):
    """A plain network trained to match the structure of the true colors, since matching single pixels made photos brown.

    It is an encoder-decoder with dropout, trained on 1 − MS-SSIM instead of the squared error.
    """

    title = "An encoder-decoder trained on structural similarity"
    plain_name = "Structure"
    plain_text = "A plain network, trained so that shapes look right rather than single pixels."
    authors = "a capstone project"
    year = 2019
    paper_url = "https://doi.org/10.1109/ACSSC.2003.1292216"
    cites = "MS-SSIM, its loss"

    config_class = CnnConfig
    space = Lab(l=100.0, ab=128.0)
    # RMSprop at Keras' default rate. The unchanged photo and its three changed contrasts are equally likely.
    recipe = Recipe(
        optimizer="rmsprop",
        learning_rate=1e-3,
        num_train_epochs=50,
        vertical_flip=True,
        contrast=0.75,
    )
    size_multiple = 8

    def __init__(self, config: CnnConfig):
        super().__init__(config)
        self.network = nn.Sequential()
        channels = self.space.input_channels
        for full, stride in ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1)):
            channels = self._convolve(channels, full, stride=stride)
        for full in (512, 256, 128):
            channels = self._convolve(channels, full)
            self.network.append(nn.Dropout(config.dropout))
        for full in (64, 32):
            channels = self._convolve(channels, full)
            self.network.append(nn.Upsample(scale_factor=2))
        self.color = nn.Conv2d(channels, self.space.output_channels, 3, padding=1)
        self.post_init()

    def _convolve(self, in_channels: int, full: int, *, stride: int = 1) -> int:
        channels = scaled(full, self.config.width)
        self.network.append(nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1))
        self.network.append(nn.ReLU())
        self.network.append(nn.BatchNorm2d(channels))
        return channels

    def predict(self, source: Tensor) -> Tensor:
        """Predict ab/128 (B, 2, H, W), or logits of bins (B, 313, H/2, W/2), from L/100 (B, 1, H, W)."""
        color = self.color(self.network(source))
        if self.space.has_distribution:
            return color
        ab = torch.tanh(color)
        # Bilinear, where Keras repeats pixels: at the output, the blocks would be visible.
        return F.interpolate(ab, scale_factor=2, mode="bilinear", align_corners=False)

    @classmethod
    def space_for(cls, config: Mapping[str, object]) -> Space:
        is_binned = isinstance(OBJECTIVES[config.get("objective", "regression")], SoftBins)
        return LabBins(l=cls.space.l) if is_binned else cls.space

    @property
    def objective(self) -> Objective:
        """1 − MS-SSIM, unless the configuration names another."""
        return OBJECTIVES[self.config.objective]

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self.color:
            # Start nearly gray: for garish colors, at the ends of tanh, the similarity's gradient almost vanishes.
            init.normal_(module.weight, 0.0, 0.02)
