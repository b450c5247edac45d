"""Version of the package, read by pyproject.toml and written into checkpoints and downloads."""

__version__ = "0.1.0"
