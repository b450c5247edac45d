"""Kinds of input to a pipeline that hold several photos."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

_ONE_PHOTO = str | bytes | bytearray | memoryview | np.ndarray | Tensor


def is_sequence(inputs: Any) -> bool:
    """Return whether `inputs` is a list of photos, or another sequence such as the column of a dataset."""
    return isinstance(inputs, Sequence) and not isinstance(inputs, _ONE_PHOTO)


def is_stream(inputs: Any) -> bool:
    """Return whether `inputs` yields photos: an iterator, or something that gives one, such as a streamed column."""
    is_iterable = isinstance(inputs, Iterable) and not isinstance(inputs, _ONE_PHOTO | Mapping)
    return is_iterable and not hasattr(inputs, "read")
