"""Gray frames whose levels leave room below black and above white, as those of most clips do."""

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

_BLACK, _WHITE = 16, 235  # of 8 bits
_FEW = 0.01  # share of the samples that may be beyond them, by overshoot


def has_reserve(first: VideoFrame) -> bool:
    """Return True if a gray clip has such levels, by its first frame.

    Its stream has to say so, and its samples must not contradict: FFmpeg before 7 wrote HEVC with levels from 0 to 255, and
    a mark of the others.
    """
    if not first.format.name.startswith("gray") or first.color_range != ColorRange.MPEG:
        return False
    luma = _samples(first, 0) / _unit(first)
    return bool(((luma < _BLACK) | (luma > _WHITE)).mean() < _FEW)


def with_chroma(frame: VideoFrame) -> VideoFrame:
    """Return a gray frame as YUV: FFmpeg, when it converts gray, takes all of it to be from 0 to 255."""
    full = VideoFrame(frame.width, frame.height, frame.format.name.replace("gray", "yuv420p"))
    full.color_range = ColorRange.MPEG
    _samples(full, 0)[:] = _samples(frame, 0)
    for chroma in (1, 2):
        _samples(full, chroma)[:] = 128 * _unit(full)
    return full


def _unit(frame: VideoFrame) -> int:
    """Return the distance of the levels of 8 bits among a frame's own."""
    return 2 ** (frame.format.components[0].bits - 8)


def _samples(frame: VideoFrame, number: int) -> np.ndarray:
    plane = frame.planes[number]
    kind = np.uint8 if _unit(frame) == 1 else np.uint16
    return np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
