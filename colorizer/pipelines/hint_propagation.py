"""Propagate color hints over a photo, stopping at edges, on top of a prediction from a network with or without hints.

The energy is from Levin, Lischinski and Weiss, "Colorization using Optimization" (SIGGRAPH 2004), eq. 1: neighbors with
similar lightness have similar colors. The difference between a hint and the prediction is propagated, with a pull to 0: far
from all hints, the prediction remains.
"""

import math
from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import sparse
from torch import Tensor

from colorizer.errors import check_number
from colorizer.photos.color import rgb_to_lab
from colorizer.photos.lightness import compute_lightness
from colorizer.photos.photo import Photo
from colorizer.pipelines.hints import Hint, checked_hints, hint_cells

SIDE = 192
"""Side of the square with the area of the grid on which colors are propagated; a smaller photo is its own grid."""
REACH = 1 / 12
MIN_REACH, MAX_REACH = 1 / 100, 1.0

_VARIANCE_SHARE = 0.6  # from the paper's code; it isn't in the paper
_MIN_VARIANCE = 1.0  # of lightness without an edge
_MAX_VARIANCE = 50.0  # above it, an edge makes no more difference
_CURVATURE = 0.375  # the mean of a pixel's 8 neighbors differs from it by 0.375 times the Laplacian
_TOLERANCE = 1e-3  # on the residual's norm; influences are then accurate to a few thousandths
_BLOCK = 12
_MAX_SIDE = 3 * SIDE
_NEARLY_ONE = 0.999
_MAX_CACHED = 64


class Propagation:
    """Propagation of colors on one photo, for the predictions of any network.

        spread = Propagation(photo)
        ab = spread(ab, [(120, 45, (51, 102, 204))])

    The influences of the last 64 positions are cached, so that another hint costs only one more solution of the system.
    """

    def __init__(self, photo: Photo, *, reach: float = REACH) -> None:
        """Set up the system. `reach`: about how far colors go without edges, 0.01…1 × side of a square of the photo's area."""
        reach = check_number("reach", reach, MIN_REACH, MAX_REACH)
        self.photo_size, self.name = photo.size, photo.name or "the photo"
        width, height = photo.size
        scale = min(1.0, SIDE / math.sqrt(width * height))
        self.size = tuple(min(max(1, round(side * scale)), _MAX_SIDE) for side in (height, width))
        affinity = _affinity(compute_lightness(photo, self.size)[0].numpy())
        degree = np.asarray(affinity.sum(1)).ravel()
        # The only pixel of a 1×1 photo has no neighbors.
        self._degree = np.maximum(degree, np.float32(1e-6))
        root = sparse.diags_array(1 / np.sqrt(self._degree))
        pull = _CURVATURE / (reach * math.sqrt(self.size[0] * self.size[1])) ** 2
        identity = sparse.eye_array(degree.size, dtype=np.float32)
        self._system = ((1 + pull) * identity - root @ affinity @ root).astype(np.float32).tocsr()
        self._blocks, self._coarse = _coarsen(self._system, self.size)
        self._influences: dict[tuple[int, int], np.ndarray] = {}
        self._lock = Lock()

    def influence(self, row: int, column: int) -> np.ndarray:
        """Return the influence on each cell of the grid of a hint in one cell, float16 (h, w), 0…1, 1 in that cell itself.

        It is the U that minimizes Σ_r ((1 + pull) U(r) − Σ_s w_rs U(s))² subject to U = 1 in that cell: the paper's energy,
        whose weights w_rs of the neighbors s of r sum to 1, plus our own pull to 0. U is clamped to 1; it can exceed 1 if the
        cell lies at an edge.
        """
        if (kept := self._influences.get((row, column))) is not None:
            return kept
        cell = row * self.size[1] + column
        impulse = np.zeros(self._degree.size, np.float32)
        impulse[cell] = 1
        # With S the symmetric system and D the degrees, the energy is |D^-½ S D^½ U|²: the solution is a column of the
        # inverse of the energy's matrix.
        solution = self._solve(self._degree * self._solve(impulse)) / np.sqrt(self._degree)
        influence = (solution / solution[cell]).clip(0, 1).astype(np.float16).reshape(self.size)
        with self._lock:
            while len(self._influences) >= _MAX_CACHED:
                del self._influences[next(iter(self._influences))]
            self._influences[row, column] = influence
        return influence

    def __call__(self, ab: Tensor, hints: Sequence[Hint | Any]) -> Tensor:
        """Propagate hints over `ab`, the predicted CIE a*, b* (2, h, w) in any size.

        The result has the size of `ab`, or of the grid if that is larger, because a coarse `ab` doesn't resolve the edges at
        which colors end.

        Where the influences f of several hints overlap, each has the weight (f / (1 − f))² and the prediction the weight 1
        (inverse squared distances, as in Shepard's interpolation, 1968). So no color overshoots, and at a hint only its own
        color counts. If two hints are in one cell, the later one counts.

        Raises:
            ColorizerError: more than 1000 hints, an invalid one, or one outside the photo.
        """
        hints = checked_hints(hints)
        if ab[0].numel() < math.prod(self.size):
            ab = F.interpolate(ab[None], self.size, mode="bilinear", align_corners=False)[0]
        cells = hint_cells(hints, self.photo_size, self.size, self.name)
        places = hint_cells(hints, self.photo_size, tuple(ab.shape[-2:]), self.name)
        differences = {
            cell: rgb_to_lab(torch.tensor(hint.rgb).view(3, 1, 1) / 255)[1:, 0, 0].numpy() - ab[:, row, column].numpy()
            for hint, cell, (row, column) in zip(hints, cells, places, strict=True)
        }
        total, weighted = np.ones(self.size, np.float32), np.zeros((2, *self.size), np.float32)
        for cell, difference in differences.items():
            share = self.influence(*cell).astype(np.float32).clip(0, _NEARLY_ONE)
            weight = np.square(share / (1 - share))
            total += weight
            weighted += difference[:, None, None] * weight
        spread = torch.from_numpy(weighted / total)
        if spread.shape != ab.shape:
            spread = F.interpolate(spread[None], ab.shape[-2:], mode="bilinear", align_corners=False)[0]
        return ab + spread

    def _solve(self, right: np.ndarray) -> np.ndarray:
        """Solve the system for one right-hand side (h·w), by conjugate gradients with a coarse-grid preconditioner."""
        # Not by factorization, which takes 30 MB per photo, and several seconds if BLAS runs threads on a busy machine.
        solution, residual = np.zeros_like(right), right.copy()
        direction = preconditioned = self._precondition(residual)
        product, goal = _dot(residual, preconditioned), _TOLERANCE**2 * _dot(right, right)
        for _ in range(right.size):
            image = self._system @ direction
            step = product / _dot(direction, image)
            solution += step * direction
            residual -= step * image
            if _dot(residual, residual) <= goal:
                break
            preconditioned = self._precondition(residual)
            product, last = _dot(residual, preconditioned), product
            direction = preconditioned + (product / last) * direction
        return solution

    def _precondition(self, residual: np.ndarray) -> np.ndarray:
        # The system's diagonal is nearly 1. Uses einsum because BLAS would start threads.
        coarse = np.einsum("ij,j->i", self._coarse, np.bincount(self._blocks, residual).astype(np.float32))
        return residual + coarse[self._blocks]


def _affinity(lightness: np.ndarray) -> sparse.csr_array:
    """Compute the affinity of each pixel of lightness (h, w) to its 8 neighbors: exp(−(L_r − L_s)² / (σ_r² + σ_s²)).

    This is the paper's eq. 2 made symmetric. σ² is the variance of lightness in 3×3 pixels, bounded so that colors don't
    cross strong but blurred edges.
    """
    height, width = lightness.shape
    index = np.arange(height * width).reshape(height, width)
    padded = np.pad(lightness, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    variance = (_VARIANCE_SHARE * windows.var((2, 3))).clip(_MIN_VARIANCE, _MAX_VARIANCE)
    rows, columns, values = [], [], []
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        here = slice(0, height - down), slice(max(0, -right), width - max(0, right))
        there = slice(down, height), slice(max(0, right), width + min(0, right))
        values.append(
            np.exp(-np.square(lightness[here] - lightness[there]) / (variance[here] + variance[there])).ravel()
        )
        rows.append(index[here].ravel())
        columns.append(index[there].ravel())
    coordinates = np.concatenate(rows), np.concatenate(columns)
    half = sparse.coo_array((np.concatenate(values), coordinates), shape=(index.size, index.size))
    return (half + half.T).tocsr()


def _coarsen(system: sparse.csr_array, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's 12×12 block, (h·w), and the inverse of the system over blocks (Nicolaides 1987)."""
    height, width = size
    across = -(-width // _BLOCK)
    blocks = (np.arange(height)[:, None] // _BLOCK * across + np.arange(width) // _BLOCK).ravel()
    members = sparse.csr_array((np.ones(blocks.size, np.float32), (np.arange(blocks.size), blocks)))
    return blocks, np.linalg.inv((members.T @ system @ members).toarray()).astype(np.float32)


def _dot(first: np.ndarray, second: np.ndarray) -> np.float32:
    return np.einsum("i,i", first, second)
