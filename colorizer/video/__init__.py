"""Video colorization from Python: `colorize_video`, which the command `video` and the app's tab call."""

from colorizer.video.coloring import VideoResult, colorize_video, result_state
from colorizer.video.frames import Clip, inspect
from colorizer.video.opening import ENDINGS, Limits
from colorizer.video.previews import is_playable, write_preview

__all__ = [
    "ENDINGS",
    "Clip",
    "Limits",
    "VideoResult",
    "colorize_video",
    "inspect",
    "is_playable",
    "result_state",
    "write_preview",
]
