"""Scenes that are in color already, which are left alone when asked."""

import numpy as np

from colorizer.photos.photo import is_toned

_HOLD = 24  # gray frames in a row after which a scene counts as gray again, as after a dissolve


class ColorKeeper:
    """Decide frame by frame if a clip is in color already; black-and-white and toned frames are not.

    hold: number of further frames that count as in color even if they seem gray, so that a dark moment changes nothing. All
    that a resumed run needs.
    """

    def __init__(self, hold: int = 0):
        self.hold = hold

    def __call__(self, pixels: np.ndarray, is_new_scene: bool) -> bool:
        """Return True if the next frame, uint8 (H, W, 3), is in color."""
        if not is_toned(pixels):
            self.hold = _HOLD
        else:
            self.hold = 0 if is_new_scene else max(0, self.hold - 1)
        return self.hold > 0
