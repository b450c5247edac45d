"""Predict one or several colorings per photo, for a batch of one size.

Several are drawn from the predicted distribution, if the approach has one. Colors drawn independently per pixel would be
noise. Therefore the random numbers vary slowly over the photo, and the space draws similar colors for similar numbers.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.graphs.network import GraphNetwork
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.photo import Photo

LENGTH = 0.7
"""Correlation length of the random numbers, as a share of the photo's side (the geometric mean of both sides)."""
SHARED = 0.7
"""Share of their variance that is constant over the photo, so that each coloring has its own character."""
NUM_WAVES = 64

# Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018: steps in the unit square that spread points evenly.
_PLASTIC = 1.324717957244746
_STEPS = (1 / _PLASTIC, 1 / _PLASTIC**2)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Output for one photo, on the CPU, in float32.

    ab: CIE a*, b* (2, H, W) of each coloring, in the lightness's size.
    logits, uncertainty, scenes: as in ColorizationResult; None without `has_details`.
    """

    ab: list[Tensor]
    logits: Tensor | None = None
    uncertainty: Tensor | None = None
    scenes: dict[str, float] | None = None

    @property
    def is_finite(self) -> bool:
        """False if a color, a logit or a scene's probability is infinite or not a number."""
        tensors = [*self.ab, torch.tensor(list((self.scenes or {}).values()))]
        if self.logits is not None:
            tensors.append(self.logits)
        return all(torch.isfinite(tensor).all() for tensor in tensors)


def predict(
    model: ColorizerModel | GraphNetwork,
    lightness: Tensor,
    hints: Tensor | None = None,
    *,
    num_images: int = 1,
    seed: int | None = None,
    has_details: bool = False,
    **options: float | str | None,
) -> list[Prediction]:
    """Predict from lightness (B, 1, H, W) and hints (B, 3, H, W), in one forward pass for any number of colorings.

    A single coloring without a seed is not drawn but decoded as usual. `has_details` adds the outputs besides ab.
    """
    is_drawn = seed is not None or num_images > 1
    output = model(lightness, hints=hints, decode=not is_drawn, **options)
    if is_drawn:
        decoding = {option.name: options[option.name] for option in model.space.options if option.name in options}
        colorings = [
            decode_logits(model, one, logits, seed=seed or 0, num_images=num_images, **decoding)
            for one, logits in zip(lightness, output.logits, strict=True)
        ]
    else:
        colorings = [[ab] for ab in output.ab.float().cpu()]
    if not has_details:
        return [Prediction(ab) for ab in colorings]
    logits = uncertainty = [None] * len(lightness)
    if output.logits is not None:
        logits = output.logits.float().cpu()
        uncertainty = _upsample(model.space.uncertainty(output.logits), lightness.shape[-2:]).cpu()
    return [Prediction(*parts) for parts in zip(colorings, logits, uncertainty, model.rank_scenes(output), strict=True)]


def own_prediction(photo: Photo, size: tuple[int, int], num_images: int = 1) -> Prediction:
    """Return a photo's own colors in place of a prediction, resized to `size`, height and width."""
    pixels = np.array(Image.fromarray(photo.pixels).resize(size[::-1], Image.Resampling.BOX))
    ab = rgb_to_lab(torch.from_numpy(pixels).permute(2, 0, 1) / 255)[1:]
    return Prediction([ab] * num_images)


def decode_logits(
    model: ColorizerModel,
    lightness: Tensor,
    logits: Tensor,
    *,
    seed: int | None = None,
    num_images: int = 1,
    **options: float | str,
) -> list[Tensor]:
    """Decode the logits (C, h, w) of one photo of lightness (1, H, W) again, with other options of the space.

    Returns ab (2, H, W), in CIE units, on the CPU: a single one, not drawn, without `seed` and with `num_images=1`; otherwise
    `num_images` drawn ones. With the same seed, the first ones are the same for any `num_images`.
    """
    if seed is None and num_images == 1:
        return [model.decode(lightness[None], logits[None], **options)[0].cpu()]
    drawn = (
        model.draw(logits, uniforms.to(logits.device), **options)
        for uniforms in smooth_uniforms(*logits.shape[-2:], seed=seed or 0, num=num_images)
    )
    return [_upsample(ab, lightness.shape[-2:]).cpu() for ab in drawn]


def smooth_uniforms(height: int, width: int, *, seed: int, num: int) -> Iterator[Tensor]:
    """Yield pairs of numbers (2, height, width), uniform in 0…1 at each pixel and smooth over the photo; float32, CPU.

    Each is a Gaussian random field, mapped through the normal distribution function. It is the sum of a constant, which
    is quasirandom so that the colorings of a seed differ, and of waves (Rahimi and Recht 2007). Fields are functions of the
    relative position, so that a seed gives nearly the same result at any resolution.
    """
    generator = torch.Generator().manual_seed(seed)
    start = torch.rand(2, generator=generator, dtype=torch.float64)
    unit = math.sqrt(height * width)
    down, across = ((torch.arange(length) + 0.5 - length / 2) / unit for length in (height, width))
    for index in range(num):
        common = (start + index * torch.tensor(_STEPS, dtype=torch.float64)) % 1
        common = torch.special.ndtri(common.clamp(1e-9, 1 - 1e-9)).float()[:, None, None]
        frequencies = torch.randn(2, 2, NUM_WAVES, generator=generator) / LENGTH
        first, second = torch.randn(2, 2, NUM_WAVES, 1, generator=generator) / math.sqrt(NUM_WAVES)
        y, x = (frequencies[:, 0, :, None] * down, frequencies[:, 1, :, None] * across)
        # a cos(y + x) + b sin(y + x), summed over the waves, by two matrix products.
        waves = y.cos().mT @ (first * x.cos() + second * x.sin()) + y.sin().mT @ (second * x.cos() - first * x.sin())
        yield torch.special.ndtr(math.sqrt(SHARED) * common + math.sqrt(1 - SHARED) * waves)


def _upsample(channels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (C, h, w) to `size`, height and width."""
    return F.interpolate(channels[None], size=size, mode="bilinear", align_corners=False)[0]
