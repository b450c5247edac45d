"""A tenth approach as a researcher might write it: classification by hue and chroma, with a space, an objective and options
of its own, in one file that would be colorizer/approaches/tenth.py."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from colorizer.approaches.base.configuration import ColorizerConfig, setting
from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.objectives import Objective, Player, StepInputs
from colorizer.approaches.base.option import Option
from colorizer.approaches.base.recipe import Recipe
from colorizer.approaches.base.spaces import Lab, Space
from colorizer.approaches.blocks.layers import scaled
from colorizer.photos import color

CHROMAS = (12.0, 32.0, 60.0)
NUM_HUES = 12


def centers(device: torch.device) -> Tensor:
    """CIE ab of the classes, (37, 2): gray, then each hue at each chroma."""
    hues = torch.arange(NUM_HUES, device=device) * (2 * math.pi / NUM_HUES)
    rings = torch.stack([chroma * torch.stack((hues.cos(), hues.sin()), 1) for chroma in CHROMAS], 1)
    return torch.cat((torch.zeros(1, 2, device=device), rings.flatten(0, 1)))


@dataclass(frozen=True)
class HueChroma(Lab):
    """Lightness as L / l, color as logits over classes of hue and chroma."""

    output_channels = 1 + NUM_HUES * len(CHROMAS)
    # "temperature" is what another space calls its own, and must not be mistaken for it.
    options = (Option("temperature", "Low values choose one class, high ones average", 1.0, 0.1, 4.0),)
    has_distribution = True

    def split(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        lab = color.rgb_to_lab(rgb)
        return lab[:, :1], lab[:, 1:]

    def join(self, lightness: Tensor, prediction: Tensor, temperature: float = 1.0) -> Tensor:
        probability = (prediction / temperature).softmax(1)
        return torch.einsum("bqhw,qc->bchw", probability, centers(prediction.device))

    def draw(self, logits: Tensor, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
        cumulated = (logits.float() / temperature).softmax(0).cumsum(0)
        drawn = (cumulated <= uniforms[:1]).sum(0).clamp(max=len(logits) - 1)
        return centers(logits.device)[drawn].movedim(-1, 0)


@dataclass(frozen=True)
class NearestClass(Objective):
    """Cross-entropy with the class nearest to each pixel's color."""

    smoothing: float = 0.0

    def players(self, network: nn.Module, space: Space, photos: Callable[[], Iterable[Tensor]]) -> list[Player]:
        return [Player("network", network, lambda inputs: (self.validate(inputs), {}))]

    def validate(self, inputs: StepInputs) -> Tensor:
        points = inputs.target.float().movedim(1, -1)
        target = torch.cdist(points.flatten(1, 2), centers(points.device)).argmin(-1).view(points.shape[:-1])
        return F.cross_entropy(inputs.prediction.float(), target, label_smoothing=self.smoothing)


class TenthConfig(ColorizerConfig):
    model_type = "colorizer-tenth"
    channels: int = setting(32, "channels of the hidden layers at width 1", 1, 512)
    fade: float = setting(0.0, "share of color that is taken away at inference", 0, 1)


class Tenth(ColorizerModel):
    """A few convolutions that classify each pixel by hue and chroma."""

    title = "Colors by hue and chroma"
    plain_name = "Wheel"
    plain_text = "Chooses one of 37 colors for every place, as on a color wheel."
    authors = "A. Researcher"
    year = 2026
    paper_url = "https://example.org/hue-chroma"

    config_class = TenthConfig
    space = HueChroma(l=100.0)
    objective = NearestClass()
    recipe = Recipe(learning_rate=1e-3)
    network_options = (Option("fade", "0 for full color, 1 for gray"),)

    def __init__(self, config: TenthConfig):
        super().__init__(config)
        channels = max(16, scaled(config.channels, config.width))
        self.network = nn.Sequential(
            nn.Conv2d(self.space.input_channels, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, self.space.output_channels, 1),
        )
        self.post_init()

    def predict(self, source: Tensor, fade: float = 0.0) -> Tensor:
        """L in 0…1 (B, 1, H, W) to logits (B, 37, H, W); fading makes gray likelier."""
        logits = self.network(source)
        gray = F.one_hot(torch.zeros(1, dtype=torch.long, device=logits.device), logits.shape[1]).view(1, -1, 1, 1)
        return logits + gray * (50 * fade)
