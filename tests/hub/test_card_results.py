"""A card's verdict on its checkpoint's results."""

import pytest

from colorizer.hub.card_results import measured_table

MODELS = {name: {"ciede2000": {"mean": 10.0}} for name in ("tiny", "gray")}


@pytest.mark.parametrize(
    ("lead", "verdict"),
    [
        (
            {"mean": -1.5, "low": -2.0, "high": -1.25},
            "By ΔE2000, its colors are further from the true ones than no color at all: by 1.50 [1.25, 2.00].",
        ),
        ({"mean": -0.03, "low": -0.24, "high": 0.16}, ""),
        ({"mean": 1.5, "low": 1.0, "high": 2.0}, ""),
    ],
)
def test_colors_that_are_surely_worse_than_none_are_called_so(lead: dict, verdict: str) -> None:
    evaluation = {"models": MODELS, "leads": {"tiny": {"gray": {"ciede2000": lead}}}}
    assert measured_table("tiny", evaluation)["verdict"] == verdict


def test_without_gray_to_compare_with_nothing_is_called_worse() -> None:
    assert measured_table("tiny", {"models": MODELS})["verdict"] == ""
