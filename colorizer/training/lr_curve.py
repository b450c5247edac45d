"""The loss over the learning rate, and the rates that it suggests: no run, no network, numbers alone."""

import math
from dataclasses import dataclass, field

import numpy as np

FIRST_RATE, LAST_RATE = 1e-7, 10.0

# A sweep ends when the loss is this many times the best.
EXPLODED = 4.0

# Width of the Gaussian that smooths the losses, in powers of ten of the rate.
SMOOTHING = 1 / 3

# Share of the rates, from the lowest, over which a network does not move yet: where the loss begins is measured on them.
BEGINNING = 0.1

# Fewer make no curve, and a fall that is smaller than this share of the loss is none.
MIN_POINTS = 10
MIN_FALL = 0.01


def rates_to_sweep(num_steps: int) -> list[float]:
    """`num_steps` rates from 1e-7 to 10, each the same multiple of the one before."""
    return np.geomspace(FIRST_RATE, LAST_RATE, num_steps).tolist()


@dataclass(frozen=True)
class Suggestion:
    """Rates that a curve suggests, None for one that it doesn't, and `reason`, why.

    steepest: where the loss falls fastest over the logarithm of the rate. minimum: a tenth of the rate where it is lowest.
    """

    steepest: float | None = None
    minimum: float | None = None
    reason: str = ""


@dataclass
class Curve:
    """The losses of one player, rate by rate: the range test of Smith 2015 (arXiv 1506.01186, section 3.3).

    name: the player's. starts: the step of the run with which its stage begins. losses: the last one may be not finite, and
    ends the sweep as one does that exploded.
    """

    name: str
    starts: int = 0
    rates: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    _recent: list[float] = field(default_factory=list)  # the smoothed loss as it was at each rate

    def add(self, rate: float, loss: float) -> bool:
        """Add a point; whether the sweep goes on."""
        self.rates.append(rate)
        self.losses.append(loss)
        if not math.isfinite(loss):
            return False
        self._recent.append(float(_weights(self.rates)[-1] @ np.array(self.losses)))
        return self._recent[-1] <= self._bound

    @property
    def has_exploded(self) -> bool:
        """Whether the loss is not finite at last, or many times the best."""
        return not math.isfinite(self.losses[-1]) or self._recent[-1] > self._bound

    @property
    def _bound(self) -> float:
        # A discriminator's loss falls to nearly 0: back where it began, it is many times the best but has not exploded.
        return max(EXPLODED * min(self._recent), *self.losses[: self._num_beginning])

    @property
    def _num_beginning(self) -> int:
        return max(1, round(BEGINNING * len(self._recent)))

    @property
    def smoothed(self) -> list[float]:
        """The mean around every rate, which lags in neither direction as a running mean does; NaN where it is not finite."""
        if not self._recent:
            return [math.nan] * len(self.losses)
        count = len(self._recent)
        # An explosion by millions would show in the mean of all the rates around it.
        bounded = np.minimum(np.array(self.losses[:count]), self._bound)
        return [*(_weights(self.rates[:count]) @ bounded).tolist(), *[math.nan] * (len(self.losses) - count)]

    def suggest(self) -> Suggestion:
        """The two suggestions of fastai's `lr_find`, "steep" and "minimum", or why there is none."""
        count = len(self._recent)
        if count == 0:
            return Suggestion(reason=f"the loss is {self.losses[0]} before the first step")
        if count < MIN_POINTS:
            exploded = f"the loss explodes at {self.rates[-1]:.1e}, " if self.has_exploded else ""
            return Suggestion(reason=f"{exploded}{count} rates are too few: --find_lr_steps, at least {MIN_POINTS}")
        losses, smoothed, rates = (np.array(values[:count]) for values in (self.losses, self.smoothed, self.rates))
        beginning = self._num_beginning
        lowest = int(smoothed.argmin())
        start = losses[:beginning].mean()
        if lowest < beginning or start - smoothed[lowest] <= max(
            MIN_FALL * abs(start), 3 * _noise(losses[: lowest + 1], rates, beginning)
        ):
            return Suggestion(
                reason="the loss never falls below where it began by more than it varies anyhow, which is less with more "
                "photos a step: --train_batch_size, --gradient_accumulation_steps"
            )
        slopes = np.gradient(smoothed, np.log(rates))[beginning : lowest + 1]
        steepest = float(rates[beginning + int(slopes.argmin())])
        if lowest == count - 1:
            return Suggestion(steepest, reason=f"the loss still falls at {rates[-1]:.1e}, its minimum lies beyond")
        return Suggestion(steepest, float(rates[lowest]) / 10)


def _weights(rates: list[float]) -> np.ndarray:
    """What each point weighs in the mean around each, (N, N), rows of sum 1."""
    place = np.log10(np.array(rates))
    weights = np.exp(-0.5 * ((place[:, None] - place[None]) / SMOOTHING) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _noise(losses: np.ndarray, rates: np.ndarray, beginning: int) -> float:
    """Standard deviation of the fall that photos make which differ from step to step, without any learning.

    That of one loss comes from the differences of neighbors, in which the curve itself hardly shows.
    """
    one = np.diff(losses).std() / math.sqrt(2) if len(losses) > 2 else 0.0
    weights = _weights(rates[: len(losses)].tolist())[-1]
    return float(one * math.sqrt(1 / beginning + (weights**2).sum()))
