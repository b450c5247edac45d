"""Video colorization from Python: `colorize_video`, which the command `video` and the app's tab call."""

from colorizer.video.coloring import VideoResult, colorize_video
from colorizer.video.opening import Limits
from colorizer.video.reading import Clip, inspect

__all__ = ["Clip", "Limits", "VideoResult", "colorize_video", "inspect"]
