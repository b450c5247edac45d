"""Marks in results, which state from what and with which settings each was made.

A later run then knows what is done. The mark is a part of the file, in its tag "Software": it is there as soon as the file is,
moves with it, and is replaced by programs that edit the file.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from PIL import Image

SOFTWARE = 0x0131
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF")
_LENGTH = 16  # hexadecimal digits: no two of a billion photos have the same
_MARK = re.compile(rf"(colorizer) ([0-9a-f]{{{_LENGTH}}})-([0-9a-f]{{{_LENGTH}}})")


class State(Enum):
    """State of the place of a result: nothing is there, that result, one of other settings, or something else."""

    MISSING = "missing"
    DONE = "done"
    OUTDATED = "outdated"
    FOREIGN = "foreign"


@dataclass(frozen=True)
class Mark:
    """Digests of a result's source, and of the model and options it was made with."""

    source: str
    settings: str

    def __str__(self) -> str:
        return f"colorizer {self.source}-{self.settings}"


def state_of(path: str | os.PathLike, expected: Mark, read: Callable[[str | os.PathLike], Mark | None]) -> State:
    """Return the state of the result that should have the mark `expected`; `read` reads the one that it has."""
    if not os.path.lexists(path):
        return State.MISSING
    found = read(path)
    if found is None or found.source != expected.source:
        return State.FOREIGN
    return State.DONE if found == expected else State.OUTDATED


def find_mark(text: str) -> Mark | None:
    """Return the mark in a text."""
    match = _MARK.search(text)
    return Mark(match[2], match[3]) if match else None


def without_mark(text: str) -> str:
    """Return a text with the name of the program alone in place of marks."""
    return _MARK.sub(r"\1", text)


def read_mark(path: str | os.PathLike) -> Mark | None:
    """Return the mark in a saved photo, or None if the file has none or can't be read."""
    with suppress(Exception):  # Pillow's plugins raise any kind of error
        if os.path.isfile(path):
            with Image.open(path, formats=_FORMATS) as image:
                return find_mark(str(image.info.get("Software") or image.getexif().get(SOFTWARE)))
    return None


def file_digest(path: str | os.PathLike) -> str:
    """Return the digest of a file's content; raises OSError and ValueError as `open` does."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_LENGTH]


def digest(value: Any) -> str:
    """Return the digest of a value that JSON can hold, or of data classes in it."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=vars).encode()).hexdigest()[:_LENGTH]
