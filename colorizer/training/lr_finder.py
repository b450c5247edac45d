"""Learning-rate finder: a sweep over learning rates for each player of a run, which leaves the run unchanged."""

import csv
import io
import math
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
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
from colorizer.training.photos import numbered_batches
from colorizer.training.players import Players
from colorizer.training.reports import save_figure
from colorizer.training.run_states import Progress, load_state, save_state

FIRST_RATE, LAST_RATE = 1e-7, 10.0

# A sweep ends when the smoothed loss is this many times its minimum.
EXPLODED = 4.0

# Width of the Gaussian that smooths the losses, in powers of ten of the rate.
SMOOTHING = 1 / 3

# Share of the rates, from the lowest, at which a network hardly changes. The initial loss is measured on them.
BEGINNING = 0.1

# A suggestion needs at least this many points, and a fall of at least this share of the initial loss.
MIN_POINTS = 10
MIN_FALL = 0.01

# One batch of the training loop: its number, its epoch and its photos → the logged losses.
TrainingStep = Callable[[int, int, dict[str, Tensor]], dict[str, Tensor]]


def rates_to_sweep(num_steps: int) -> list[float]:
    """Return `num_steps` geometrically spaced rates from 1e-7 to 10."""
    return np.geomspace(FIRST_RATE, LAST_RATE, num_steps).tolist()


@dataclass(frozen=True)
class Suggestion:
    """Learning rates that a curve suggests; where one is None, `reason` explains why.

    steepest: the rate at which the loss falls fastest, over the logarithm of the rate.
    minimum: a tenth of the rate at which the loss is lowest.
    """

    steepest: float | None = None
    minimum: float | None = None
    reason: str = ""

    @property
    def smaller(self) -> float | None:
        """The smaller rate: a sweep has one step at each rate, and a run at the larger may diverge."""
        return min((rate for rate in (self.steepest, self.minimum) if rate), default=None)


@dataclass
class Curve:
    """Losses of one player at increasing rates: the range test of Smith 2015 (arXiv 1506.01186, section 3.3).

    name: the player's name.
    starts: the step of the run at which its stage begins.
    losses: one per rate. The last one may not be finite, which ends the sweep like an exploded loss.
    """

    name: str
    starts: int = 0
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _recent: list[float] = field(default_factory=list)  # at each rate, the smoothed loss of the rates up to it

    def add(self, rate: float, loss: float) -> bool:
        """Add a point and return whether the sweep continues."""
        self.rates.append(rate)
        self.losses.append(loss)
        if not math.isfinite(loss):
            return False
        self._recent.append(float(_weights(self.rates)[-1] @ np.array(self.losses)))
        return self._recent[-1] <= self._bound

    @property
    def has_exploded(self) -> bool:
        """True if the last loss is not finite or many times the minimum."""
        return not math.isfinite(self.losses[-1]) or self._recent[-1] > self._bound

    @property
    def _bound(self) -> float:
        # A discriminator's loss falls to nearly 0. Back at its initial value, it is many times the minimum, not exploded.
        return max(EXPLODED * min(self._recent), *self.losses[: self._num_beginning])

    @property
    def _num_beginning(self) -> int:
        return max(1, round(BEGINNING * len(self._recent)))

    @property
    def smoothed(self) -> list[float]:
        """Mean loss around every rate, without the lag of a running mean; NaN where the loss is not finite."""
        if not self._recent:
            return [math.nan] * len(self.losses)
        count = len(self._recent)
        # A loss that explodes by millions would dominate the means around it.
        bounded = np.minimum(np.array(self.losses[:count]), self._bound)
        return [*(_weights(self.rates[:count]) @ bounded).tolist(), *[math.nan] * (len(self.losses) - count)]

    def suggest(self) -> Suggestion:
        """Return the suggestions "steep" and "minimum" of fastai's `lr_find`, or the reason why there are none."""
        count = len(self._recent)
        if count == 0:
            return Suggestion(reason=f"the loss is {self.losses[0]} before the first step")
        if count < MIN_POINTS:
            exploded = f"the loss explodes at {self.rates[-1]:.1e}, " if self.has_exploded else ""
            return Suggestion(
                reason=f"{exploded}{count} rates are too few: set --find_lr_steps to at least {MIN_POINTS}"
            )
        losses, smoothed, rates = (np.array(values[:count]) for values in (self.losses, self.smoothed, self.rates))
        beginning = self._num_beginning
        lowest = int(smoothed.argmin())
        start = losses[:beginning].mean()
        least = max(MIN_FALL * abs(start), 3 * _noise(losses[: lowest + 1], rates, beginning))
        if lowest < beginning or start - smoothed[lowest] <= least:
            return Suggestion(
                reason="the loss never falls by more than its noise, which a larger --train_batch_size or "
                "--gradient_accumulation_steps reduces"
            )
        # Before the loss has fallen by more than its noise, the noise may be steeper.
        first = max(beginning, 1 + max(np.flatnonzero(start - smoothed[:lowest] <= least), default=0))
        slopes = np.gradient(smoothed, np.log(rates))[first : lowest + 1]
        steepest = float(rates[first + int(slopes.argmin())])
        if lowest == count - 1:
            return Suggestion(steepest, reason=f"the loss still falls at {rates[-1]:.1e}, so its minimum lies beyond")
        return Suggestion(steepest, float(rates[lowest]) / 10)


def _weights(rates: list[float]) -> np.ndarray:
    """Return the weights of all points in the mean around each point, (N, N); rows sum to 1."""
    place = np.log10(np.array(rates))
    weights = np.exp(-0.5 * ((place[:, None] - place[None]) / SMOOTHING) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _noise(losses: np.ndarray, rates: np.ndarray, beginning: int) -> float:
    """Return the standard deviation of the loss's fall that results from noise, such as dropout's, without any learning.

    That of a single loss is estimated from the median difference between neighbors, where neither the curve itself shows nor
    the rates that are too high.
    """
    one = np.median(np.abs(np.diff(losses))) / (0.6745 * math.sqrt(2)) if len(losses) > 2 else 0.0
    weights = _weights(rates[: len(losses)].tolist())[-1]
    return float(one * math.sqrt(1 / beginning + (weights**2).sum()))


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
