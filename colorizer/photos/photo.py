"""Photo type of the package: pixels and the metadata to return with them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from colorizer.photos.depth import eight_bits
from colorizer.photos.metadata.embedded import NO_METADATA, Metadata
from colorizer.photos.tones import is_toned, is_toned_jpeg


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo read by `read_photo`.

    samples: uint8, or of a photo of more than 8 bits uint16, (H, W, 3) or gray (H, W); sRGB unless `icc_profile` defines
        another RGB, turned upright according to the EXIF data.
    alpha: uint8 (H, W), or None if the photo has none.
    exif: EXIF block, with an orientation of 1 if it has one; None if there was none that can be read.
    icc_profile: the photo's own RGB profile, or None.
    name: name of the photo in messages: path, address or None.
    notes: remarks for the user on how it was read, such as "animated: the first of 12 frames".
    metadata: what else its file holds.
    chroma_step: levels to which a JPEG rounds the mean chroma of a block, 0 for other files.
    """

    samples: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    icc_profile: bytes | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()
    metadata: Metadata = NO_METADATA
    chroma_step: float = 0.0

    @cached_property
    def pixels(self) -> np.ndarray:
        """Pixels in 8 bits, uint8 (H, W, 3)."""
        levels = self.levels
        return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, 2)

    @property
    def levels(self) -> np.ndarray:
        """Samples in 8 bits, uint8 (H, W) or (H, W, 3). Those of a photo of 16 bits are computed at each call."""
        return self.samples if self.deep is None else eight_bits(self.deep)

    @property
    def deep(self) -> np.ndarray | None:
        """Samples in 16 bits, uint16 (H, W) or (H, W, 3), if that is what the photo has."""
        return self.samples if self.samples.dtype == np.uint16 else None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.samples.shape[1], self.samples.shape[0]

    @cached_property
    def is_gray(self) -> bool:
        """True if the photo is black-and-white or toned (sepia, cyanotype, …), so that its colors are not a ground truth."""
        if self.samples.ndim == 2:
            return True
        # Without keeping those of a large scan.
        pixels = self.levels
        if self.alpha is not None and not self.alpha.all():
            # Fully transparent pixels are invisible.
            pixels = np.where(self.alpha[..., None] > 0, pixels, 0).astype(np.uint8)
        return is_toned(pixels) or is_toned_jpeg(pixels, self.chroma_step)
