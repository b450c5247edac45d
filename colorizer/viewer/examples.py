"""Old photos to try, all free of rights, and the one that the viewer opens with, already in color.

The plates were taken by Sergei Prokudin-Gorskii through a blue, a green and a red filter, so their true colors are known:
a network's guess can be held against them.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("examples")
PLATE = (
    "three-color plate of Sergei Prokudin-Gorskii, public domain (Library of Congress), put together for this project from its "
    "three exposures"
)


@dataclass(frozen=True)
class Example:
    """Photo that comes with the package. `title` says what is seen and when; `credit`, whose it is and why it is free."""

    name: str
    title: str
    credit: str
    has_truth: bool = False


EXAMPLES = (
    Example("pavilion", "A garden pavilion, about 1910", PLATE, has_truth=True),
    Example("monastery", "A monastery on a river, about 1910", PLATE, has_truth=True),
    Example("officer", "An officer, about 1910", PLATE, has_truth=True),
    Example("settlers", "A family of settlers, about 1910", PLATE, has_truth=True),
    Example("carpet", "A woman on a carpet, about 1910", PLATE, has_truth=True),
    Example("cliff", "A red cliff, about 1910", PLATE, has_truth=True),
)


def sample_paths() -> dict[str, Path]:
    """Return {title: path} of the examples."""
    return {example.title: FOLDER / f"{example.name}.webp" for example in EXAMPLES}
