"""Paint tiles of a photo with predicted chroma, in 8 bits by tables or in 16 bits by arithmetic: the threads of a merge."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np

from colorizer.photos.color import RGB_TO_XYZ
from colorizer.photos.lightness import BLACK, EDGE, ROOT, Luminance, Scratch, lab_root, tables
from colorizer.photos.profiles import LEVELS, RgbProfile, srgb_decoded

_BLAS_SIZE = 20480  # pixels; a product of this size is too small for BLAS to start threads of its own inside ours
_MAX_CHROMA = (
    100.0  # added to a cube root, which is at most 3: far beyond any color, and its cube small enough for indices
)
_TANGENT = np.float32(1 / 3**0.5)  # root from which on a cube is steeper than 1
_HALVINGS = 10  # in the search for the edge of sRGB: to a thousandth of the predicted chroma


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

    def __call__(self, cropped: np.ndarray, part: slice, scratch: Scratch) -> np.ndarray:
        """Interpolate a part of the chosen rows of the target, counted from the first, from the samples of `crop`."""
        if self.is_identity:
            return cropped[:, part]
        low, fraction = self.low[part], self.fraction[part, None]
        values = scratch("rows", (2, len(low), cropped.shape[2]))
        # Process rows between the same two samples together: fewer passes than gathering both for every row.
        for begin, end in pairwise([0, *np.flatnonzero(np.diff(low)) + 1, len(low)]):
            first = cropped[:, low[begin], None]
            second = cropped[:, min(low[begin] + 1, cropped.shape[1] - 1), None]
            np.multiply(second - first, fraction[begin:end], out=values[:, begin:end])
            values[:, begin:end] += first
        return values


class Painter:
    """One thread's part of a merge, in 8 bits."""

    edge = EDGE + 0.5  # counted from there, light is rounded where it is truncated to indices of `levels`

    def __init__(
        self,
        pixels: np.ndarray,
        ab: np.ndarray,
        saturation: float,
        merged: np.ndarray,
        first: int,
        tile: int,
        profile: RgbProfile | None,
    ):
        """`merged` is to have the photo's rows from the `first` on."""
        self.curves = tables(profile)
        self.pixels, self.ab, self.merged, self.first, self.tile = pixels, ab, merged, first, tile
        # a* is added to the cube root of X, b* subtracted from that of Z.
        self.scale = np.float32([[[saturation / 500 / ROOT]], [[-saturation / 200 / ROOT]]])
        self.rows = _Rows(ab.shape[1], pixels.shape[0])
        self.columns = _Columns(ab.shape[2], pixels.shape[1])
        # Light is counted from the lowest that is inside. As bits, negative numbers are above all others, so that one
        # comparison finds both ends.
        self.matrix = np.column_stack([self.curves.matrix, np.full(3, self.edge, np.float32)])
        self.highest = np.float32(LEVELS + 2 * self.edge).view(np.uint32)
        self.prepare(profile)
        self.scratch = Scratch()
        # Colors outside sRGB need a search of a hundred calls, for few pixels or many, so they are collected first.
        self.outsiders: list[tuple[np.ndarray, ...]] = []
        self.num_outsiders = 0

    def prepare(self, profile: RgbProfile | None) -> None:
        """Set up `measure`, which computes the cube root of a window's Y, and Y in 65535ths."""
        self.measure = Luminance(self.pixels, self.curves)

    def paint(self, down: slice, across: slice) -> None:
        """Color the pixels of one window of `merged`, tile by tile; those outside sRGB follow in `paint_outsiders`."""
        scratch = self.scratch
        down = slice(self.first + down.start, self.first + down.stop)
        ab = self.columns.crop(self.rows.crop(self.ab, down), across)
        chroma = np.multiply(ab, self.scale, out=scratch("chroma", ab.shape))
        chroma.clip(-_MAX_CHROMA, _MAX_CHROMA, out=chroma)
        chroma = self.columns(chroma, scratch)
        height, width = down.stop - down.start, across.stop - across.start
        step = max(1, self.tile // width)
        for top in range(0, height, step):
            part = slice(top, min(top + step, height))
            self._paint_tile(slice(down.start + top, down.start + part.stop), across, self.rows(chroma, part, scratch))

    def _paint_tile(self, down: slice, across: slice, chroma: np.ndarray) -> None:
        scratch, plane, first = self.scratch, chroma.shape[1:], down.start - self.first
        root, xyz = scratch("root", plane), scratch("xyz", (4, *plane))
        self.measure(down, across, scratch, root, xyz[1])
        root, xyz, chroma = root.reshape(-1), xyz.reshape(4, -1), chroma.reshape(2, -1)
        xyz[3] = 1
        linear = self._linear(root, chroma, xyz)
        if not self.curves.holds_srgb or linear.view(np.uint32).max() > self.highest:
            outside = np.flatnonzero(~self._is_inside(linear))
            y, x = np.divmod(outside, plane[1])
            place = (first + y) * self.pixels.shape[1] + across.start + x
            self.outsiders.append((place, root.take(outside), xyz[1].take(outside), chroma.take(outside, 1)))
            self.num_outsiders += len(outside)

        merged = self.merged[first : down.stop - self.first, across]
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
        xyz = self.scratch("xyz", (4, len(place)))
        xyz[1], xyz[3] = luminance, 1
        # Bisection, since the path to the edge may bend: dark colors keep a hundredth of their chroma, light ones most of it.
        share = np.zeros(len(place), np.float32)  # the gray of this lightness is always inside
        step = np.float32(1)
        more, part = self.scratch("more", share.shape), self.scratch("part", chroma.shape)
        for _ in range(_HALVINGS):
            step /= 2
            np.add(share, step, out=more)
            np.multiply(chroma, more, out=part)
            np.multiply(self._is_inside(self._linear(root, part, xyz)), step, out=more)
            share += more
        linear = self._linear(root, np.multiply(chroma, share, out=part), xyz)
        merged = self.merged.reshape(-1, 3)
        for channel, levels in self._levels(linear):
            merged[place, channel] = levels

    def _linear(self, root: np.ndarray, chroma: np.ndarray, xyz: np.ndarray) -> np.ndarray:
        """Compute linear sRGB in 65535ths from `edge` below 0, (3, n), of Y's cube root (n) and what chroma adds to it (2, n).

        `xyz` (4, n) holds Y, in 65535ths, in its second row and ones in its last. The others are overwritten.
        """
        roots = np.add(chroma, root, out=self.scratch("roots", chroma.shape))
        self._cube(roots, xyz[:3:2])
        return self._multiply(self.matrix, xyz, "linear")

    def _cube(self, roots: np.ndarray, out: np.ndarray) -> None:
        """Compute what roots are the roots of: the cube, and near black its tangent, which has the slope 1."""
        steep = np.maximum(roots, _TANGENT, out=self.scratch("steep", roots.shape))
        np.multiply(steep, steep, out=out)
        out -= 1
        out *= steep
        out += roots

    def _multiply(self, matrix: np.ndarray, channels: np.ndarray, name: str) -> np.ndarray:
        product = self.scratch(name, (3, channels.shape[1]))
        for start in range(0, channels.shape[1], _BLAS_SIZE):
            part = slice(start, start + _BLAS_SIZE)
            np.matmul(matrix, channels[:, part], out=product[:, part])
        return product

    def _own(self, linear: np.ndarray) -> np.ndarray:
        """Convert linear sRGB to the linear light of the photo's space, (3, n). White is white, and `edge` stays itself."""
        return linear if self.curves.from_srgb is None else self._multiply(self.curves.from_srgb, linear, "own")

    def _is_inside(self, linear: np.ndarray) -> np.ndarray:
        """Return a mask (n) of the colors of linear sRGB (3, n) inside sRGB and the photo's space."""
        is_inside = linear.view(np.uint32).max(0) <= self.highest
        if not self.curves.holds_srgb:
            is_inside &= self._own(linear).view(np.uint32).max(0) <= self.highest
        return is_inside

    def _levels(self, linear: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Yield each channel and its levels, uint8 (n), of linear sRGB (3, n)."""
        levels = self.scratch("levels", linear.shape[1:], np.uint8)
        for channel, light in enumerate(self._own(linear)):
            yield channel, self.curves.levels[channel].take(self._truncate(light), out=levels, mode="clip")

    def _truncate(self, numbers: np.ndarray) -> np.ndarray:
        """Truncate `numbers` to integers of the index type, in an array that the next call overwrites."""
        index = self.scratch("index", numbers.shape, np.intp)
        np.copyto(index, numbers, casting="unsafe")
        return index


class WidePainter(Painter):
    """One thread's part of a merge in 16 bits: what 8 bits take from tables is computed."""

    edge = 0.05

    def prepare(self, profile: RgbProfile | None) -> None:
        """Set up tables, besides `measure`."""
        self.encoded, parts = _wide_tables(profile)
        self.parts = [sum(parts)] if self.pixels.ndim == 2 else parts
        self.parts = [part.astype(np.float32) for part in self.parts]

    def measure(self, down: slice, across: slice, scratch: Scratch, root: np.ndarray, luminance: np.ndarray) -> None:
        """See `Luminance`."""
        window = self.pixels[down, across]
        channels = [window] if window.ndim == 2 else np.moveaxis(window, 2, 0)
        luminance[:] = 0
        for part, channel in zip(self.parts, channels, strict=True):
            luminance += part.take(channel)
        root[:] = lab_root(luminance / LEVELS)

    def _cube(self, roots: np.ndarray, out: np.ndarray) -> None:
        # Roots are counted from `BLACK`, since curves may be steep there.
        whole = roots + BLACK
        out[:] = np.where(whole > _TANGENT, whole * whole * whole, roots)

    def _levels(self, linear: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        scratch, size = self.scratch, linear.shape[1:]
        root, low, high = (scratch(name, size) for name in ("square root", "low", "high"))
        for channel, light in enumerate(self._own(linear)):
            np.subtract(light, np.float32(self.edge), out=root)
            root.clip(0, LEVELS, out=root)
            root *= LEVELS
            np.sqrt(root, out=root)
            index = self._truncate(root)
            root -= index
            self.encoded[channel].take(index, out=low, mode="clip")
            index += 1
            self.encoded[channel].take(index, out=high, mode="clip")
            high -= low
            high *= root
            high += low
            yield channel, np.rint(high, out=high).astype(np.uint16)


@lru_cache(8)
def _wide_tables(profile: RgbProfile | None) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Tabulate the level of each square root of light, and the luminance of each level of each channel, in 65535ths."""
    encoded = np.linspace(0, 1, LEVELS + 1)
    curves = [srgb_decoded(encoded)] * 3 if profile is None else profile.curves
    # Over square roots, every curve is smooth enough for straight lines in between: to a thirtieth of a level.
    light = np.square(np.arange(LEVELS + 2) / LEVELS)
    levels = [(LEVELS * np.interp(light, curve, encoded)).astype(np.float32) for curve in curves]
    weights = RGB_TO_XYZ[1] if profile is None else RGB_TO_XYZ[1] @ profile.matrix
    return levels, [LEVELS * weight * curve for weight, curve in zip(weights, curves, strict=True)]
