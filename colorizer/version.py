"""The version of the package: pyproject.toml reads it, checkpoints and downloads carry it."""

__version__ = "0.1.0"
