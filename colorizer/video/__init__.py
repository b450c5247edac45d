"""Video colorization from Python: `colorize_video`, which the command `video` and the app's tab call."""

from colorizer.video.coloring import VideoResult, colorize_video, result_state
from colorizer.video.frames import Clip, inspect
from colorizer.video.opening import Limits

__all__ = ["Clip", "Limits", "VideoResult", "colorize_video", "inspect", "result_state"]
