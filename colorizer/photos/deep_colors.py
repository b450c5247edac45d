"""Colors of a photo of 16 bits that are made a few rows at a time, when a file is written."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from colorizer.photos.merging import merge_colors
from colorizer.photos.photo import Photo


@dataclass(frozen=True, eq=False)
class DeepColors:
    """Merge of a photo with `ab` (see `merge_colors`); a slice of it has these rows, uint16 (h, W, 3).

    checksum: checksum of the image in 8 bits that belongs to it.
    """

    photo: Photo
    ab: Tensor | np.ndarray
    saturation: float
    checksum: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return *self.photo.size[::-1], 3

    def __getitem__(self, rows: slice) -> np.ndarray:
        rows = slice(*rows.indices(self.shape[0]))
        return merge_colors(self.photo, self.ab, saturation=self.saturation, rows=rows)


@dataclass(frozen=True, eq=False)
class WithAlpha:
    """Colors, uint16 (H, W, 3), and alpha, uint8 (H, W); a slice has these rows, uint16 (h, W, 4)."""

    colors: DeepColors | np.ndarray
    alpha: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return *self.alpha.shape, 4

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.dstack([self.colors[rows], self.alpha[rows].astype(np.uint16) * 257])
