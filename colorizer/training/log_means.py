"""Means of what a run logs, over steps and processes."""

import math

import torch
from accelerate import Accelerator
from torch import Tensor

from colorizer.errors import ColorizerError


class Means:
    """Sums of named numbers since the last `take`, on the device: nothing waits for it at a step."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self._clear()

    def _clear(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: dict[str, Tensor]) -> None:
        """Count one more of each; those of one stage of a run need not be those of the next."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self, step: int) -> dict[str, float]:
        """The means over all processes, and begin anew.

        Raises:
            ColorizerError: one is not finite; the message says what to do.
        """
        names = list(self.sums)
        local = torch.stack([(self.sums[name] / self.counts[name]).float() for name in names])
        means = self.accelerator.reduce(local, reduction="mean").tolist()
        self._clear()
        for name, mean in zip(names, means, strict=True):
            if not math.isfinite(mean):
                raise ColorizerError(
                    f"{name} is {mean} at step {step}: the training diverged. Lower --learning_rate or set "
                    "--max_grad_norm; the best checkpoint so far is in the output folder."
                )
        return dict(zip(names, means, strict=True))
