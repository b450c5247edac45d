"""The 313 bins of the ab plane: soft encoding, rebalancing weights and the annealed mean.

Zhang, Isola and Efros, "Colorful Image Colorization", ECCV 2016, sections 2.1–2.3.
"""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

GRID = 10
"""Spacing of the bin centers in CIE ab units."""

# (a, lowest b, highest b) of each row: the 313 grid points nearest to the sRGB gamut (the outermost is 13.0 away, so every
# color lies well inside the bins). test_bins.py derives the rows from the gamut again.
_ROWS = (
    (-90, 50, 90), (-80, 20, 90), (-70, 0, 90), (-60, -20, 100), (-50, -30, 100), (-40, -40, 100), (-30, -50, 100),
    (-20, -50, 100), (-10, -60, 100), (0, -70, 100), (10, -80, 90), (20, -80, 90), (30, -90, 90), (40, -100, 80),
    (50, -100, 80), (60, -110, 80), (70, -110, 80), (80, -110, 80), (90, -110, 70), (100, -80, -10), (110, -60, -60),
)  # fmt: skip

NUM_BINS = sum((high - low) // GRID + 1 for _, low, high in _ROWS)


def bin_centers() -> Tensor:
    """Return the ab centers of the bins, (313, 2), in CIE units, ordered by a, then b; always on the CPU."""
    rows = [(a, b) for a, low, high in _ROWS for b in range(low, high + 1, GRID)]
    return torch.tensor(rows, dtype=torch.float32, device="cpu")


def row_ends() -> list[int]:
    """Return the index of the last bin in each row of equal a, in the order of `bin_centers`."""
    lengths = ((high - low) // GRID + 1 for _, low, high in _ROWS)
    return [end - 1 for end in itertools.accumulate(lengths)]


def nearest_bins(ab: Tensor, centers: Tensor, num: int = 1) -> tuple[Tensor, Tensor]:
    """Find the `num` bins nearest to each pixel's ab (B, 2, H, W): squared distances and indices, each (B, num, H, W)."""
    points = ab.permute(0, 2, 3, 1)
    # |p − c|² = |p|² − 2 p·c + |c|² needs one matrix product instead of a (pixels × bins × 2) difference.
    distance = points.square().sum(-1, keepdim=True) - 2 * points @ centers.T + centers.square().sum(-1)
    nearest = distance.topk(num, dim=-1, largest=False)
    return nearest.values.clamp(min=0).permute(0, 3, 1, 2), nearest.indices.permute(0, 3, 1, 2)


def bin_indices(ab: Tensor) -> Tensor:
    """Find the bin nearest to each pixel's ab (B, 2, H, W), int64 (B, H, W), mostly without a search.

    The bins are points of a grid, so rounding finds the nearest one. All bins are searched only where the rounded point is
    not a bin, at the rim of the gamut.
    """
    centers = bin_centers().to(ab)
    reach = int(centers.abs().max()) // GRID
    places = (centers / GRID).long() + reach
    side = 2 * reach + 1
    table = torch.full((side * side,), -1, dtype=torch.int64, device=ab.device)
    table[places[:, 0] * side + places[:, 1]] = torch.arange(NUM_BINS, device=ab.device)
    cell = (ab / GRID).round_().clamp_(-reach, reach).long() + reach
    index = table[cell[:, 0] * side + cell[:, 1]]
    is_outside = index < 0
    if is_outside.any():
        points = ab.movedim(1, -1)[is_outside]
        index[is_outside] = nearest_bins(points.T[None, :, :, None], centers)[1][0, 0, :, 0]
    return index


def soft_encode(ab: Tensor, centers: Tensor, *, num_neighbors: int = 5, sigma: float = 5.0) -> Tensor:
    """Encode each pixel's ab (B, 2, H, W) as a distribution over the bins, (B, Q, H, W).

    The `num_neighbors` nearest bins are weighted by a Gaussian of their distance, `sigma` in CIE units (section 2.1).
    """
    distance, index = nearest_bins(ab, centers, num_neighbors)
    weights = torch.softmax(-distance / (2 * sigma**2), dim=1)
    batch, _, height, width = ab.shape
    return ab.new_zeros(batch, len(centers), height, width).scatter_(1, index, weights)


def rebalancing_weights(counts: Tensor, centers: Tensor, *, uniform: float = 0.5, sigma: float = 5.0) -> Tensor:
    """Compute class-rebalancing weights (Q,), larger for rare colors, from each bin's pixel count in the training set (Q,).

    The empirical distribution is smoothed with a Gaussian of `sigma` over the ab plane, mixed with the uniform one
    (`uniform` is the paper's λ), inverted, and scaled so that the expected weight under the smoothed distribution is 1
    (section 2.2, equation 4).
    """
    prior = counts.double() / counts.sum()
    kernel = torch.exp(-torch.cdist(centers.double(), centers.double()).square() / (2 * sigma**2))
    # Each bin spreads its whole mass over the existing bins, so that none is lost at the rim of the gamut.
    smooth = prior @ (kernel / kernel.sum(1, keepdim=True))
    weights = 1 / ((1 - uniform) * smooth + uniform / len(centers))
    return (weights / (weights * smooth).sum()).to(centers.dtype)


def annealed_mean(logits: Tensor, centers: Tensor, temperature: float = 0.38) -> Tensor:
    """Decode logits (B, Q, h, w) to ab (B, 2, h, w): the mean of the distribution sharpened by `temperature` (equation 5).

    A temperature of 1 gives the mean, which is dull; values near 0 give the mode, which is speckled. The paper uses 0.38.
    """
    scaled = logits.float() / temperature
    weights = (scaled - scaled.amax(1, keepdim=True)).exp()
    # Weighted sums of a and b and the sum of weights by one 1×1 convolution: a softmax along the channels is slow.
    columns = torch.cat((centers, torch.ones_like(centers[:, :1])), 1).T.to(weights.dtype)
    sums = F.conv2d(weights, columns[:, :, None, None])
    return sums[:, :2] / sums[:, 2:]


def draw_bins(probability: Tensor, uniforms: Tensor) -> Tensor:
    """Draw one bin per pixel (h, w) from `probability` (313, h, w), using uniforms (2, h, w).

    The first uniform chooses the row of bins: a*, from green to red. The second chooses the position in the row: b*, from
    blue to yellow.
    """
    cumulated = probability.cumsum(0)
    ends = torch.tensor(row_ends(), device=probability.device)
    at_ends = F.pad(cumulated[ends], (0, 0, 0, 0, 1, 0))  # with a 0 before the first row
    row = (at_ends[1:-1] <= uniforms[:1] * at_ends[-1:]).sum(0, keepdim=True)
    low, high = at_ends.gather(0, row), at_ends.gather(0, row + 1)
    place = (cumulated <= low + uniforms[1:] * (high - low)).sum(0)
    # Rounding must not lead out of the row.
    return place.minimum(ends[row[0]])
