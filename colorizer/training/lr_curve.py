"""Losses over increasing learning rates, and the rates that they suggest."""

import math
from dataclasses import dataclass, field

import numpy as np

# A sweep ends when the smoothed loss is this many times its minimum.
EXPLODED = 4.0

# Width of the Gaussian that smooths the losses, in powers of ten of the rate.
SMOOTHING = 1 / 3

# Share of the rates, from the lowest, at which a network hardly changes. The initial loss is measured on them.
BEGINNING = 0.1

# A suggestion needs at least this many points, and a fall of at least this share of the initial loss.
MIN_POINTS = 10
MIN_FALL = 0.01


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
        start = losses[:beginning].mean()
        # From a rate that undoes what was learned, the loss may fall again, lower even, to rates at which no run is stable.
        count = _first_rise(smoothed, start, max(MIN_FALL * abs(start), 3 * _noise(losses, rates, beginning)))
        losses, smoothed, rates = losses[:count], smoothed[:count], rates[:count]
        lowest = int(smoothed.argmin())
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
        if lowest == len(self._recent) - 1:
            return Suggestion(steepest, reason=f"the loss still falls at {rates[-1]:.1e}, so its minimum lies beyond")
        return Suggestion(steepest, float(rates[lowest]) / 10)


def _weights(rates: list[float]) -> np.ndarray:
    """Return the weights of all points in the mean around each point, (N, N); rows sum to 1."""
    place = np.log10(np.array(rates))
    weights = np.exp(-0.5 * ((place[:, None] - place[None]) / SMOOTHING) ** 2)
    return weights / weights.sum(1, keepdims=True)


def _first_rise(smoothed: np.ndarray, start: float, least: float) -> int:
    """Return the index of the first mean that is above the initial loss by more than `least`, after one as far below it."""
    below = np.minimum.accumulate(smoothed) < start - least
    return int(np.append(np.flatnonzero(below & (smoothed > start + least)), len(smoothed))[0])


def _noise(losses: np.ndarray, rates: np.ndarray, beginning: int) -> float:
    """Return the standard deviation of the loss's fall that results from noise, such as dropout's, without any learning.

    That of a single loss is estimated from the median difference between neighbors, where neither the curve itself shows nor
    the rates that are too high.
    """
    one = np.median(np.abs(np.diff(losses))) / (0.6745 * math.sqrt(2)) if len(losses) > 2 else 0.0
    weights = _weights(rates[: len(losses)].tolist())[-1]
    return float(one * math.sqrt(1 / beginning + (weights**2).sum()))
