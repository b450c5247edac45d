"""dense: fully connected regression in RGB."""

import torch
from torch import Tensor, nn

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.losses import mse
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Regression
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Rgb
from colorizer.approaches.blocks.layers import scaled


class DenseConfig(ColorizerConfig):
    model_type = "colorizer-dense"
    resolution: int = setting(32, "side in pixels of the network's square input", 1, 256)
    hidden_channels: int = setting(2048, "units of each hidden layer at width 1", 1, 16384)
    num_layers: int = setting(2, "number of hidden layers", 1, 64)


class Dense(ColorizerModel):
    """The simplest network here: it computes every pixel's color from all pixels of a small photo.

    Fully connected layers over 32×32 pixels, the first attempt of a student project on CIFAR-10, and the lower bound.
    """

    title = "Fully connected regression"
    plain_name = "First try"
    plain_text = (
        "Looks at a tiny copy of the photo, 32 pixels wide: a student's first attempt, here to show how far that gets."
    )
    authors = "a student project"
    year = 2018
    paper_url = "https://www.cs.toronto.edu/~kriz/cifar.html"
    cites = "CIFAR-10, its data"

    config_class = DenseConfig
    space = Rgb(input_channels=1)
    objective = Regression(mse)
    recipe = Recipe(learning_rate=1e-3, train_batch_size=64, num_train_epochs=50)
    is_fixed_size = True

    def __init__(self, config: DenseConfig):
        super().__init__(config)
        num_pixels = config.resolution**2
        hidden = scaled(config.hidden_channels, config.width)
        layers: list[nn.Module] = [nn.Flatten()]
        for index in range(config.num_layers):
            layers += [nn.Linear(hidden if index else num_pixels, hidden), nn.ReLU()]
        self.network = nn.Sequential(*layers, nn.Linear(hidden, 3 * num_pixels))
        self.post_init()

    def predict(self, source: Tensor) -> Tensor:
        """Predict RGB in 0…1 (B, 3, 32, 32) from gray levels in 0…1 (B, 1, 32, 32)."""
        rgb = self.network(source).unflatten(1, (3, *source.shape[-2:]))
        return torch.sigmoid(rgb)
