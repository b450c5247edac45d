"""Players of a run with their optimizers, schedules, and modules as wrapped by accelerate."""

from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from colorizer.approaches.base.objectives import Player, StepInputs
from colorizer.training.arguments import TrainingArguments
from colorizer.training.builders import make_optimizer, make_scheduler


class Players:
    """Players of a run, in the order in which they act. `step` is always the number of optimizer steps done so far."""

    def __init__(
        self, accelerator: Accelerator, players: list[Player], arguments: TrainingArguments, num_steps: int
    ) -> None:
        self.accelerator = accelerator
        self._players = players
        self.max_grad_norm = arguments.max_grad_norm
        if accelerator.num_processes > 1 and accelerator.device.type == "cuda":
            for player in players:
                player.trained = nn.SyncBatchNorm.convert_sync_batchnorm(player.trained)
        settings = [arguments.changed(player.settings) for player in players]
        self.rates = [given.learning_rate for given in settings]
        optimizers = [make_optimizer(player.trained, given) for player, given in zip(players, settings, strict=True)]
        # Taken before a schedule changes the rates.
        self.shares = [
            [group["lr"] / rate for group in optimizer.param_groups]
            for optimizer, rate in zip(optimizers, self.rates, strict=True)
        ]
        self.schedulers: list[LRScheduler | ReduceLROnPlateau] = []
        for player, optimizer, given in zip(players, optimizers, settings, strict=True):
            end = num_steps if player.ends is None else min(player.ends, num_steps)
            self.schedulers.append(make_scheduler(optimizer, given, max(1, end - player.starts)))
        # A module that several players train is wrapped once.
        modules = list({id(player.trained): player.trained for player in players}.values())
        prepared = accelerator.prepare(*modules, *optimizers)
        wrapped = {id(module): wrapper for module, wrapper in zip(modules, prepared, strict=False)}
        for player in players:
            player.trained = wrapped[id(player.trained)]
        self.saved = [player.saved.to(accelerator.device) for player in players]
        self.modules: list[nn.Module] = list(wrapped.values())
        self.optimizers: list[torch.optim.Optimizer] = list(prepared[len(modules) :])

    def __iter__(self) -> Iterator[Player]:
        return iter(self._players)

    @property
    def network(self) -> nn.Module:
        """The wrapped network. It belongs to the last player: a discriminator acts first, on the same prediction."""
        return self._players[-1].trained

    def _active(self, step: int) -> Iterator[int]:
        return (index for index, player in enumerate(self) if player.is_active(step))

    def beginning(self, step: int) -> list[Player]:
        """Return the players whose first step this is."""
        return [player for player in self if player.starts == step]

    def notes(self, step: int) -> list[str]:
        """Return the notes of the active players."""
        return [player.note for player in self if player.is_active(step) and player.note]

    def is_last_stage(self, step: int) -> bool:
        """Return whether no player begins later."""
        return all(player.starts <= step for player in self)

    def active_modules(self, step: int) -> list[nn.Module]:
        """Return the modules that are trained in this step, each once."""
        return list({id(player.trained): player.trained for player in self if player.is_active(step)}.values())

    def update(self, step: int, inputs: StepInputs) -> dict[str, Tensor]:
        """Run backward and an optimizer step per active player, in order; return the losses and their parts by name."""
        logs: dict[str, Tensor] = {}
        for index in self._active(step):
            player, optimizer = self._players[index], self.optimizers[index]
            loss, parts = player.loss(inputs)
            self.accelerator.backward(loss)
            if self.accelerator.sync_gradients and self.max_grad_norm:
                self.accelerator.clip_grad_norm_(player.trained.parameters(), self.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            logs[f"{player.name}_loss"] = loss.detach()
            logs |= {f"{player.name}_{name}": part.detach() for name, part in parts.items()}
        return logs

    def step_schedules(self, step: int) -> None:
        """Step the schedules that depend on the step, after an optimizer step."""
        for index in self._active(step):
            if not isinstance(self.schedulers[index], ReduceLROnPlateau):
                self.schedulers[index].step()

    def follow_schedules(self) -> None:
        """Set the learning rates to those of the schedules, where an extended run's differ from the saved ones."""
        for scheduler in self.schedulers:
            if isinstance(scheduler, LambdaLR):
                groups = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
                for group, rate, factor in groups:
                    group["lr"] = rate * factor(scheduler.last_epoch)

    def step_plateaus(self, step: int, validation_loss: float) -> None:
        """Step the schedules that depend on the validation loss, after a validation."""
        for index in self._active(step):
            if isinstance(self.schedulers[index], ReduceLROnPlateau):
                self.schedulers[index].step(validation_loss)

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the last active player, which trains the network."""
        *_, index = self._active(step)
        return self.schedulers[index].optimizer.param_groups[0]["lr"]

    def set_rates(self, chosen: Player, chosen_rate: float) -> None:
        """Set one player's learning rate, and the others' to that of the run's arguments, until the schedules' next step.

        Weights with a share of the rate, such as those of pretrained parts, keep their share.
        """
        for player, optimizer, rate, shares in zip(self, self.optimizers, self.rates, self.shares, strict=True):
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = share * (chosen_rate if player is chosen else rate)

    def average_statistics(self, averaged: nn.Module) -> None:
        """Average batch norm's statistics over the processes: each has its own photos, but only one process publishes."""
        if self.accelerator.num_processes == 1:
            return
        for module in (averaged, *self.modules):
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.accelerator.reduce(buffer, reduction="mean"))
