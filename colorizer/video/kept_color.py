"""Scenes that are in color already, which are left alone when asked."""

_HOLD = 24  # gray frames in a row after which a scene counts as gray again, as after a dissolve


class ColorKeeper:
    """Decide frame by frame if a clip is in color already; black-and-white and toned frames are not.

    hold: number of further frames that count as in color even if they seem gray, so that a dark moment changes nothing. All
    that a resumed run needs.
    """

    def __init__(self, hold: int = 0):
        self.hold = hold

    def __call__(self, is_in_color: bool, is_new_scene: bool) -> bool:
        """Return True if the next frame, which by itself is in color or not, counts as in color."""
        if is_in_color:
            self.hold = _HOLD
        else:
            self.hold = 0 if is_new_scene else max(0, self.hold - 1)
        return self.hold > 0
