"""Folders and text files that are there whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from colorizer.errors import ColorizerError


def make_folder(path: str | os.PathLike) -> Path:
    """Make the folder with those above it; ColorizerError if that can't be."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ColorizerError(f"The folder {folder} can't be made: {error}. Choose another.") from error
    return folder


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: what stood there stays until the new text is on the disk.

    Raises:
        OSError: it can't be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
