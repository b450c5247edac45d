from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize

from colorizer.demo.vote.bradley_terry import Count, Standing, log_strengths, rank, standard_errors, with_prior

NAMES = ["oak", "elm", "ash", "fir"]


def negative_log_likelihood(logs: np.ndarray, points: np.ndarray) -> float:
    """Vote by vote, the obvious way: i beats j with the chance π_i / (π_i + π_j); a tie is half of each."""
    total = 0.0
    for i in range(len(points)):
        for j in range(len(points)):
            if i != j:
                total -= points[i, j] * np.log(np.exp(logs[i]) / (np.exp(logs[i]) + np.exp(logs[j])))
    return total


def votes(true_logs: dict[str, float], num_votes: int, seed: int = 0) -> list[Count]:
    """Votes on every two approaches of these strengths, some of them ties that leave the points' expectation."""
    generator = np.random.default_rng(seed)
    counts = []
    for first, second in combinations(true_logs, 2):
        chance = 1 / (1 + np.exp(true_logs[second] - true_logs[first]))
        tie = 0.3 * min(chance, 1 - chance)
        wins, ties, _ = generator.multinomial(num_votes, [chance - tie / 2, tie, 1 - chance - tie / 2])
        counts.append(Count(first, second, num_votes, wins + ties / 2))
    return counts


def by_name(standings: list[Standing]) -> dict[str, Standing]:
    return {standing.name: standing for standing in standings}


RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(
    "points",
    [
        *(RANDOM.integers(0, 30, (4, 4)) / 2 for _ in range(4)),
        np.kron(np.eye(2), [[0, 3000], [400, 0]]),  # two groups that never met
        np.triu(np.full((4, 4), 500.0), 1),  # one beats all, the next all but that one, …
        np.zeros((4, 4)),
    ],
)
def test_strengths_are_the_likeliest(points: np.ndarray) -> None:
    points = with_prior(points * (1 - np.eye(4)))
    found = minimize(negative_log_likelihood, np.zeros(4), args=(points,), method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(log_strengths(points), found - found.mean(), atol=1e-5)


def test_errors_are_those_of_the_likelihoods_curvature() -> None:
    points = with_prior(np.array([[0, 8, 3], [2, 0, 5], [4, 6, 0]], float))
    logs, step = log_strengths(points), 1e-3
    # The mean of the logarithms is held at 0: two of them are free.
    basis = np.array([[1, 0], [0, 1], [-1, -1]])
    hessian = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            corners = {}
            for a in (-step, step):
                for b in (-step, step):
                    corners[a, b] = negative_log_likelihood(logs + a * basis[:, i] + b * basis[:, j], points)
            hessian[i, j] = sum(np.sign(a * b) * value for (a, b), value in corners.items()) / (4 * step**2)
    covariance = basis @ np.linalg.inv(hessian) @ basis.T
    np.testing.assert_allclose(standard_errors(points, logs), np.sqrt(np.diag(covariance)), rtol=1e-4)


def test_order_is_found_through_others() -> None:
    chain = [Count("oak", "elm", 20, 16), Count("elm", "ash", 20, 16), Count("ash", "fir", 20, 16)]
    assert [standing.name for standing in rank(sorted(NAMES), chain)] == NAMES


def test_intervals_shrink_with_votes_and_hold_the_truth() -> None:
    true_logs = dict(zip(NAMES, (1.2, 0.3, -0.4, -1.1), strict=True))
    widths = []
    for num_votes in (10, 100, 1000):
        standings = rank(NAMES, votes(true_logs, num_votes))
        widths.append(max(standing.high - standing.low for standing in standings))
    assert widths[0] > 2 * widths[1] > 4 * widths[2]
    inside = 0
    for seed in range(50):
        for standing in rank(NAMES, votes(true_logs, 60, seed)):
            inside += standing.low <= 1 / (1 + np.exp(-true_logs[standing.name])) <= standing.high
    assert 0.93 <= inside / 200 <= 1


def test_who_has_won_every_vote_is_not_infinitely_strong() -> None:
    first, second = rank(["oak", "elm"], [Count("elm", "oak", 5, 5)])
    assert (first.name, second.name) == ("elm", "oak")
    assert first.chance < 0.9
    assert first.high < 1
    assert first.chance + second.chance == pytest.approx(1)


def test_sides_and_ties_count_alike() -> None:
    one_way = rank(NAMES, [Count("oak", "elm", 10, 7.5), Count("elm", "oak", 4, 2)])
    other_way = rank(NAMES, [Count("elm", "oak", 14, 4.5)])
    assert one_way == other_way
    assert by_name(one_way)["oak"].num_votes == 14
    tied = by_name(rank(["oak", "elm"], [Count("oak", "elm", 8, 4)]))
    assert tied["oak"].chance == pytest.approx(0.5)


def test_without_votes_all_are_alike_and_nothing_is_known() -> None:
    standings = rank(NAMES, [])
    assert [standing.name for standing in standings] == sorted(NAMES)
    for standing in standings:
        assert (standing.chance, standing.num_votes) == (pytest.approx(0.5), 0)
        assert standing.low < 0.1 < 0.9 < standing.high
    assert [standing.chance for standing in rank(["oak"], [])] == [0.5]
    assert rank([], []) == []


def test_votes_on_others_are_left_out() -> None:
    counts = [Count("oak", "elm", 6, 4), Count("oak", "yew", 50, 50), Count("oak", "oak", 3, 3)]
    assert rank(["oak", "elm"], counts) == rank(["oak", "elm"], counts[:1])
