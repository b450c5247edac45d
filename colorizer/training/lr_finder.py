"""The learning-rate finder: a sweep over rates for each player of a run, which leaves the run as it was."""

from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Protocol

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm.auto import tqdm

from colorizer.approaches.base.objectives import Player
from colorizer.data import PhotoBatches, PhotoDataset, PhotoStream
from colorizer.training import reports
from colorizer.training.arguments import TrainingArguments
from colorizer.training.lr_curve import Curve, rates_to_sweep
from colorizer.training.photos import numbered_batches
from colorizer.training.players import Players
from colorizer.training.run_states import Progress
from colorizer.training.snapshot import Snapshot

# One batch of the training loop: its number, its epoch, its photos → the losses that are logged.
TrainingStep = Callable[[int, int, dict[str, Tensor]], dict[str, Tensor]]


class Run(Protocol):
    """What a sweep needs of the run."""

    accelerator: Accelerator
    arguments: TrainingArguments
    output_dir: Path
    train_photos: PhotoDataset | PhotoStream
    batches: PhotoBatches
    players: Players
    ema: nn.Module
    progress: Progress

    def say(self, message: str) -> None: ...


def find_learning_rates(run: Run, training_step: TrainingStep) -> list[Curve]:
    """Sweep the rate of each player that has not ended, the others at theirs; report curves and suggestions.

    Every sweep begins from the weights as they are now, with the batches that the training begins with, and ends when the
    loss explodes. Losses are means over the processes. The run is afterwards what it was before, whatever happens: network,
    optimizers, schedules, averaged weights, players, random state. `lr_finder.csv` and `lr_finder.png` are in the output
    folder then.
    """
    curves = []
    for player in run.players:
        if player.ends is None or player.ends > run.progress.step:
            curves.append(_sweep(run, player, training_step))
    if run.accelerator.is_main_process:
        reports.save_lr_curves(curves, run.output_dir, run.arguments.approach)
    for curve in curves:
        run.say(describe(curve, run.progress.step))
    run.say(f"The curves are in {run.output_dir / 'lr_finder.csv'} and lr_finder.png beside it.")
    return curves


def _sweep(run: Run, player: Player, training_step: TrainingStep) -> Curve:
    players, progress, accelerator = run.players, run.progress, run.accelerator
    accumulation = run.arguments.gradient_accumulation_steps
    modules = [*players.modules, run.ema, *players.saved]
    scaler = [accelerator.scaler] if accelerator.scaler else []
    snapshot = Snapshot(accelerator, modules, [*players.optimizers, *players.schedulers, progress, *scaler])
    # A stream counts the photos that it gives, and those of the sweep are not learned from.
    report = deepcopy(run.train_photos.report)
    curve = Curve(player.name, player.starts)
    rates = rates_to_sweep(run.arguments.find_lr_steps)
    is_silent = not accelerator.is_local_main_process
    try:
        batches = numbered_batches(run.batches, progress.step * accumulation)
        progress.step = max(progress.step, player.starts)
        with closing(batches), tqdm(rates, desc=f"rates of {player.name}", unit="step", disable=is_silent) as bar:
            for rate in bar:
                loss = torch.zeros((), device=accelerator.device)
                for _ in range(accumulation):
                    # At every batch: schedules change the rates after an optimizer step.
                    players.set_rates(player, rate)
                    loss += training_step(*next(batches))[f"{player.name}_loss"].float() / accumulation
                if not curve.add(rate, accelerator.reduce(loss, reduction="mean").item()):
                    break
    finally:
        snapshot.restore()
        run.train_photos.report = report
    return curve


def describe(curve: Curve, step: int) -> str:
    """What a curve suggests that was measured at `step`, in a sentence."""
    suggestion = curve.suggest()
    rates = [
        f"{rate:.1e} ({meaning})"
        for rate, meaning in (
            (suggestion.steepest, "the loss falls fastest"),
            (suggestion.minimum, "a tenth of where it is lowest"),
        )
        if rate
    ]
    later = f" of the stage from step {curve.starts}, begun on the weights of now" if curve.starts > step else ""
    found = f"suggested learning rate {' or '.join(rates)}" if rates else "no suggestion"
    return f"{curve.name}{later}: {found}" + (f"; {suggestion.reason}." if suggestion.reason else ".")
