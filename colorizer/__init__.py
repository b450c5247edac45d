"""Photo colorization, the ways it has been done with deep networks, side by side."""

__version__ = "0.1.0"
