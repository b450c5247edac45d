"""Validation of the caller's device and precision, before anything is loaded."""

import torch

from colorizer.errors import ColorizerError, quote


def checked_device(device: int | str | torch.device | None) -> int | str | torch.device | None:
    """Return `device` unchanged; raise ColorizerError unless it is the CPU or an accelerator that this machine has.

    A number is an accelerator's, and a negative one means the CPU.
    """
    if device is None:
        return None
    if isinstance(device, bool) or not isinstance(device, int | str | torch.device):
        raise ColorizerError(f"device must be a name, a number or a torch.device, got {quote(device)}.")
    name = str(device) if isinstance(device, torch.device) else device
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    kinds = ["cpu"] if accelerator is None else ["cpu", accelerator.type]
    if isinstance(device, int):
        is_known = device < 0 or (accelerator is not None and device < torch.accelerator.device_count())
    else:
        # By name: torch itself knows kinds for which it has no code, and a device without values.
        is_known = str(device).partition(":")[0] in kinds and _has_memory(device)
    if not is_known:
        raise ColorizerError(f"The device {quote(name)} can't be used here: try {' or '.join(map(repr, kinds))}.")
    return device


def checked_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """Return a floating-point type of torch, or None for "auto"; raise ColorizerError for anything else."""
    given = dtype
    if dtype is None or dtype == "auto":
        return None
    if isinstance(dtype, str):
        dtype = getattr(torch, dtype.removeprefix("torch."), None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ColorizerError(
            f"dtype must be 'auto' or a floating-point type such as torch.float16, got {quote(given)}."
        )
    return dtype


def _has_memory(device: str | torch.device) -> bool:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):
        return False
    return True
