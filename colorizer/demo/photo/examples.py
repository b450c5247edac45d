"""The examples: their files, where Gradio serves them from, and the list to choose from."""

from pathlib import Path

import gradio as gr

from colorizer.atomic_write import copy_file
from colorizer.demo.components import file_url, new_folder
from colorizer.viewer.examples import EXAMPLES, FOLDER, Example

# Buttons, so that the keyboard can reach them.
EXAMPLE_LIST = """<div class="examples" role="group" aria-label="Old photos to try">{{#each value}}
<button type="button" data-number="{{@index}}" title="{{title}}: {{credit}}">
<img src="" data-src="{{small}}" alt="{{title}}"></button>{{/each}}</div>"""
PICK_EXAMPLE = """const root = (window.gradio_config?.root || location.origin) + "/";
for (const image of element.querySelectorAll("img")) image.src = root + image.dataset.src;
element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const detail = button && { number: Number(button.dataset.number), source: button.firstElementChild.src };
  if (detail) window.dispatchEvent(new CustomEvent("viewer-example", { detail }));
});"""


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


def build_examples(files: ExampleFiles) -> None:
    """Build the list inside the current Blocks; the viewer hears which is chosen."""
    gr.HTML(
        [
            {"title": example.title, "credit": example.credit, "small": file_url(files.small(example))}
            for example in EXAMPLES
        ],
        html_template=EXAMPLE_LIST,
        js_on_load=PICK_EXAMPLE,
        apply_default_css=False,
        elem_id="examples",
    )
