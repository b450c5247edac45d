"""Random color hints like those of a user, drawn from photos with known colors.

Zhang et al., "Real-Time User-Guided Image Colorization with Learned Deep Priors", SIGGRAPH 2017, section 3.1, "Simulating
user interactions".
"""

import math

import torch
from torch import Tensor

from colorizer.data.augmentation import photo_seeds, uniforms
from colorizer.photos.color import rgb_to_lab

END_PROBABILITY = 1 / 8
"""Probability that no further point follows: 7 points on average, none for an eighth of the photos."""
MAX_PATCH = 9
REVEALED_SHARE = 0.01
"""Share of photos with all colors given, so that the network learns to keep given colors."""
SPREAD = 1 / 4
"""Standard deviation of a point's position, in sides of the photo: people click near the center."""


def simulate_hints(rgb: Tensor, seeds: list[int], *, num_points: int | None = None, share: float = 1.0) -> Tensor:
    """Draw hints (B, 3, H, W), CIE a*, b* and a mask of 0 and 1, from photos, sRGB in 0…1 (B, 3, H, W).

    Each photo gets a geometrically distributed number of points. A point gives the mean ab of a square patch of 1…9 pixels
    per side, normally distributed around the photo's center; where two overlap, the later one counts. One photo in a hundred
    gets all of its colors.

    Args:
        seeds: one per photo, from `photo_seeds`; the same seed always gives the same points. The seeds of `augment` can be
            reused.
        num_points: fixed number of points for every photo, instead of a random one.
        share: share of the photos, 0…1, that get any points.
    """
    # A different random stream than that of `augment` with the same seeds.
    seeds = photo_seeds(1, 0, seeds)
    first = uniforms(seeds, 2)
    is_hinted = uniforms(photo_seeds(2, 0, seeds), 1)[:, 0] < share
    if num_points is None:
        counts = (torch.log1p(-first[:, 0]) / math.log1p(-END_PROBABILITY)).long()
        is_revealed = first[:, 1] < REVEALED_SHARE
    else:
        counts = torch.full((len(rgb),), num_points)
        is_revealed = torch.zeros(len(rgb), dtype=torch.bool)
    counts, is_revealed = counts * is_hinted, is_revealed & is_hinted
    # The random numbers for a photo's points don't depend on the number of points of other photos in the batch.
    most = int(counts.max())
    draws = uniforms(seeds, 2 + 3 * most)[:, 2:].view(len(rgb), most, 3)
    ab = rgb_to_lab(rgb)[:, 1:]
    side, top, left = (places.to(rgb.device) for places in _squares(draws, *rgb.shape[-2:]))
    colors = _mean_colors(ab, side, top, left)
    owner = _last_square(counts.to(rgb.device), side, top, left, *rgb.shape[-2:])
    # Number 0, for pixels in no square, has no color.
    colors = torch.cat((torch.zeros_like(ab[:, :, 0, :1]), colors), 2)
    given = colors.gather(2, owner.flatten(1)[:, None].expand(-1, 2, -1)).view_as(ab)
    is_revealed = is_revealed.to(rgb.device)[:, None, None, None]
    mask = (owner > 0)[:, None] | is_revealed
    return torch.cat((torch.where(is_revealed, ab, given), mask.to(ab.dtype)), 1)


def _squares(draws: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Turn draws (B, N, 3), uniform in 0…1, into side, top and left of squares inside the photo, (B, N) each."""
    side = 1 + (draws[..., 0] * min(MAX_PATCH, height, width)).long()
    normal = torch.special.ndtri(draws[..., 1:].clamp(min=2.0**-54))
    top, left = (
        ((length - side) * (0.5 + SPREAD * normal[..., axis])).round().clamp(min=0).long().minimum(length - side)
        for axis, length in enumerate((height, width))
    )
    return side, top, left


def _mean_colors(ab: Tensor, side: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Return the mean of ab (B, 2, H, W) in each square, (B, 2, N)."""
    batch, _, height, width = ab.shape
    # Integral image: the sum over any rectangle combines four of its values.
    sums = torch.zeros(batch, 2, height + 1, width + 1, dtype=torch.float64, device=ab.device)
    sums[..., 1:, 1:] = ab.double().cumsum(-1).cumsum(-2)

    def up_to(row: Tensor, column: Tensor) -> Tensor:
        place = row * (width + 1) + column
        return sums.flatten(2).gather(2, place[:, None].expand(-1, 2, -1))

    bottom, right = top + side, left + side
    total = up_to(bottom, right) - up_to(top, right) - up_to(bottom, left) + up_to(top, left)
    return (total / side[:, None] ** 2).to(ab.dtype)


def _last_square(counts: Tensor, side: Tensor, top: Tensor, left: Tensor, height: int, width: int) -> Tensor:
    """Return the number of the last square that covers each pixel, counted from 1, or 0 for none: (B, H, W)."""
    batch, most = side.shape
    steps = torch.arange(MAX_PATCH, device=side.device)
    down, across = steps.view(1, 1, -1, 1), steps.view(1, 1, 1, -1)
    side, top, left = (places[..., None, None] for places in (side, top, left))
    number = torch.arange(1, most + 1, device=side.device).view(1, -1, 1, 1)
    covers = (down < side) & (across < side) & (number <= counts.view(-1, 1, 1, 1))
    place = ((top + down) * width + left + across).where(covers, 0)
    owner = torch.zeros(batch, height * width, dtype=torch.long, device=side.device)
    # The maximum, unlike a plain scatter, does not depend on the order in which a GPU writes.
    owner.scatter_reduce_(1, place.flatten(1), (number * covers).flatten(1), "amax")
    return owner.view(batch, height, width)
