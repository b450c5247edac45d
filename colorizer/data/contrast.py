"""Contrast augmentation of a batch: stretching and two equalizations of the lightness, with unchanged colors.

The three methods are those of scikit-image's `exposure` module. Each is a table from a photo's lightness levels to new ones,
or a grid of such tables, and one sampler applies them all.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from colorizer.photos.color import lab_to_rgb, rgb_to_lab

NUM_LEVELS = 256
NUM_TILES = 8  # per axis
CLIP_LIMIT = 0.01  # largest share of a tile's pixels on one level, so that noise in plain tiles is not amplified
PERCENTILES = 0.02, 0.98


def change_contrast(rgb: Tensor, kinds: Tensor) -> Tensor:
    """Change the contrast of each photo, sRGB in 0…1 (B, 3, H, W), by kinds (B,): 0 adaptive, 1 stretched, 2 equalized.

    * adaptive: contrast-limited adaptive histogram equalization (Zuiderveld 1994) over 8×8 tiles, clip limit 0.01.
    * stretched: the 2nd and 98th percentiles of the lightness become 0 and 100.
    * equalized: all lightness levels become equally frequent.
    """
    lab = rgb_to_lab(rgb)
    # A 1-pixel photo has one tile.
    num_tiles = min(NUM_TILES, *rgb.shape[-2:])
    tiles = _histograms(lab[:, 0], num_tiles)
    whole = tiles.sum((1, 2), keepdim=True)
    kinds = kinds.to(rgb.device).view(-1, 1, 1, 1)
    tables = torch.where(kinds == 0, _adaptive(tiles), torch.where(kinds == 1, _stretched(whole), _equalized(whole)))
    return lab_to_rgb(torch.cat((100 * _apply_tables(lab[:, :1] / 100, tables), lab[:, 1:]), 1))


def _histograms(lightness: Tensor, num_tiles: int) -> Tensor:
    """Count the pixels of each tile on each level: L (B, H, W) → (B, tiles, tiles, levels)."""
    batch, height, width = lightness.shape
    level = (lightness * (NUM_LEVELS / 100)).long().clamp(0, NUM_LEVELS - 1)
    photo, row, column = (torch.arange(size, device=lightness.device) for size in (batch, height, width))
    row, column = row * num_tiles // height, column * num_tiles // width
    tile = (photo[:, None, None] * num_tiles + row[None, :, None]) * num_tiles + column
    counts = torch.bincount((tile * NUM_LEVELS + level).flatten(), minlength=batch * num_tiles**2 * NUM_LEVELS)
    return counts.view(batch, num_tiles, num_tiles, NUM_LEVELS).float()


def _equalized(histograms: Tensor) -> Tensor:
    """Return tables of new levels in 0…1: the share of pixels that are no lighter."""
    return histograms.cumsum(-1) / histograms.sum(-1, keepdim=True)


def _adaptive(histograms: Tensor) -> Tensor:
    pixels = histograms.sum(-1, keepdim=True)
    limit = (CLIP_LIMIT * pixels).floor().clamp(min=1)
    clipped = histograms.minimum(limit)
    return _equalized(clipped + (pixels - clipped.sum(-1, keepdim=True)) / NUM_LEVELS)


def _stretched(histograms: Tensor) -> Tensor:
    shares = _equalized(histograms)
    # The number of levels with a cumulative share below the percentile is the level of the percentile.
    low, high = ((shares < share).sum(-1, keepdim=True) for share in PERCENTILES)
    levels = torch.arange(NUM_LEVELS, device=shares.device)
    # A plain photo, all on one level, has nothing to stretch: its level stays.
    return torch.where(high > low, (levels - low) / (high - low).clamp(min=1), levels / (NUM_LEVELS - 1)).clamp(0, 1)


def _apply_tables(levels: Tensor, tables: Tensor) -> Tensor:
    """Map levels in 0…1 (B, 1, H, W) by tables (B, rows, columns, levels), linearly between levels and between tiles."""
    height, width = levels.shape[-2:]
    across, down = ((2 * torch.arange(size, device=levels.device) + 1) / size - 1 for size in (width, height))
    level = 2 * levels[:, 0] - 1
    grid = torch.stack((level, across.expand_as(level), down[:, None].expand_as(level)), -1)
    # As a volume whose last axis is the level: grid_sample's x, y, z are then level, column, row.
    return F.grid_sample(tables[:, None], grid[:, None], mode="bilinear", padding_mode="border", align_corners=False)[
        :, :, 0
    ]
