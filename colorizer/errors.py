"""Errors caused by user input. Each message says what is wrong and what to do about it."""

import math
from numbers import Integral, Real

_MAX_QUOTE = 100  # characters


class ColorizerError(ValueError):
    """Base class of all errors caused by input that `colorizer` can't work with."""


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


def quote(value: object) -> str:
    """Return a value, or an error's message, as a message may quote it: on one line, of 100 characters at most."""
    if isinstance(value, str | bytes):
        value = value[: 2 * _MAX_QUOTE]
    try:
        text = str(value) if isinstance(value, Exception) else repr(value)
    except ValueError:  # a whole number of so many digits that Python refuses to write it
        return "a number of thousands of digits"
    except RecursionError:
        return f"a {type(value).__name__} nested too deeply"
    text = " ".join(text.split()).removesuffix(".")
    return text if len(text) <= _MAX_QUOTE else f"{text[: _MAX_QUOTE - 1]}…"


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
