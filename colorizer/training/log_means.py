"""Means of logged values over steps and processes."""

import math

import torch
from accelerate import Accelerator
from torch import Tensor

from colorizer.errors import CheckpointError, ColorizerError


class Means:
    """Sums of named values since the last `take`. They stay on the device, so that no step waits for it."""

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self._clear()

    def _clear(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: dict[str, Tensor]) -> None:
        """Add one value per name. Names may differ between the stages of a run."""
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def state_dict(self) -> dict[str, tuple[Tensor, int]]:
        """Return the sums of all processes, (processes,), and the count per name. Every process must call it."""
        return {
            name: (self.accelerator.gather(total[None]).cpu(), self.counts[name]) for name, total in self.sums.items()
        }

    def load_state_dict(self, state: dict[str, tuple[Tensor, int]]) -> None:
        self._clear()
        for name, (totals, count) in state.items():
            if not isinstance(name, str) or not isinstance(count, int) or count < 1 or totals.ndim != 1:
                raise CheckpointError("its means are none")
            self.sums[name] = totals[self.accelerator.process_index].to(self.accelerator.device)
            self.counts[name] = count

    def take(self, step: int) -> dict[str, float]:
        """Return the means over all processes and reset the sums.

        Raises:
            ColorizerError: a mean is not finite; the message gives remedies.
        """
        names = list(self.sums)
        local = torch.stack([(self.sums[name] / self.counts[name]).float() for name in names])
        means = self.accelerator.reduce(local, reduction="mean").tolist()
        self._clear()
        return check_finite(dict(zip(names, means, strict=True)), step)


def check_finite(means: dict[str, float], step: int) -> dict[str, float]:
    """Return means of a step, of training or validation, whose records could not be read as JSON if one were not finite.

    Raises:
        ColorizerError: one is not finite; the message gives remedies.
    """
    for name, mean in means.items():
        if not math.isfinite(mean):
            raise ColorizerError(
                f"{name} is {mean} at step {step}: the training diverged. Lower --learning_rate or set "
                "--max_grad_norm; the best checkpoint so far is in the output folder."
            )
    return means
