"""Apply predicted chroma to a photo of any size: the photo keeps its own lightness.

The photo is processed in tiles that stay in the processor's cache. Cubes are computed, and the transfer curves come from
64k-entry tables: a look-up takes as long as five products. So 12 megapixels take a small fraction of the time of a conversion
to Lab and back, and almost no extra memory.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.errors import ColorizerError, check_number
from colorizer.photos.lightness import TILE, measured_samples, tiles
from colorizer.photos.painting import Painter, WidePainter
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import photo_profile

MAX_SATURATION = 10.0

_BYTES = 400  # memory of a thread per pixel of its tile, if all of them are outside sRGB
_TILES = 4  # of a window, for which chroma is upsampled to the photo's columns
_SMALLEST = 16384  # pixels: with smaller tiles threads mostly wait for each other


def merge_colors(
    pixels: Photo | np.ndarray, ab: Tensor | np.ndarray, *, saturation: float = 1.0, rows: slice | None = None
) -> np.ndarray:
    """Color `pixels` with `ab`, keeping their own lightness.

    `pixels` is a photo, whose colors are made in the space of its profile, or uint8 sRGB, (H, W, 3); only its lightness is
    used. `ab` is CIE a*, b*, (2, h, w) of any size: it is upsampled bilinearly (antialiased where it is larger than the photo)
    and multiplied by `saturation`, 0…10. Where a color would leave sRGB, its chroma shrinks until it fits, at the same
    lightness and hue, also in a wider space, so that a photo looks the same in all. Returns uint8, (H, W, 3), or uint16 for a
    photo of 16 bits; with `rows`, from start to stop, only these. Uses as many threads as torch.

    Raises PhotoError for pixels of another shape or type, ColorizerError for an `ab` that isn't (2, h, w) finite numbers or
    a saturation out of range.
    """
    profile, pixels = photo_profile(pixels), measured_samples(pixels)
    painter_class = Painter if pixels.dtype == np.uint8 else WidePainter
    saturation = check_number("saturation", saturation, 0.0, MAX_SATURATION)
    ab = _prepare_ab(ab, pixels.shape[:2])
    first, last = (0, len(pixels)) if rows is None else (rows.start, rows.stop)
    merged = np.empty((last - first, pixels.shape[1], 3), pixels.dtype)
    # As many threads, and tiles as large, as fit into twice the photo's own bytes; a small photo still gets one full tile.
    affordable = max(2 * merged.size // _BYTES, TILE)
    threads = min(torch.get_num_threads(), affordable // _SMALLEST)
    tile = min(affordable // threads, TILE)
    windows = tiles(*merged.shape[:2], _TILES * tile)
    threads = min(threads, len(windows))

    def merge_share(share: list[tuple[slice, slice]]) -> None:
        painter = painter_class(pixels, ab, saturation, merged, first, tile, profile)
        for window in share:
            painter.paint(*window)
        painter.paint_outsiders()

    if threads == 1:
        merge_share(windows)
    else:
        with ThreadPoolExecutor(threads) as pool:
            # Collecting the results raises an error from a thread here.
            list(pool.map(merge_share, [windows[k::threads] for k in range(threads)]))
    return merged


def gray_pixels(pixels: Photo | np.ndarray) -> np.ndarray:
    """Remove the color of a photo or of uint8 sRGB, (H, W, 3): the gray of the same lightness, all that networks get."""
    if isinstance(pixels, Photo):
        pixels = replace(pixels, samples=pixels.levels)
    return merge_colors(pixels, np.zeros((2, 1, 1), np.float32))


def _prepare_ab(ab: Tensor | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return `ab` as float32, (2, h, w), downsampled where it is larger than the photo."""
    ab = torch.as_tensor(ab).detach().to("cpu", torch.float32)
    if ab.ndim != 3 or ab.shape[0] != 2 or ab.numel() == 0:
        raise ColorizerError(f"expected ab as (2, height, width), got {tuple(ab.shape)}")
    # Unlike isfinite on all values, the extremes (which include NaN) take no memory.
    if not all(torch.isfinite(extreme) for extreme in ab.aminmax()):
        raise ColorizerError("the predicted ab has values that are not finite; is the checkpoint damaged?")
    reduced = min(ab.shape[1], size[0]), min(ab.shape[2], size[1])
    if reduced != tuple(ab.shape[1:]):
        ab = functional.interpolate(ab[None], reduced, mode="bilinear", antialias=True)[0]
    return ab.numpy()
