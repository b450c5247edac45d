"""Color statistics of a dataset: mean colors, for the baselines, and the frequency of each color."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from accelerate.utils import gather_object
from torch import Tensor

from colorizer.data import PhotoDataset
from colorizer.data.photo_dataset import spread
from colorizer.photos.bins import NUM_BINS, bin_centers, bin_indices, rebalancing_weights
from colorizer.photos.color import rgb_to_lab
from colorizer.pipelines import processes

NUM_PHOTOS = 2000
"""Maximum number of photos to sample, spread over the dataset. It is enough: the mean colors of its halves differ by 0.3."""

NUM_LEVELS = 101

# λ = 0 would divide by 0 for bins far from any observed color; this is less than a thousandth of a pixel adds.
_ALMOST_NONE = 1e-9


@dataclass(frozen=True, eq=False)
class ColorStatistics:
    """Color statistics of a dataset.

    mean_ab: (2,), mean over all pixels, CIE units.
    ab_by_level: (101, 2), mean over the pixels of each lightness, L rounded to an integer; `mean_ab` without any.
    bin_counts: (313,), number of pixels per color bin.
    num_photos: number of photos sampled.
    """

    mean_ab: Tensor
    ab_by_level: Tensor
    bin_counts: Tensor
    num_photos: int

    def ab_of(self, lightness: Tensor) -> Tensor:
        """Return the mean ab for each pixel's lightness, (B, 1, H, W) → (B, 2, H, W)."""
        level = lightness[:, 0].round().clamp(0, NUM_LEVELS - 1).long()
        return self.ab_by_level.to(lightness.device)[level].movedim(-1, 1)

    def bin_weights(self) -> Tensor:
        """Return the weight of a pixel by the bin of its color that makes all colors count equally, (313,), float32.

        Zhang et al. 2016, section 3.1: equation 4 with λ = 0, the inverse of the smoothed distribution. A bin rarer
        than all observed ones gets the weight of the rarest of these, so that no single pixel outweighs a dataset.
        """
        weights = rebalancing_weights(self.bin_counts, bin_centers(), uniform=_ALMOST_NONE)
        return weights.clamp(max=float(weights[self.bin_counts > 0].max()))


def color_statistics(photos: PhotoDataset) -> ColorStatistics:
    """Compute the statistics of a dataset from at most `NUM_PHOTOS` of its photos, split across processes."""
    places = spread(NUM_PHOTOS, len(photos))
    sums = torch.zeros(NUM_LEVELS, 3, dtype=torch.float64)
    bins = torch.zeros(NUM_BINS, dtype=torch.float64)
    for photo_sums, photo_bins in _of_photos(photos, processes.share(places)):
        sums += photo_sums
        bins += photo_bins
    gathered = gather_object([(sums, bins)])
    sums, bins = (torch.stack(parts).sum(0) for parts in zip(*gathered, strict=True))
    mean_ab = sums[:, :2].sum(0) / sums[:, 2].sum()
    by_level = torch.where(sums[:, 2:] > 0, sums[:, :2] / sums[:, 2:].clamp(min=1), mean_ab)
    return ColorStatistics(mean_ab.float(), by_level.float(), bins, len(places))


def _of_photos(photos: PhotoDataset, places: list[int]) -> Iterable[tuple[Tensor, Tensor]]:
    """Yield, per photo, sums of a, b and 1 per lightness level, (101, 3), and pixel counts per bin, (313,)."""

    def describe(place: int) -> tuple[Tensor, Tensor]:
        lab = rgb_to_lab(photos.batch([place])["rgb"].float() / 255)
        level = lab[:, 0].round().clamp(0, NUM_LEVELS - 1).long().flatten()
        columns = [torch.bincount(level, channel.flatten().double(), NUM_LEVELS) for channel in lab[0, 1:]]
        sums = torch.stack([*columns, torch.bincount(level, minlength=NUM_LEVELS).double()], dim=1)
        return sums, torch.bincount(bin_indices(lab[:, 1:]).flatten(), minlength=NUM_BINS).double()

    with processes.photo_threads() as pool:
        yield from pool.map(describe, places)
