"""Errors that a user's input can cause. Each message says what was wrong and what to do about it."""

import math
from numbers import Integral, Real


class ColorizerError(ValueError):
    """Anything a user gave that `colorizer` can't work with; the other errors here are kinds of it."""


class PhotoError(ColorizerError):
    """A photo that can't be read or has no usable pixels."""


class CheckpointError(ColorizerError):
    """A checkpoint with missing, left-over, misshapen or non-finite tensors, or not a checkpoint at all."""


class DatasetError(ColorizerError):
    """A dataset that can't be opened or holds no photo to learn from."""


class HubError(ColorizerError):
    """The Hub is away, refused, or broke off; the message says which and what still works."""


class VideoError(ColorizerError):
    """A clip that can't be read, is larger than allowed, or whose result can't be written."""


class VideoStopped(VideoError):
    """Whoever asked for a clip's colors has asked to stop; what was finished is kept."""


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float; ColorizerError, naming `name`, unless it is a number from `low` to `high`."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise ColorizerError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
    return float(value)


def check_count(name: str, value: int, high: float = float("inf")) -> None:
    """ColorizerError, naming `name`, unless `value` is a whole number from 1 to `high`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not 1 <= value <= high:
        bound = f" to {high}" if high < float("inf") else ""
        raise ColorizerError(f"{name} must be a whole number from 1{bound}, got {value!r}.")
