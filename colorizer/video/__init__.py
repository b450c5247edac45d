"""Clips in color, from Python: `colorize_video`. The shell's `video` and the app's tab call it."""

from colorizer.video.coloring import VideoResult, colorize_video
from colorizer.video.opening import Limits
from colorizer.video.reading import Clip, inspect

__all__ = ["Clip", "Limits", "VideoResult", "colorize_video", "inspect"]
