"""The Video tab: colorize a clip."""
