"""Wide slider of the Compare tab that shows two pictures side by side."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from colorizer.demo.compare.comparison import Comparison
from colorizer.demo.compare.result_grid import Slot
from colorizer.demo.components import Updates, connect_divider

# Names of approaches have no spaces, so these are unique.
GRAY = "the photo in gray"
TRUTH = "the photo's true colors"
# In the browser, scroll to the wide slider.
SCROLL_TO = '() => { document.getElementById("side-by-side").scrollIntoView({behavior: "smooth"}); }'
# Add alt texts to its pictures and the results' pictures, which Gradio leaves without.
DESCRIBE = """(left, right) => {
  const describe = (slider, texts) =>
    slider.querySelectorAll("img").forEach((image, place) => { image.alt = texts[place]; });
  setTimeout(() => {
    describe(document.getElementById("side-by-side"), [left, right]);
    for (const result of document.querySelectorAll(".result")) {
      describe(result, ["The photo in gray", `The photo colored by ${result.querySelector("h3")?.textContent}`]);
    }
  }, 100);
}"""


@dataclass(frozen=True)
class SideBySide:
    """Wide slider with two pictures, hidden until there are results."""

    panel: gr.Column
    left: gr.Dropdown
    right: gr.Dropdown
    slider: gr.ImageSlider
    divider: gr.Slider

    @property
    def components(self) -> list[gr.blocks.Block]:
        """Components that change with the pictures."""
        return [self.panel, self.left, self.right, self.slider]


def build_side_by_side() -> SideBySide:
    """Build the wide slider inside the current Blocks."""
    with gr.Column(visible=False, elem_id="side-by-side") as panel:
        gr.Markdown("## Side by side")
        with gr.Row():
            left = gr.Dropdown(label="Left", filterable=False, min_width=220)
            right = gr.Dropdown(label="Right", filterable=False, min_width=220)
        slider = gr.ImageSlider(
            label="Left and right: drag to compare",
            show_label=False,
            format="png",
            interactive=False,
            buttons=["fullscreen"],
            max_height=720,
        )
        divider = gr.Slider(
            0,
            100,
            50,
            step=1,
            label="Divider",
            info="End of the left picture, in % of the width",
            elem_id="divider",
        )
    return SideBySide(panel, left, right, slider, divider)


def show_two(pair: SideBySide, comparison: Comparison, chosen: tuple[str | None, str | None]) -> Updates:
    """Return updates that show the two chosen pictures; see `visible_pair`."""
    options = choices(comparison)
    left, right = visible_pair(comparison, chosen)
    return {
        pair.panel: gr.Column(visible=True),
        pair.left: gr.Dropdown(options, value=left),
        pair.right: gr.Dropdown(options, value=right),
        pair.slider: gr.ImageSlider(
            tuple(str(picture(comparison, label)) for label in (left, right)),
            label=f"Left {left}, right {right}: drag to compare",
        ),
    }


def connect_side_by_side(pair: SideBySide, slots: list[Slot], state: gr.State) -> None:
    """Connect the dropdowns and the results' buttons to the wide slider."""

    def show(comparison: Comparison | None, left: str, right: str) -> Updates:
        if comparison is None:
            return {pair.left: None}
        return show_two(pair, comparison, (left, right))

    def chooser(place: int) -> Callable[[Comparison | None, str], Updates]:
        def choose(comparison: Comparison | None, left: str) -> Updates:
            if comparison is None:
                return {pair.left: None}
            label = comparison.results[place].label
            return show_two(pair, comparison, (label, None if left == label else left))

        return choose

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for dropdown in (pair.left, pair.right):
        dropdown.input(show, [state, pair.left, pair.right], pair.components, **quiet)
    for place, slot in enumerate(slots):
        slot.compare.click(chooser(place), [state, pair.left], pair.components, **quiet).then(None, js=SCROLL_TO)
    connect_divider(pair.divider, [pair.slider])
    pair.slider.change(None, [pair.left, pair.right], None, js=DESCRIBE, api_visibility="private")


def choices(comparison: Comparison) -> list[str]:
    """Return the labels of all pictures: the results, the photo in gray and, for a color photo, its true colors."""
    labels = [result.label for result in comparison.colored]
    return [*labels, GRAY, *([TRUTH] if comparison.truth is not None else [])]


def visible_pair(comparison: Comparison, chosen: tuple[str | None, str | None]) -> tuple[str, str]:
    """Return the two `chosen` labels. One that is None or unknown is replaced by the first free label."""
    options = choices(comparison)
    left, right = (label if label in options else None for label in chosen)
    left = left or next(label for label in options if label != right)
    return left, right or next(label for label in options if label != left)


def picture(comparison: Comparison, label: str) -> Path:
    """Return the picture for one of the `choices`. Raises ColorizerError for another label."""
    if label == GRAY:
        return comparison.gray
    if label == TRUTH and comparison.truth is not None:
        return comparison.truth
    return comparison.result(label).preview
