"""cnn: a plain encoder-decoder trained on structural similarity."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import initialization as init

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import ms_ssim_loss
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Regression
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab
from colorizer.approaches.blocks.layers import scaled


class CnnConfig(ColorizerConfig):
    model_type = "colorizer-cnn"
    dropout: float = setting(0.5, "dropout rate of the three layers after the encoder", 0, 0.99)


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
    objective = Regression(ms_ssim_loss)
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
        """Predict ab/128 (B, 2, H, W) from L/100 (B, 1, H, W)."""
        ab = torch.tanh(self.color(self.network(source)))
        # Bilinear, where Keras repeats pixels: at the output, the blocks would be visible.
        return F.interpolate(ab, scale_factor=2, mode="bilinear", align_corners=False)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if module is self.color:
            # Start nearly gray: for garish colors, at the ends of tanh, the similarity's gradient almost vanishes.
            init.normal_(module.weight, 0.0, 0.02)
