"""Which approach people like best: Bradley–Terry strengths of votes between two, with intervals. Numbers alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

# Each approach is thought to have played this many ties in all, shared out over the others: with none, one that has won every
# vote would be infinitely strong, and two groups that never met could not be compared.
PRIOR_TIES = 1.0
Z = 1.959964  # of a 95% interval
TOLERANCE = 1e-6  # of the gradient, in votes


@dataclass(frozen=True)
class Count:
    """How often two were voted on together, and the points of `model_a`: 1 for a vote it won, 0.5 for a tie."""

    model_a: str
    model_b: str
    num_votes: int
    points: float


@dataclass(frozen=True)
class Standing:
    """An approach's place: its chance, 0…1, to win against one of average strength, with the 95% interval."""

    name: str
    chance: float
    low: float
    high: float
    num_votes: int


def rank(names: Sequence[str], counts: Iterable[Count]) -> list[Standing]:
    """The standing of each of `names`, the strongest first; votes on others are left out.

    A tie is half a vote for each. The interval is that of the strengths' Fisher information, in which a tie counts as much as
    a vote that was won: a little wide, since a tie varies less.
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
    """(n, n): in row i, column j the points that i made against j."""
    places = {name: place for place, name in enumerate(names)}
    points = np.zeros((len(names), len(names)))
    for count in counts:
        if count.model_a != count.model_b and count.model_a in places and count.model_b in places:
            first, second = places[count.model_a], places[count.model_b]
            points[first, second] += count.points
            points[second, first] += count.num_votes - count.points
    return points


def with_prior(points: np.ndarray) -> np.ndarray:
    """The points (n, n) with those of `PRIOR_TIES`."""
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
    """Standard error (n) of each logarithm of `log_strengths`, from the Fisher information under a mean of 0."""
    # The information knows nothing of a common factor of all strengths, which is what the pseudo-inverse leaves out.
    return np.sqrt(np.diag(np.linalg.pinv(_information(points + points.T, logs), hermitian=True)).clip(0))


def _chances(logs: np.ndarray) -> np.ndarray:
    """(n, n): that of i against j."""
    return _sigmoid(logs[:, None] - logs)


def _information(games: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Minus the second derivatives (n, n) of the votes' logarithmic likelihood."""
    chances = _chances(logs)
    weights = games * chances * (1 - chances)
    return np.diag(weights.sum(axis=1)) - weights


def _sigmoid(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))
