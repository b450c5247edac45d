"""A run as it is at one moment, kept in memory."""

import random
from copy import deepcopy
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn


class Stateful(Protocol):
    """Optimizers, schedules, the scaler of fp16, the progress of a run."""

    def state_dict(self) -> dict: ...

    def load_state_dict(self, state: dict) -> None: ...


class Snapshot:
    """Copies of all tensors of `modules`, of the states of `stateful` and of the random generators of this process.

    `restore` puts them back bit for bit, in place: what holds one of the tensors (an optimizer, DDP) holds it afterwards.
    """

    def __init__(self, accelerator: Accelerator, modules: list[nn.Module], stateful: list[Stateful]) -> None:
        self._accelerator = accelerator
        self._step = accelerator.step  # of accumulating gradients
        # Not state dicts: those leave out buffers that are not saved.
        tensors = {id(tensor): tensor for m in modules for tensor in (*m.parameters(), *m.buffers())}.values()
        self._tensors = [(tensor, tensor.detach().clone()) for tensor in tensors]
        self._is_training = [(part, part.training) for module in modules for part in module.modules()]
        self._states = [(part, deepcopy(part.state_dict())) for part in stateful]
        self._device = torch.get_device_module(accelerator.device)
        self._random = (random.getstate(), np.random.get_state(), torch.get_rng_state())
        self._device_random = self._device.get_rng_state() if hasattr(self._device, "get_rng_state") else None

    @torch.no_grad()
    def restore(self) -> None:
        for tensor, saved in self._tensors:
            tensor.copy_(saved)
            tensor.grad = None
        for part, was_training in self._is_training:
            part.training = was_training
        for part, state in self._states:
            # A copy: what is loaded may be kept and changed, and a snapshot restores more than once.
            part.load_state_dict(deepcopy(state))
        self._accelerator.step = self._step
        python, numpy, cpu = self._random
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(cpu)
        if self._device_random is not None:
            self._device.set_rng_state(self._device_random)
