"""Old photos to try, all free of rights, and the one that the page opens with, already in color.

The plates were taken by Sergei Prokudin-Gorskii through a blue, a green and a red filter, so their true colors are known:
a network's guess can be held against them.
"""

from dataclasses import dataclass
from pathlib import Path

from colorizer.atomic_write import copy_file
from colorizer.demo.components import new_folder

FOLDER = Path(__file__).with_name("examples")
PLATE = (
    "three-color plate of Sergei Prokudin-Gorskii, public domain (Library of Congress), put together for this app from its "
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


class ExampleFiles:
    """Copies of the examples in a folder that Gradio serves files from."""

    def __init__(self) -> None:
        self.folder = new_folder("examples")
        for file in FOLDER.glob("*.webp"):
            copy_file(file, self.folder / file.name)

    def photo(self, example: Example) -> Path:
        return self.folder / f"{example.name}.webp"

    def small(self, example: Example) -> Path:
        """The photo in gray, no larger than it is shown in the list."""
        return self.folder / f"{example.name}-small.webp"

    def before(self, example: Example) -> Path:
        """The first example in gray, at its own size."""
        return self.folder / f"{example.name}-before.webp"

    def opening(self, model: str) -> Path | None:
        """Return the first example in the colors of a checkpoint: of `default` for the viewer, of others for the strip."""
        file = self.folder / f"{EXAMPLES[0].name}-{model}.webp"
        return file if file.is_file() else None
