"""What a card says of its checkpoint's results."""

import pytest

from colorizer.hub.card_results import measured_table


@pytest.mark.parametrize(
    ("own", "verdict"),
    [
        (12.5, "By ΔE2000, its colors are further from the true ones than no color at all: 12.5 instead of 10."),
        (9.5, ""),
    ],
)
def test_colors_that_are_worse_than_none_are_called_so(own: float, verdict: str) -> None:
    evaluation = {"models": {name: {"ciede2000": {"mean": error}} for name, error in (("tiny", own), ("gray", 10.0))}}
    assert measured_table("tiny", evaluation)["verdict"] == verdict


def test_without_gray_to_compare_with_nothing_is_called_worse() -> None:
    assert measured_table("tiny", {"models": {"tiny": {"ciede2000": {"mean": 12.5}}}})["verdict"] == ""
