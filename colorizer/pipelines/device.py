"""Validation of the caller's device and precision, before anything is loaded."""

import torch

from colorizer.errors import ColorizerError


def checked_device(device: int | str | torch.device | None) -> int | str | torch.device | None:
    """Return `device` unchanged; raise ColorizerError if this machine doesn't have it."""
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
    """Return a floating-point type of torch, or None for "auto"; raise ColorizerError for anything else."""
    given = dtype
    if dtype is None or dtype == "auto":
        return None
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ColorizerError(f"dtype must be 'auto' or a floating-point type such as torch.float16, got {given!r}.")
    return dtype
