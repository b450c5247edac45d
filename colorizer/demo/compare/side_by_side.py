"""Two pictures of the Compare tab in one wide slider."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from colorizer.demo.compare.comparison import Comparison
from colorizer.demo.compare.result_grid import Slot
from colorizer.demo.components import Updates, connect_divider

# No approach's name has a space in it.
GRAY = "the photo in gray"
TRUTH = "the photo's true colors"
# In the browser: the wide slider comes into sight.
SHOW = '() => { document.getElementById("hold").scrollIntoView({behavior: "smooth"}); }'
# It and the sliders of the results get the texts that Gradio gives their pictures none of.
DESCRIBE = """(left, right) => {
  const describe = (slider, texts) =>
    slider.querySelectorAll("img").forEach((image, place) => { image.alt = texts[place]; });
  setTimeout(() => {
    describe(document.getElementById("hold"), [left, right]);
    for (const result of document.querySelectorAll(".result")) {
      describe(result, ["The photo in gray", `The photo colored by ${result.querySelector("h3")?.textContent}`]);
    }
  }, 100);
}"""


@dataclass(frozen=True)
class Holding:
    """Two pictures in one wide slider, hidden until there are results."""

    panel: gr.Column
    left: gr.Dropdown
    right: gr.Dropdown
    slider: gr.ImageSlider
    divider: gr.Slider

    @property
    def components(self) -> list[gr.blocks.Block]:
        """Those that a change of the pictures changes."""
        return [self.panel, self.left, self.right, self.slider]


def build_holding() -> Holding:
    """Build the wide slider inside the current Blocks."""
    with gr.Column(visible=False, elem_id="hold") as panel:
        gr.Markdown("## Two against each other")
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
            info="Where the left picture ends, in % of the width",
            elem_id="divider",
        )
    return Holding(panel, left, right, slider, divider)


def show_held(holding: Holding, comparison: Comparison, chosen: tuple[str | None, str | None]) -> Updates:
    """Updates that show the two that are chosen, or others in the place of what is no choice."""
    options = choices(comparison)
    left, right = held(comparison, chosen)
    return {
        holding.panel: gr.Column(visible=True),
        holding.left: gr.Dropdown(options, value=left),
        holding.right: gr.Dropdown(options, value=right),
        holding.slider: gr.ImageSlider(
            tuple(str(picture(comparison, label)) for label in (left, right)),
            label=f"Left {left}, right {right}: drag to compare",
        ),
    }


def connect_holding(holding: Holding, slots: list[Slot], kept: gr.State) -> None:
    """Let the lists and the results' own buttons choose what is held."""

    def show(comparison: Comparison | None, left: str, right: str) -> Updates:
        if comparison is None:
            return {holding.left: None}
        return show_held(holding, comparison, (left, right))

    def holder(place: int) -> Callable[[Comparison | None, str], Updates]:
        def hold(comparison: Comparison | None, left: str) -> Updates:
            if comparison is None:
                return {holding.left: None}
            label = comparison.results[place].label
            return show_held(holding, comparison, (label, None if left == label else left))

        return hold

    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    for dropdown in (holding.left, holding.right):
        dropdown.input(show, [kept, holding.left, holding.right], holding.components, **quiet)
    for place, slot in enumerate(slots):
        slot.hold.click(holder(place), [kept, holding.left], holding.components, **quiet).then(None, js=SHOW)
    connect_divider(holding.divider, [holding.slider])
    holding.slider.change(None, [holding.left, holding.right], None, js=DESCRIBE, api_visibility="private")


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
