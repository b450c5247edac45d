"""Arguments that several parts take, each refused with a message that says what would do."""

import math

import numpy as np
import torch

from colorizer.errors import ColorizerError


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Return `value` as a float; ColorizerError, naming `name`, unless it is a number from `low` to `high`."""
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise ColorizerError(f"{name} must be a number from {low:g} to {high:g}, got {value!r}.")
    return float(value)


def check_count(name: str, value: int, high: float = float("inf")) -> None:
    """ColorizerError, naming `name`, unless `value` is a whole number from 1 to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 1 <= value <= high:
        bound = f" to {high}" if high < float("inf") else ""
        raise ColorizerError(f"{name} must be a whole number from 1{bound}, got {value!r}.")


def checked_device(device: int | str | torch.device | None) -> int | str | torch.device | None:
    """`device` as it was given; ColorizerError if this machine does not have it."""
    if isinstance(device, str | torch.device):
        try:
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            raise ColorizerError(
                f"The device {str(device)!r} can't be used here ({str(error).splitlines()[0]}): try 'cpu'."
            ) from error
    elif device is not None and (isinstance(device, bool) or not isinstance(device, int)):
        raise ColorizerError(f"device must be a name, a number or a torch.device, got {device!r}.")
    return device


def checked_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """A floating type of torch; None for "auto"."""
    given = dtype
    if dtype is None or dtype == "auto":
        return None
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ColorizerError(f"dtype must be 'auto' or a floating type such as torch.float16, got {given!r}.")
    return dtype
