"""Orientation of a clip: how its stored frames become upright."""

from typing import NamedTuple

import numpy as np
from av.video.frame import VideoFrame


class Orientation(NamedTuple):
    """Operations that bring a stored frame upright: swap rows and columns, then mirror left to right, then top to bottom."""

    is_transposed: bool
    is_mirrored: bool
    is_upside_down: bool

    def apply(self, plane: np.ndarray) -> np.ndarray:
        """Return an array (height, width, …) upright."""
        upright = plane.swapaxes(0, 1) if self.is_transposed else plane
        return np.ascontiguousarray(upright[:: -1 if self.is_upside_down else 1, :: -1 if self.is_mirrored else 1])


# By their number, to the left.
_QUARTER_TURNS = (
    Orientation(False, False, False),
    Orientation(True, False, True),
    Orientation(False, True, True),
    Orientation(True, True, False),
)


def orientation_of(frame: VideoFrame) -> Orientation:
    """Return the orientation that a frame's display matrix describes, to the next quarter turn."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV lists none if it doesn't know one, such as the EXIF data of a camera's JPEG frames
        return _QUARTER_TURNS[frame.rotation // 90 % 4]
    if matrix is None:
        return Orientation(False, False, False)
    # Columns of the stored frame go to (a, b) of the upright one, rows to (c, d): (column, row) each, from the top left.
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(False, a < 0, d < 0)
    return Orientation(True, c < 0, b < 0)
