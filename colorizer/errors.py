"""Errors caused by user input. Each message says what is wrong and what to do about it."""

import argparse
import errno
import math
import re
import reprlib
import sys
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, NoReturn

_MAX_QUOTE = 100  # characters
_MAX_MESSAGE = 1000  # characters
_MAX_TEXT = 2000  # characters of a message that may list what there is to choose from
_MAX_SEARCHED = 10_000  # characters of a value or message, of which the first are quoted
# Of an address: what may be a user and a password, and a query. What stands between is kept.
_SECRETS = re.compile(r"(https?:/+)(?:\S*@)?([^\s?#@]*)(?:[?#]\S*)?", re.IGNORECASE)
# What a terminal obeys: control characters, and those that begin a line or turn its direction.
_OBEYED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# A value of YAML that repeats others is short in the file, and may have billions of items.
_REPR = reprlib.Repr()
_REPR.maxlevel = 3
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = _REPR.maxset = _REPR.maxfrozenset = 20
_REPR.maxstring = _REPR.maxlong = _REPR.maxother = 2 * _MAX_QUOTE


class ColorizerError(ValueError):
    """Base class of all errors caused by input that `colorizer` can't work with. Its message is short, whatever it quotes."""

    def __str__(self) -> str:
        return _shorten(super().__str__(), _MAX_TEXT)


class PhotoError(ColorizerError):
    """A photo that can't be read or has no usable pixels."""


class CheckpointError(ColorizerError):
    """A checkpoint with missing, unexpected, misshapen or non-finite tensors, or not a checkpoint at all."""


class DatasetError(ColorizerError):
    """A dataset that can't be opened or has no usable photo."""


class HubError(ColorizerError):
    """The Hub is unreachable, refused, or closed the connection; the message says which, and what still works."""


class VideoError(ColorizerError):
    """A clip that can't be read or exceeds the limits, or a result that can't be written."""


class VideoStopped(VideoError):
    """The caller stopped the coloring of a clip; finished frames are kept."""


class CommandParser(argparse.ArgumentParser):
    """Parser of command lines whose errors are one line, however long the values are.

    Names of arguments can't be abbreviated: what masks a token in a recorded command knows it by its name.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Parse as argparse does, which takes an attached `--` for no value, and gives an empty list."""
        args = sys.argv[1:] if args is None else list(args)
        if empty := [word for word in args if re.fullmatch(r"-\w+=?--|--[^=]+=--", word, re.DOTALL)]:
            self.error(f"argument {empty[0][:-2].removesuffix('=')}: expected one argument")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and the message."""
        words = (_shorten(printable(word), _MAX_QUOTE) for word in message.split())
        super().error(_shorten(" ".join(words), _MAX_MESSAGE))


def system_reason(error: OSError | MemoryError) -> str:
    """Return what the system refused, as a sentence."""
    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        return "There is not enough memory: give smaller or fewer photos."
    reason = error.strerror or quote(error)
    return f"{reason}." if error.filename is None else f"{quote(error.filename)}: {reason}."


def printable(text: str) -> str:
    """Return a line for a terminal, in which names, of files for example, can't move the cursor or feign other lines."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)


def quote(value: object) -> str:
    """Return a value, or an error's message, as a message may quote it: on one line, of 100 characters at most.

    An address in it loses its user, password and query.
    """
    try:
        if isinstance(value, str):
            value = _SECRETS.sub(r"\1\2", value[:_MAX_SEARCHED])
        if isinstance(value, str | bytes):
            value = value[: 2 * _MAX_QUOTE]
        text = _SECRETS.sub(r"\1\2", str(value)[:_MAX_SEARCHED]) if isinstance(value, Exception) else _REPR.repr(value)
    except ValueError:  # a whole number of so many digits that Python refuses to write it
        return "a number of thousands of digits"
    text = " ".join(text.split()).removesuffix(".")
    return _shorten(text, _MAX_QUOTE)


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float; raise ColorizerError, naming `name`, unless it is a number from `low` to `high`."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not math.isfinite(value):
        raise ColorizerError(f"{name} must be a number from {low:g} to {high:g}, got {quote(value)}.")
    return float(value)


def check_count(name: str, value: int, high: float = float("inf")) -> None:
    """Raise ColorizerError, naming `name`, unless `value` is a whole number from 1 to `high`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= value <= high:
        bound = f" to {high}" if high < float("inf") else ""
        raise ColorizerError(f"{name} must be a whole number from 1{bound}, got {quote(value)}.")


def check_address(name: str, value: str) -> str:
    """Return a web address to link to; raise ColorizerError, naming `name`, for anything else."""
    if not re.fullmatch(r"https?://[^\s<>\"'()]+", value):
        raise ColorizerError(f"{name} must be a web address (https://…), got {quote(value)}.")
    return value


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
