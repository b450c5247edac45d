"""Apply predicted chroma to a photo of any size: the photo keeps its own lightness.

The photo is processed in tiles that stay in the processor's cache, and the transfer curves come from 64k-entry tables. So
12 megapixels take a small fraction of the time of a conversion to Lab and back, and almost no extra memory.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from colorizer.errors import ColorizerError, check_number
from colorizer.photos.lightness import ROOTS, TILE, Luminance, Scratch, Tables, checked, tables, tiles
from colorizer.photos.photo import Photo
from colorizer.photos.profiles import LEVELS, photo_profile

MAX_SATURATION = 10.0

_TOLERANCE = 10.0  # colors this close outside sRGB (half a level at black, less elsewhere) count as inside
_BLAS_SIZE = 24576  # pixels; a product of this size is too small for BLAS to start threads of its own inside ours
_MAX_CHROMA = 1e6  # in ROOTS: far beyond any color, and small enough for indices
_BYTES = 256  # memory of a thread per pixel of its tile, if all of them are outside sRGB
_SMALLEST = 16384  # pixels: with smaller tiles threads mostly wait for each other
_HALVINGS = 10  # in the search for the edge of sRGB: to a thousandth of the predicted chroma


def merge_colors(pixels: Photo | np.ndarray, ab: Tensor | np.ndarray, *, saturation: float = 1.0) -> np.ndarray:
    """Color `pixels` with `ab`, keeping their own lightness.

    `pixels` is a photo, whose colors are made in the space of its profile, or uint8 sRGB, (H, W, 3); only its lightness is
    used. `ab` is CIE a*, b*, (2, h, w) of any size: it is upsampled
    bilinearly (antialiased where it is larger than the photo) and multiplied by `saturation`, 0…10. Where a color would leave
    sRGB, its chroma shrinks until it fits, at the same lightness and hue, also in a wider space, so that a photo looks the
    same in all. Returns uint8, (H, W, 3). Uses as many threads as torch.

    Raises PhotoError for pixels of another shape or type, ColorizerError for an `ab` that isn't (2, h, w) finite numbers or
    a saturation out of range.
    """
    curves = tables(photo_profile(pixels))
    pixels = checked(pixels.pixels if isinstance(pixels, Photo) else pixels)
    saturation = check_number("saturation", saturation, 0.0, MAX_SATURATION)
    ab = _prepare_ab(ab, pixels.shape[:2])
    merged = np.empty(pixels.shape, np.uint8)
    # As many threads, and tiles as large, as fit into twice the photo's own bytes; a small photo still gets one full tile.
    affordable = max(2 * pixels.nbytes // _BYTES, TILE)
    threads = min(torch.get_num_threads(), affordable // _SMALLEST)
    tile = min(affordable // threads, TILE)
    windows = tiles(*pixels.shape[:2], tile)
    threads = min(threads, len(windows))

    def merge_share(share: list[tuple[slice, slice]]) -> None:
        painter = _Painter(pixels, ab, saturation, merged, tile, curves)
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


class _Interpolation:
    """Linear interpolation along one axis of (2, h, w) from `source` samples to `target` >= `source`, centers aligned."""

    axis: int

    def __init__(self, source: int, target: int):
        self.is_identity = source == target
        self._source, self._target = source, target
        self._window: slice | None = None

    def crop(self, samples: np.ndarray, window: slice) -> np.ndarray:
        """Choose `window` of the target for the next call, and return the samples that it needs."""
        span = window
        if not self.is_identity:
            if window != self._window:
                self._choose(window)
            span = slice(self.first, self.first + self.high[-1] + 1)
        return samples[(slice(None),) * self.axis + (span,)]

    def _choose(self, window: slice) -> None:
        # Per window, since a side may have millions of pixels.
        position = (np.arange(window.start, window.stop) + 0.5) * (self._source / self._target) - 0.5
        position.clip(0, self._source - 1, out=position)
        low = position.astype(np.intp)
        self.first = low[0]
        self.low = low - self.first
        self.high = np.minimum(low + 1, self._source - 1) - self.first
        self.fraction = (position - low).astype(np.float32)
        self._window = window


class _Columns(_Interpolation):
    axis = 2

    def __call__(self, cropped: np.ndarray, scratch: Scratch) -> np.ndarray:
        """Interpolate the chosen columns of the target from the samples that `crop` returned."""
        if self.is_identity:
            return cropped
        shape = (2, cropped.shape[1], len(self.low))
        values, step = scratch("columns", shape), scratch("step", shape)
        cropped.take(self.low, 2, out=values, mode="clip")
        cropped.take(self.high, 2, out=step, mode="clip")
        step -= values
        step *= self.fraction
        values += step
        return values


class _Rows(_Interpolation):
    axis = 1

    def __call__(self, cropped: np.ndarray, scratch: Scratch) -> np.ndarray:
        """Interpolate the chosen rows of the target from the samples that `crop` returned."""
        if self.is_identity:
            return cropped
        low, fraction = self.low, self.fraction[:, None]
        values = scratch("rows", (2, len(low), cropped.shape[2]))
        # Process rows between the same two samples together: fewer passes than gathering both for every row.
        for begin, end in pairwise([0, *np.flatnonzero(np.diff(low)) + 1, len(low)]):
            first = cropped[:, low[begin], None]
            second = cropped[:, min(low[begin] + 1, cropped.shape[1] - 1), None]
            np.multiply(second - first, fraction[begin:end], out=values[:, begin:end])
            values[:, begin:end] += first
        return values


class _Painter:
    """One thread's part of a merge."""

    def __init__(
        self, pixels: np.ndarray, ab: np.ndarray, saturation: float, merged: np.ndarray, tile: int, curves: Tables
    ):
        self.curves = curves
        self.pixels, self.ab, self.merged, self.tile = pixels, ab, merged, tile
        # a* is added to the cube root of X, b* subtracted from that of Z.
        self.scale = np.float32([[[ROOTS * saturation / 500]], [[-ROOTS * saturation / 200]]])
        self.rows = _Rows(ab.shape[1], pixels.shape[0])
        self.columns = _Columns(ab.shape[2], pixels.shape[1])
        self.luminance = Luminance(pixels, curves)
        self.scratch = Scratch()
        # Colors outside sRGB need a search of a hundred calls, for few pixels or many, so they are collected first.
        self.outsiders: list[tuple[np.ndarray, ...]] = []
        self.num_outsiders = 0

    def paint(self, down: slice, across: slice) -> None:
        """Color the pixels of one tile; those outside sRGB follow in `paint_outsiders`."""
        scratch = self.scratch
        ab = self.columns.crop(self.rows.crop(self.ab, down), across)
        chroma = np.multiply(ab, self.scale, out=scratch("chroma", ab.shape))
        chroma.clip(-_MAX_CHROMA, _MAX_CHROMA, out=chroma)
        chroma = self.rows(self.columns(chroma, scratch), scratch)
        plane = chroma.shape[1:]
        chroma = chroma.reshape(2, -1)
        size = chroma.shape[1:]

        index = self.luminance(down, across, scratch)
        luminance, root = scratch("luminance", size), scratch("root", size)
        np.copyto(luminance, index, casting="unsafe")
        self.curves.root.take(index, out=root, mode="clip")
        linear = self._linear(root, luminance, chroma)
        if not (self.curves.holds_srgb and linear.min() >= -_TOLERANCE and linear.max() <= LEVELS + _TOLERANCE):
            outside = np.flatnonzero(~self._is_inside(linear))
            y, x = np.divmod(outside, plane[1])
            place = (down.start + y) * self.pixels.shape[1] + across.start + x
            self.outsiders.append((place, root[outside], luminance[outside], chroma[:, outside]))
            self.num_outsiders += len(outside)

        merged = self.merged[down, across]
        for channel, levels in self._levels(linear):
            np.copyto(merged[..., channel], levels.reshape(plane))
        if self.num_outsiders >= self.tile:
            self.paint_outsiders()

    def paint_outsiders(self) -> None:
        """Color the collected pixels with as much of their chroma as fits into sRGB."""
        if not self.outsiders:
            return
        place, root, luminance, chroma = (np.concatenate(parts, axis=-1) for parts in zip(*self.outsiders, strict=True))
        self.outsiders, self.num_outsiders = [], 0
        # Bisection, since the path to the edge may bend: dark colors keep a hundredth of their chroma, light ones most of it.
        share = np.zeros(len(place), np.float32)  # the gray of this lightness is always inside
        step = np.float32(1)
        more, part = self.scratch("more", share.shape), self.scratch("part", chroma.shape)
        for _ in range(_HALVINGS):
            step /= 2
            np.add(share, step, out=more)
            np.multiply(chroma, more, out=part)
            np.copyto(share, more, where=self._is_inside(self._linear(root, luminance, part)))
        linear = self._linear(root, luminance, np.multiply(chroma, share, out=part))
        merged = self.merged.reshape(-1, 3)
        for channel, levels in self._levels(linear):
            merged[place, channel] = levels

    def _linear(self, root: np.ndarray, luminance: np.ndarray, chroma: np.ndarray) -> np.ndarray:
        """Compute linear sRGB in 65535ths, (3, n), from Y's cube root (n), chroma (2, n) in `ROOTS`ths, Y in 65535ths (n)."""
        scratch, size = self.scratch, root.shape
        xyz, roots = scratch("xyz", (3, *size)), scratch("roots", size)
        xyz[1] = luminance
        for axis, shift in ((0, chroma[0]), (2, chroma[1])):
            np.add(root, shift, out=roots)
            self.curves.cube.take(self._truncate(roots), out=xyz[axis], mode="clip")
        return self._multiply(self.curves.matrix, xyz, "linear")

    def _multiply(self, matrix: np.ndarray, channels: np.ndarray, name: str) -> np.ndarray:
        product = self.scratch(name, channels.shape)
        for start in range(0, channels.shape[1], _BLAS_SIZE):
            part = slice(start, start + _BLAS_SIZE)
            np.matmul(matrix, channels[:, part], out=product[:, part])
        return product

    def _own(self, linear: np.ndarray) -> np.ndarray:
        """Convert linear sRGB to the linear light of the photo's space, (3, n)."""
        if self.curves.from_srgb is None:
            return linear
        own = self._multiply(self.curves.from_srgb, linear, "own")
        # They are truncated to indices, and with a curve that is steep at black, a step is a level: round.
        own += 0.5
        return own

    def _is_inside(self, linear: np.ndarray) -> np.ndarray:
        """Return a mask (n) of the colors of linear sRGB (3, n) inside sRGB and the photo's space."""
        is_inside = _is_inside(linear)
        if not self.curves.holds_srgb:
            is_inside &= _is_inside(self._own(linear))
        return is_inside

    def _levels(self, linear: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield each channel and its levels, uint8 (n), of linear sRGB (3, n) in 65535ths."""
        levels = self.scratch("levels", linear.shape[1:], np.uint8)
        for channel, light in enumerate(self._own(linear)):
            yield channel, self.curves.levels[channel].take(self._truncate(light), out=levels, mode="clip")

    def _truncate(self, numbers: np.ndarray) -> np.ndarray:
        """Truncate `numbers` to integers of the index type, in an array that the next call overwrites."""
        # Via int32, since processors have an instruction for that and none for int64.
        whole = self.scratch("whole", numbers.shape, np.int32)
        np.copyto(whole, numbers, casting="unsafe")
        index = self.scratch("index", numbers.shape, np.intp)
        np.copyto(index, whole)
        return index


def _is_inside(linear: np.ndarray) -> np.ndarray:
    """Return a mask (n) of the colors (3, n) between black and white in each channel."""
    is_inside = linear.min(0) >= -_TOLERANCE
    is_inside &= linear.max(0) <= LEVELS + _TOLERANCE
    return is_inside
