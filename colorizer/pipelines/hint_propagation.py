"""Spread color hints over a photo along its edges, on top of what a network predicts, whether it takes hints or not.

The energy is that of Levin, Lischinski and Weiss, "Colorization using Optimization" (SIGGRAPH 2004), eq. 1: neighbors of like
lightness have like colors. What is spread is the difference between a hint and the prediction, and it is drawn to 0, so that
far from all hints the network has its way.
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
"""Of the square that the grid has the area of on which colors are spread; a smaller photo is its own grid."""
REACH = 1 / 12
MIN_REACH, MAX_REACH = 1 / 100, 1.0

_VARIANCE_SHARE = 0.6  # the paper's own program has it, though the paper does not
_LEAST, _MOST = 1.0, 50.0  # lightness varies so much without an edge; an edge so much that more makes no difference
_BEND = 0.375  # the mean of a pixel's 8 neighbors differs from it by 0.375 times the Laplacian
_TOLERANCE = 1e-3  # of the residual's norm; influences are then right to some thousandths
_BLOCK = 12
_LONGEST = 3 * SIDE
_NEARLY_ONE = 0.999
_MAX_KEPT = 64


class Propagation:
    """How colors spread on one photo. Knows nothing of networks, so that it serves for all of them.

        spread = Propagation(photo)
        ab = spread(ab, [(120, 45, (51, 102, 204))])

    What it computes for a place is kept (of the last 64 places), so that one more hint costs one solution of the system.
    """

    def __init__(self, photo: Photo, *, reach: float = REACH) -> None:
        """`reach`: about how far a color goes where no edge stops it, 0.01…1 of the side of a square of the photo's area."""
        reach = check_number("reach", reach, MIN_REACH, MAX_REACH)
        self.photo_size, self.name = photo.size, photo.name or "the photo"
        width, height = photo.size
        scale = min(1.0, SIDE / math.sqrt(width * height))
        self.size = tuple(min(max(1, round(side * scale)), _LONGEST) for side in (height, width))
        affinity = _affinity(compute_lightness(photo, self.size)[0].numpy())
        degree = np.asarray(affinity.sum(1)).ravel()
        # Isolated pixels (of a photo of one) have no neighbors to be like.
        self._degree = np.maximum(degree, np.float32(1e-6))
        root = sparse.diags_array(1 / np.sqrt(self._degree))
        pull = _BEND / (reach * math.sqrt(self.size[0] * self.size[1])) ** 2
        identity = sparse.eye_array(degree.size, dtype=np.float32)
        self._system = ((1 + pull) * identity - root @ affinity @ root).astype(np.float32).tocsr()
        self._blocks, self._coarse = _coarsen(self._system, self.size)
        self._influences: dict[tuple[int, int], np.ndarray] = {}
        self._lock = Lock()

    def influence(self, row: int, column: int) -> np.ndarray:
        """How much of a hint in one cell of the grid reaches each cell, float16 (h, w), 0…1, 1 in that cell itself.

        The U that makes Σ_r ((1 + pull) U(r) − Σ_s w_rs U(s))² least where U = 1 in that cell: the paper's energy, whose
        weights w_rs of the neighbors s of r sum up to 1, with a pull to 0 of our own. Where U would be more than 1 (the
        cell is at an edge, and what it is the edge of follows it) it is 1.
        """
        if (kept := self._influences.get((row, column))) is not None:
            return kept
        cell = row * self.size[1] + column
        impulse = np.zeros(self._degree.size, np.float32)
        impulse[cell] = 1
        # With S the symmetric system and D the degrees, the energy is |D^-½ S D^½ U|²: the solution is a column of the
        # inverse of its matrix.
        solution = self._solve(self._degree * self._solve(impulse)) / np.sqrt(self._degree)
        influence = (solution / solution[cell]).clip(0, 1).astype(np.float16).reshape(self.size)
        with self._lock:
            while len(self._influences) >= _MAX_KEPT:
                del self._influences[next(iter(self._influences))]
            self._influences[row, column] = influence
        return influence

    def __call__(self, ab: Tensor, hints: Sequence[Hint | Any]) -> Tensor:
        """`ab`, CIE a*, b* (2, h, w) of any size as predicted for the photo, with the hints spread over it.

        Returned at its size, or at the grid's where that has more cells: colors end at edges that a coarse `ab` knows not of.

        Where influences f of several hints meet, each has the weight (f / (1 − f))², and the prediction the weight 1
        (inverse distances squared, as in Shepard's interpolation, 1968): no color overshoots, at a hint its own color
        counts alone. Of two hints in one cell the later counts.

        Raises:
            ColorizerError: more than 1000 hints, one that is none or that lies outside the photo.
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
        """The system's solution for one right side (h·w), by conjugate gradients with a coarse grid beside them."""
        # Not a factorization: it takes 30 MB a photo, and several seconds where BLAS runs its threads on a busy machine.
        solution, residual = np.zeros_like(right), right.copy()
        direction = precise = self._precondition(residual)
        product, goal = _dot(residual, precise), _TOLERANCE**2 * _dot(right, right)
        for _ in range(right.size):
            image = self._system @ direction
            step = product / _dot(direction, image)
            solution += step * direction
            residual -= step * image
            if _dot(residual, residual) <= goal:
                break
            precise = self._precondition(residual)
            product, last = _dot(residual, precise), product
            direction = precise + (product / last) * direction
        return solution

    def _precondition(self, residual: np.ndarray) -> np.ndarray:
        # The system's diagonal is nearly 1. einsum, since BLAS would start threads for this.
        coarse = np.einsum("ij,j->i", self._coarse, np.bincount(self._blocks, residual).astype(np.float32))
        return residual + coarse[self._blocks]


def _affinity(lightness: np.ndarray) -> sparse.csr_array:
    """How alike each pixel of lightness (h, w) is to its 8 neighbors: exp(−(L_r − L_s)² / (σ_r² + σ_s²)).

    That is the paper's eq. 2 made symmetric, with σ² from the variance of lightness in 3×3 pixels, bounded so that colors
    do not pass strong edges that are blurred.
    """
    height, width = lightness.shape
    index = np.arange(height * width).reshape(height, width)
    padded = np.pad(lightness, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    variance = (_VARIANCE_SHARE * windows.var((2, 3))).clip(_LEAST, _MOST)
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
    """Each pixel's block of 12×12, (h·w), and the inverse of the system over blocks (Nicolaides 1987)."""
    height, width = size
    across = -(-width // _BLOCK)
    blocks = (np.arange(height)[:, None] // _BLOCK * across + np.arange(width) // _BLOCK).ravel()
    members = sparse.csr_array((np.ones(blocks.size, np.float32), (np.arange(blocks.size), blocks)))
    return blocks, np.linalg.inv((members.T @ system @ members).toarray()).astype(np.float32)


def _dot(first: np.ndarray, second: np.ndarray) -> np.float32:
    return np.einsum("i,i", first, second)
