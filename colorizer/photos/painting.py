"""Paint tiles of a photo with predicted chroma, in 8 bits by tables or in 16 bits by arithmetic: the threads of a merge."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from colorizer.photos.color import DELTA, RGB_TO_XYZ
from colorizer.photos.lightness import ROOTS, Luminance, Scratch, lab_root, tables
from colorizer.photos.profiles import LEVELS, RgbProfile, srgb_decoded

_BLAS_SIZE = 24576  # pixels; a product of this size is too small for BLAS to start threads of its own inside ours
_MAX_CHROMA = 1e6  # in ROOTS: far beyond any color, and small enough for indices
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


class Painter:
    """One thread's part of a merge, in 8 bits."""

    tolerance = 10.0  # colors this close outside sRGB (half a level at black, less elsewhere) count as inside

    def __init__(
        self,
        pixels: np.ndarray,
        ab: np.ndarray,
        saturation: float,
        merged: np.ndarray,
        tile: int,
        profile: RgbProfile | None,
    ):
        self.curves = tables(profile)
        self.pixels, self.ab, self.merged, self.tile = pixels, ab, merged, tile
        # a* is added to the cube root of X, b* subtracted from that of Z.
        self.scale = np.float32([[[ROOTS * saturation / 500]], [[-ROOTS * saturation / 200]]])
        self.rows = _Rows(ab.shape[1], pixels.shape[0])
        self.columns = _Columns(ab.shape[2], pixels.shape[1])
        self.prepare(profile)
        self.scratch = Scratch()
        # Colors outside sRGB need a search of a hundred calls, for few pixels or many, so they are collected first.
        self.outsiders: list[tuple[np.ndarray, ...]] = []
        self.num_outsiders = 0

    def prepare(self, profile: RgbProfile | None) -> None:
        """Set up what `measure` needs."""
        self.luminance = Luminance(self.pixels, self.curves)

    def measure(self, down: slice, across: slice, luminance: np.ndarray, root: np.ndarray) -> None:
        """Compute Y of one window in 65535ths, and its cube root in `ROOTS`ths."""
        index = self.luminance(down, across, self.scratch)
        np.copyto(luminance, index, casting="unsafe")
        self.curves.root.take(index, out=root, mode="clip")

    def cube(self, roots: np.ndarray, out: np.ndarray) -> None:
        """Compute what a root in `ROOTS`ths is the cube root of."""
        self.curves.cube.take(self._truncate(roots), out=out, mode="clip")

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

        luminance, root = scratch("luminance", size), scratch("root", size)
        self.measure(down, across, luminance, root)
        linear = self._linear(root, luminance, chroma)
        if not (self.curves.holds_srgb and linear.min() >= -self.tolerance and linear.max() <= LEVELS + self.tolerance):
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
            self.cube(roots, xyz[axis])
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
        is_inside = linear.min(0) >= -self.tolerance
        is_inside &= linear.max(0) <= LEVELS + self.tolerance
        if not self.curves.holds_srgb:
            own = self._own(linear)
            is_inside &= own.min(0) >= -self.tolerance
            is_inside &= own.max(0) <= LEVELS + self.tolerance
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


class WidePainter(Painter):
    """One thread's part of a merge in 16 bits: what 8 bits take from tables is computed."""

    tolerance = 0.05

    def prepare(self, profile: RgbProfile | None) -> None:
        """Tabulate the luminance of each level of each channel, in 65535ths, and the level of each square root of light."""
        encoded = np.linspace(0, 1, LEVELS + 1)
        curves = [srgb_decoded(encoded)] * 3 if profile is None else profile.curves
        # Over square roots, every curve is smooth enough for straight lines in between: to a thirtieth of a level.
        light = np.square(np.arange(LEVELS + 2) / LEVELS)
        self.encoded = [(LEVELS * np.interp(light, curve, encoded)).astype(np.float32) for curve in curves]
        weights = RGB_TO_XYZ[1] if profile is None else RGB_TO_XYZ[1] @ profile.matrix
        parts = [(LEVELS * weight * curve) for weight, curve in zip(weights, curves, strict=True)]
        if self.pixels.ndim == 2:
            parts = [sum(parts)]
        self.parts = [part.astype(np.float32) for part in parts]

    def measure(self, down: slice, across: slice, luminance: np.ndarray, root: np.ndarray) -> None:
        """See `Painter`."""
        window = self.pixels[down, across]
        channels = [window] if window.ndim == 2 else np.moveaxis(window, 2, 0)
        luminance[:] = 0
        for part, channel in zip(self.parts, channels, strict=True):
            luminance += part.take(channel.ravel())
        root[:] = ROOTS * lab_root(luminance / LEVELS)

    def cube(self, roots: np.ndarray, out: np.ndarray) -> None:
        """See `Painter`."""
        root = roots / ROOTS
        out[:] = np.where(root > DELTA, root * root * root, 3 * DELTA**2 * (root - np.float32(4 / 29)))

    def _own(self, linear: np.ndarray) -> np.ndarray:
        return linear if self.curves.from_srgb is None else self._multiply(self.curves.from_srgb, linear, "own")

    def _levels(self, linear: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        scratch, size = self.scratch, linear.shape[1:]
        root, low, high = (scratch(name, size) for name in ("square root", "low", "high"))
        for channel, light in enumerate(self._own(linear)):
            light.clip(0, LEVELS, out=root)
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
