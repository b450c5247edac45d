"""Checks of what was loaded from a state: torch takes over settings, shapes and attributes as they stand in the file."""

from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

_RATES = ("lr", "initial_lr")  # set by the schedules


class LoadedState:
    """Check of a run's optimizers and schedules, made before a state is loaded into them."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._optimizers = [(optimizer.optimizer, _settings(optimizer)) for optimizer in accelerator._optimizers]
        kinds = (LRScheduler, ReduceLROnPlateau)
        schedulers = [each for each in accelerator._custom_objects if isinstance(each, kinds)]
        self._schedulers = [(scheduler, scheduler.state_dict()) for scheduler in schedulers]

    def check(self) -> None:
        """Raise ValueError unless the loaded optimizers and schedules can go on."""
        for optimizer, settings in self._optimizers:
            if _settings(optimizer) != settings or not _has_right_values(optimizer):
                raise ValueError("an optimizer does not fit the network or the settings")
        for scheduler, own in self._schedulers:
            if not is_like(scheduler.state_dict(), own):
                raise ValueError("a schedule of the learning rate is none of this run")


def is_like(value: Any, own: Any) -> bool:
    """Return whether a value is built as `own`: of no other names, of the same lengths and shapes, numbers for numbers."""
    if isinstance(own, dict):
        return isinstance(value, dict) and all(name in own and is_like(value[name], own[name]) for name in value)
    if isinstance(own, Sequence) and not isinstance(own, str):
        return isinstance(value, list | tuple) and len(value) == len(own) and all(map(is_like, value, own))
    if isinstance(own, Tensor):
        return isinstance(value, Tensor) and value.shape == own.shape
    return type(value) is type(own) or (isinstance(own, int | float) and isinstance(value, int | float))


def _settings(optimizer: Optimizer) -> list[dict[str, Any]]:
    left_out = ("params", *_RATES)
    return [{name: value for name, value in group.items() if name not in left_out} for group in optimizer.param_groups]


def _has_right_values(optimizer: Optimizer) -> bool:
    """Return whether the learning rates are numbers, and what is kept per weight has the shapes that this optimizer uses."""
    probe = nn.Parameter(torch.zeros(2, 3))
    probe.grad = torch.zeros(2, 3)
    other = type(optimizer)([probe])
    other.step()
    own = other.state[probe]

    def fits(weight: Any, values: Any) -> bool:
        if not isinstance(weight, Tensor) or values.keys() != own.keys():
            return False
        shapes = {name: weight.shape if own[name].shape == probe.shape else own[name].shape for name in own}
        return all(isinstance(values[name], Tensor) and values[name].shape == shapes[name] for name in own)

    rates = [group.get(name, 0.0) for group in optimizer.param_groups for name in _RATES]
    return all(isinstance(rate, float | int) for rate in rates) and all(
        fits(weight, values) for weight, values in optimizer.state.items()
    )
