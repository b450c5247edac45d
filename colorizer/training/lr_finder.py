"""Learning-rate finder: a sweep over learning rates for each player of a run, which leaves the run unchanged."""

import csv
import io
import math
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from accelerate import Accelerator
from matplotlib.figure import Figure
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.approaches.base.objectives import Player
from colorizer.atomic_write import write_text
from colorizer.data import PhotoBatches, PhotoDataset, PhotoStream
from colorizer.training.arguments import TrainingArguments
from colorizer.training.lr_curve import Curve
from colorizer.training.photos import numbered_batches
from colorizer.training.players import Players
from colorizer.training.reports import save_figure
from colorizer.training.run_states import Progress, load_state, save_state

FIRST_RATE, LAST_RATE = 1e-7, 10.0

# One batch of the training loop: its number, its epoch and its photos → the logged losses.
TrainingStep = Callable[[int, int, dict[str, Tensor]], dict[str, Tensor]]


def rates_to_sweep(num_steps: int) -> list[float]:
    """Return `num_steps` geometrically spaced rates from 1e-7 to 10."""
    return np.geomspace(FIRST_RATE, LAST_RATE, num_steps).tolist()


class Run(Protocol):
    """Part of a trainer that a sweep uses."""

    accelerator: Accelerator
    arguments: TrainingArguments
    output_dir: Path
    train_photos: PhotoDataset | PhotoStream
    batches: PhotoBatches
    players: Players
    progress: Progress

    def say(self, message: str) -> None: ...


def find_learning_rates(run: Run, training_step: TrainingStep) -> list[Curve]:
    """Sweep the rate of each player that has not ended, with the others at their own; report curves and suggestions.

    Every sweep starts from the current weights, with the batches that training continues with, and ends when the loss
    explodes. Photos differ more in their losses than a few steps change them, so each step's loss is compared with that of
    the current weights on the same batch. Losses are means over the processes. The run is restored afterwards, even after an
    error: network, optimizers, schedules, EMA, players and random state. The results are `lr_finder.csv` and
    `lr_finder.png` in the output folder.
    """
    accelerator, folder = run.accelerator, run.output_dir / ".before-sweep"
    try:
        state = save_state(accelerator, folder, run.progress.step, {}, limit=1)
        curves = [
            _sweep(run, player, training_step, state)
            for player in run.players
            if player.ends is None or player.ends > run.progress.step
        ]
        accelerator.wait_for_everyone()
    finally:
        if accelerator.is_main_process:
            shutil.rmtree(folder, ignore_errors=True)
    if accelerator.is_main_process:
        save_lr_curves(curves, run.output_dir, run.arguments.approach)
    for curve in curves:
        run.say(describe(curve, run.progress.step))
    run.say(f"The curves are in {run.output_dir / 'lr_finder.csv'} and lr_finder.png.")
    return curves


def _sweep(run: Run, player: Player, training_step: TrainingStep, state: Path) -> Curve:
    rates = rates_to_sweep(run.arguments.find_lr_steps)
    unchanged = list(_losses(run, player, training_step, state, [0.0] * len(rates)))
    curve = Curve(player.name, player.starts)
    with closing(_losses(run, player, training_step, state, rates)) as losses:
        for rate, loss, without in zip(rates, losses, unchanged, strict=True):
            if not curve.add(rate, loss - without + float(np.mean(unchanged))):
                break
    return curve


def _losses(
    run: Run, player: Player, training_step: TrainingStep, state: Path, rates: Sequence[float]
) -> Iterator[float]:
    """Yield the player's loss of a step at each rate, then restore the state: the next call gets the same batches."""
    players, progress, accelerator = run.players, run.progress, run.accelerator
    accumulation = run.arguments.gradient_accumulation_steps
    # A stream counts the photos that it yields, but those of the sweep are not trained on.
    report = deepcopy(run.train_photos.report)
    is_silent = not accelerator.is_local_main_process
    try:
        batches = numbered_batches(run.batches, progress.step * accumulation)
        progress.step = max(progress.step, player.starts)
        with closing(batches), tqdm(rates, desc=f"rates of {player.name}", unit="step", disable=is_silent) as bar:
            for rate in bar:
                loss = torch.zeros((), device=accelerator.device)
                for _ in range(accumulation):
                    # Before every batch, since schedules change the rates after an optimizer step.
                    players.set_rates(player, rate)
                    loss += training_step(*next(batches))[f"{player.name}_loss"].float() / accumulation
                yield accelerator.reduce(loss, reduction="mean").item()
    finally:
        load_state(accelerator, state, {})
        for module in players.modules:
            module.zero_grad()
        run.train_photos.report = report


def describe(curve: Curve, step: int) -> str:
    """Describe in a sentence what a curve, measured at `step`, suggests."""
    suggestion = curve.suggest()
    rates = [
        f"{rate:.1e} ({meaning})"
        for rate, meaning in (
            (suggestion.steepest, "where the loss falls fastest"),
            (suggestion.minimum, "a tenth of the rate at its minimum"),
        )
        if rate
    ]
    later = f" of the stage from step {curve.starts}, measured on the current weights" if curve.starts > step else ""
    found = f"suggested learning rate {' or '.join(rates)}" if rates else "no suggestion"
    if len(rates) == 2:
        found += (
            f". Take {suggestion.smaller:.1e}, the smaller: the sweep has one step at each rate, a run at the larger may "
            "diverge"
        )
    return f"{curve.name}{later}: {found}" + (f"; {suggestion.reason}." if suggestion.reason else ".")


def save_lr_curves(curves: list[Curve], folder: Path, title: str) -> None:
    """Write the curves to `lr_finder.csv` and plot them with their suggestions as `lr_finder.png`."""
    content = io.StringIO()
    table = csv.writer(content)
    table.writerow(("player", "starts", "learning_rate", "loss", "smoothed_loss"))
    for curve in curves:
        for point in zip(curve.rates, curve.losses, curve.smoothed, strict=True):
            table.writerow((curve.name, curve.starts, *point))
    write_text(folder / "lr_finder.csv", content.getvalue())
    figure = Figure(figsize=(6 * len(curves), 4), layout="constrained")
    for axes, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        axes.plot(curve.rates, curve.losses, ".", alpha=0.4, label="loss")
        axes.plot(curve.rates, curve.smoothed, label="smoothed")
        axes.set(title=f"{curve.name} from step {curve.starts}" if curve.starts else curve.name, xlabel="learning rate")
        axes.set_xscale("log")
        smoothed = [value for value in curve.smoothed if math.isfinite(value)]
        if smoothed:
            # An exploded loss would flatten the rest of the curve.
            margin = 0.1 * (max(smoothed) - min(smoothed)) or 1.0
            axes.set_ylim(min(smoothed) - margin, max(smoothed) + margin)
        suggestion = curve.suggest()
        for rate, meaning, style in (
            (suggestion.steepest, "steepest fall", "--"),
            (suggestion.minimum, "a tenth of the rate at the minimum", ":"),
        ):
            if rate:
                axes.axvline(rate, linestyle=style, color="black", label=f"{rate:.1e} ({meaning})")
        axes.legend(title=textwrap.fill(suggestion.reason, 40) or None, fontsize="small")
    figure.suptitle(title)
    save_figure(figure, folder / "lr_finder.png")
