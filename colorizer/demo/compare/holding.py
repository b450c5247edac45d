"""Which two pictures of a comparison are held against each other."""

from pathlib import Path

from colorizer.demo.compare.comparison import Comparison

# No approach's name has a space in it.
GRAY = "the photo in gray"
TRUTH = "the photo's true colors"


def choices(comparison: Comparison) -> list[str]:
    """What can be held: every result that came out, the photo in gray, and its true colors where it came in color."""
    labels = [result.label for result in comparison.colored]
    return [*labels, GRAY, *([TRUTH] if comparison.truth is not None else [])]


def held(comparison: Comparison, chosen: tuple[str | None, str | None]) -> tuple[str, str]:
    """The two that are `chosen`; in the place of what is none of the choices comes the first that is free."""
    options = choices(comparison)
    left, right = (label if label in options else None for label in chosen)
    left = left or next(label for label in options if label != right)
    return left, right or next(label for label in options if label != left)


def picture(comparison: Comparison, label: str) -> Path:
    """The picture of one of the `choices`; raises ColorizerError for another."""
    if label == GRAY:
        return comparison.gray
    if label == TRUTH and comparison.truth is not None:
        return comparison.truth
    return comparison.result(label).preview
