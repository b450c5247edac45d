"""Curves of the learning-rate finder on losses with known suggestions."""

import math

import numpy as np
import pytest

from colorizer.training.lr_curve import Curve
from colorizer.training.lr_finder import rates_to_sweep


def sweep(loss, num_steps: int = 100) -> Curve:
    """Return the curve of a loss, given as a function of the rate's decimal logarithm, until the sweep ends."""
    curve = Curve("network")
    for rate in rates_to_sweep(num_steps):
        if not curve.add(rate, loss(math.log10(rate))):
            break
    return curve


def valley(place: float) -> float:
    """Return a loss that falls from 1 to 0.2, fastest at 1e-4, and rises steeply beyond 1e-1."""
    return 0.2 + 0.8 / (1 + math.exp(4 * (place + 4))) + 10 ** (2 * (place + 1))


def test_the_rates_are_exponential_from_1e_7_to_10():
    rates = rates_to_sweep(9)
    assert rates == pytest.approx([10.0**power for power in range(-7, 2)])


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_it_finds_the_steepest_descent_and_a_tenth_of_the_minimum(noise):
    random = np.random.default_rng(0)
    curve = sweep(lambda place: valley(place) * (1 + noise * random.standard_normal()))
    suggestion = curve.suggest()
    lowest = min(np.linspace(-7, 1, 1000), key=valley)
    assert math.log10(suggestion.steepest) == pytest.approx(-4, abs=0.1 if noise == 0 else 0.4)
    assert math.log10(suggestion.minimum) == pytest.approx(lowest - 1, abs=0.5)
    assert suggestion.reason == ""
    # The loss explodes before 10 and ends the sweep, beyond the minimum.
    assert -1 < math.log10(curve.rates[-1]) < 0.5
    assert curve.losses[-1] > 4 * min(curve.smoothed)


@pytest.mark.parametrize("seed", range(8))
def test_noise_before_the_fall_is_not_its_steepest_part(seed):
    random = np.random.default_rng(seed)
    curve = sweep(
        lambda place: 0.09 - 0.012 * min(max(place + 5, 0), 3) + 0.012 * random.standard_normal() + 10 ** (2 * place),
        80,
    )
    assert 1e-5 < curve.suggest().steepest < 1e-1


def test_the_smoothed_loss_is_the_mean_around_every_rate():
    random = np.random.default_rng(0)
    curve = sweep(lambda place: 1 - 0.05 * place + 0.2 * random.standard_normal())
    weights = [[math.exp(-0.5 * (3 * math.log10(a / b)) ** 2) for b in curve.rates] for a in curve.rates]
    for row, value in zip(weights, curve.smoothed, strict=True):
        assert value == pytest.approx(sum(w * v for w, v in zip(row, curve.losses, strict=True)) / sum(row))


def test_one_explosion_does_not_lift_the_curve_before_it():
    curve = sweep(lambda place: 1e30 if place > -1 else 1 / (1 + math.exp(4 * (place + 4))) + 0.2)
    assert max(curve.smoothed) < 1.3
    assert math.log10(curve.suggest().steepest) == pytest.approx(-4, abs=0.1)
    assert curve.has_exploded


def test_a_loss_near_zero_that_returns_to_where_it_began_has_not_exploded():
    curve = sweep(lambda place: 0.7 / (1 + math.exp(4 * (place + 4))) + (0.5 if place > -1 else 0.0))
    assert not curve.has_exploded
    assert len(curve.losses) == 100
    assert math.log10(curve.suggest().minimum) < -2


def test_nothing_is_suggested_where_nothing_falls():
    for seed in range(20):
        random = np.random.default_rng(seed)
        noisy = sweep(lambda place: 1 + 0.1 * random.standard_normal()).suggest()  # noqa: B023
        assert (noisy.steepest, noisy.minimum) == (None, None), seed
        assert "--train_batch_size" in noisy.reason
    for loss in (lambda place: 1.0, lambda place: 8 + place, lambda place: 1 - 1e-4 * (place + 7)):
        assert "--train_batch_size" in sweep(loss).suggest().reason


@pytest.mark.parametrize("last", [math.nan, math.inf, 1e4])
def test_a_loss_that_explodes_at_once_ends_the_sweep_and_is_the_reason(last):
    curve = sweep(lambda place: last if place > -6.7 else 1.0)
    assert len(curve.losses) == 5
    assert "2.1e-07" in curve.suggest().reason
    assert [math.isnan(value) for value in curve.smoothed] == [False] * 4 + [not math.isfinite(last)]
    assert sweep(lambda place: last).suggest().steepest is None


def test_a_loss_that_is_not_finite_from_the_start_is_the_reason():
    curve = sweep(lambda place: math.nan)
    assert "nan" in curve.suggest().reason
    assert [*map(math.isnan, curve.smoothed)] == [True]


def test_too_few_rates_are_the_reason():
    reason = sweep(lambda place: -place, num_steps=9).suggest().reason
    assert "9 rates" in reason
    assert "--find_lr_steps" in reason


def test_a_loss_that_falls_to_the_end_has_a_steepest_descent_and_no_minimum():
    suggestion = sweep(lambda place: 1 / (1 + math.exp(2 * (place + 1)))).suggest()
    assert math.log10(suggestion.steepest) == pytest.approx(-1, abs=0.1)
    assert suggestion.minimum is None
    assert "1.0e+01" in suggestion.reason


def test_rates_at_which_the_loss_falls_again_after_it_rose_above_its_start_are_not_suggested():
    # Batch normalization: at huge rates the loss ends below where a stable run would bring it.
    def loss(place: float) -> float:
        return 5 + valley(place) if place < -1 else 8.0 if place < 0 else 4.0

    suggestion = sweep(loss).suggest()
    assert math.log10(suggestion.steepest) == pytest.approx(-4, abs=0.1)
    assert -4 < math.log10(suggestion.minimum) < -2.3
