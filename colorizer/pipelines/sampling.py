"""Several plausible colorings from one distribution over the bins, and how unsure it is.

A color drawn for each pixel by itself would be noise. Here the numbers that decide it are alike over a whole region, and
an order of the bins that goes through the ab plane in stripes makes of like numbers like colors.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.approaches.base.modeling import ColorizerModel
from colorizer.approaches.base.spaces import LabBins
from colorizer.photos import bins

LENGTH = 0.7
"""Over how much of a photo's side (the geometric mean of both) the numbers stay alike."""
SHARED = 0.7
"""Share of their variance that the whole photo has in common, so that an answer has a character of its own."""
NUM_WAVES = 64
SIGMA = 16.0
"""In CIE units, how far around the drawn color the distribution is averaged: what is far from it stays out."""

# Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018: steps in the unit square whose points keep apart.
_PLASTIC = 1.324717957244746
_STEPS = (1 / _PLASTIC, 1 / _PLASTIC**2)


def has_distribution(model: ColorizerModel | type[ColorizerModel]) -> bool:
    """Whether an approach says of each pixel how likely each color is."""
    return isinstance(model.space, LabBins)


def uncertainty(logits: Tensor) -> Tensor:
    """Entropy of the distribution itself, at temperature 1, (B, Q, h, w) → (B, h, w): 0 one bin alone, 1 all bins alike."""
    log_probability = logits.float().log_softmax(1)
    return (-(log_probability.exp() * log_probability).sum(1) / math.log(logits.shape[1])).clamp(0, 1)


def sample_ab(logits: Tensor, *, temperature: float, seed: int, num_images: int = 1) -> Iterator[Tensor]:
    """Different ab (2, h, w), CIE units, from the logits (313, h, w) of one photo, annealed by `temperature`.

    Each pixel's color is the mean of its distribution around a bin drawn from that very distribution. The first answers of a
    seed are the same however many are asked for.
    """
    probability = (logits.float() / temperature).softmax(0)
    centers = bins.bin_centers().to(logits.device)
    for uniforms in smooth_uniforms(*logits.shape[-2:], seed=seed, num=num_images):
        drawn = centers[draw_bins(probability, uniforms.to(logits.device))]
        distance = (drawn.square().sum(-1) - 2 * torch.einsum("qc,hwc->qhw", centers, drawn)) + (
            centers.square().sum(-1)[:, None, None]
        )
        weights = probability * (-distance / (2 * SIGMA**2)).exp()
        yield torch.einsum("qhw,qc->chw", weights / weights.sum(0), centers)


def draw_bins(probability: Tensor, uniforms: Tensor) -> Tensor:
    """One bin a pixel (h, w), distributed as `probability` (313, h, w), by uniforms (2, h, w).

    The first uniform chooses the row of the bins, which is a*, from green to red, the second the place in the row, which is
    b*, from blue to yellow.
    """
    cumulated = probability.cumsum(0)
    ends = torch.tensor(bins.row_ends(), device=probability.device)
    at_ends = F.pad(cumulated[ends], (0, 0, 0, 0, 1, 0))  # with a 0 before the first row
    row = (at_ends[1:-1] <= uniforms[:1] * at_ends[-1:]).sum(0, keepdim=True)
    low, high = at_ends.gather(0, row), at_ends.gather(0, row + 1)
    place = (cumulated <= low + uniforms[1:] * (high - low)).sum(0)
    # Rounding must not lead out of the row.
    return place.minimum(ends[row[0]])


def smooth_uniforms(height: int, width: int, *, seed: int, num: int) -> Iterator[Tensor]:
    """Pairs of numbers (2, height, width), uniform in 0…1 at each pixel, that change slowly over the photo; float32, CPU.

    Each is a Gaussian random field, put through the normal distribution function: a share that the whole photo has in
    common, for which the answers of a seed keep apart, and waves (Rahimi and Recht 2007). Fields are functions of the place
    in the photo, so that a seed means nearly the same at any resolution.
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
