"""Files of the examples, where Gradio serves them from."""

from pathlib import Path

from colorizer.atomic_write import copy_file
from colorizer.demo.components import new_folder
from colorizer.viewer.examples import EXAMPLES, FOLDER, Example


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
