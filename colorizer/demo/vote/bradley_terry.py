"""Ranking of approaches from pairwise votes: Bradley–Terry strengths with confidence intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

# Ties added to each approach, spread over all others. Without them, an approach that won every vote would be infinitely
# strong, and two groups that were never compared would have no common scale.
PRIOR_TIES = 1.0
Z = 1.959964  # for a 95% interval
TOLERANCE = 1e-6  # of the gradient, in votes


@dataclass(frozen=True)
class Count:
    """Number of votes on a pair, and the points of `model_a`: 1 per vote won, 0.5 per tie."""

    model_a: str
    model_b: str
    num_votes: int
    points: float


@dataclass(frozen=True)
class Standing:
    """Rank of an approach: its chance (0…1) to win against an average approach, with the 95% interval."""

    name: str
    chance: float
    low: float
    high: float
    num_votes: int


def rank(names: Sequence[str], counts: Iterable[Count]) -> list[Standing]:
    """Rank `names`, the strongest first. Votes on other approaches are ignored.

    A tie is half a vote for each. The interval comes from the Fisher information, which treats a tie like a vote that was won;
    this makes it slightly too wide, since ties vary less.
    """
    names = list(names)
    points = points_table(names, counts)
    votes = (points + points.T).sum(axis=1)
    strengths = log_strengths(with_prior(points))
    errors = Z * standard_errors(with_prior(points), strengths)
    standings = [
        Standing(name, *(float(chance) for chance in _sigmoid(np.array([log, log - error, log + error]))), round(count))
        for name, log, error, count in zip(names, strengths, errors, votes, strict=True)
    ]
    return sorted(standings, key=lambda standing: (-standing.chance, standing.name))


def points_table(names: Sequence[str], counts: Iterable[Count]) -> np.ndarray:
    """Return points (n, n): row i, column j has the points of i against j."""
    places = {name: place for place, name in enumerate(names)}
    points = np.zeros((len(names), len(names)))
    for count in counts:
        if count.model_a != count.model_b and count.model_a in places and count.model_b in places:
            first, second = places[count.model_a], places[count.model_b]
            points[first, second] += count.points
            points[second, first] += count.num_votes - count.points
    return points


def with_prior(points: np.ndarray) -> np.ndarray:
    """Return the points (n, n) plus those of `PRIOR_TIES`."""
    count = len(points)
    share = PRIOR_TIES / (2 * max(1, count - 1))
    return points + share * (1 - np.eye(count))


def log_strengths(points: np.ndarray) -> np.ndarray:
    """Return the logarithms (n) of the maximum-likelihood strengths for the points (n, n); their mean is 0.

    The chance of i against j is π_i / (π_i + π_j). Each approach needs points for and against some other, which
    `with_prior` makes sure of.
    """
    start = np.zeros(len(points))
    if len(points) < 2:
        return start
    wins, games = points.sum(axis=1), points + points.T

    # The likelihood is the same for any mean of the logarithms: the square of their sum, added to the loss, makes it 0.
    def loss(logs: np.ndarray) -> float:
        return float((points * np.logaddexp(0, logs - logs[:, None])).sum() + logs.sum() ** 2 / 2)

    def gradient(logs: np.ndarray) -> np.ndarray:
        return (games * _chances(logs)).sum(axis=1) - wins + logs.sum()

    def hessian(logs: np.ndarray) -> np.ndarray:
        return _information(games, logs) + 1

    return minimize(loss, start, jac=gradient, hess=hessian, method="trust-exact", options={"gtol": TOLERANCE}).x


def standard_errors(points: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return the standard errors (n) of `log_strengths`, from the Fisher information for a mean of 0."""
    # A common factor of all strengths has no effect, so the matrix is singular; the pseudo-inverse ignores that direction.
    return np.sqrt(np.diag(np.linalg.pinv(_information(points + points.T, logs), hermitian=True)).clip(0))


def _chances(logs: np.ndarray) -> np.ndarray:
    """Return the chances (n, n) of i against j."""
    return _sigmoid(logs[:, None] - logs)


def _information(games: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return the Fisher information (n, n): minus the Hessian of the log-likelihood."""
    chances = _chances(logs)
    weights = games * chances * (1 - chances)
    return np.diag(weights.sum(axis=1)) - weights


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
