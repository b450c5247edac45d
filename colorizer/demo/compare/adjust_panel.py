"""Sliders of the Compare tab that adjust the results live, and the downloads below them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.compare.comparison import Comparison
from colorizer.demo.compare.downloads import FORMATS, save_all, save_result
from colorizer.demo.compare.option_controls import OptionControls, build_option_controls
from colorizer.demo.compare.recolor import outdated, readjust, rescore
from colorizer.demo.compare.result_grid import Slot, show_captions, show_pictures
from colorizer.demo.compare.side_by_side import SideBySide, picture, visible_pair
from colorizer.demo.components import QUIET, Updates, connect_divider, withdraw
from colorizer.errors import ColorizerError

# Initial values of saturation, warmth and strength.
NEUTRAL = (1.0, 0.0, 1.0)
# Download the file in the browser.
SAVE_FILE = """(file) => {
  if (!file) return;
  const link = document.createElement("a");
  link.href = `${file.url}?${Date.now()}`; // not the cached one from before the colors changed
  link.download = file.orig_name;
  link.click();
}"""


@dataclass(frozen=True)
class Adjusting:
    """Sliders and downloads, hidden until there are results."""

    panel: gr.Row
    saturation: gr.Slider
    warmth: gr.Slider
    strength: gr.Slider
    dividers: gr.Slider
    decoding: OptionControls
    downloads: gr.Row
    file_format: gr.Radio
    download_all: gr.Button
    reset: gr.Button
    file: gr.File

    @property
    def sliders(self) -> list[gr.Slider]:
        """Sliders in the order of `NEUTRAL`, then those of the options."""
        return [self.saturation, self.warmth, self.strength, *self.decoding.controls]

    def show(self, is_visible: bool = True) -> Updates:
        """Return updates that show or hide the sliders and downloads."""
        return {panel: gr.Row(visible=is_visible) for panel in (self.panel, self.downloads)}


def build_adjusting(catalog: Catalog) -> Adjusting:
    """Build the sliders and the downloads inside the current Blocks."""
    saturation, warmth, strength = NEUTRAL
    width = 140  # two in a row on a phone
    with gr.Row(visible=False, elem_id="adjust") as panel:
        sliders = [
            gr.Slider(0, 2, saturation, step=0.05, label="Saturation", info="1 = as predicted", min_width=width),
            gr.Slider(
                -40, 40, warmth, step=1, label="Warmth", info="Below 0 = cooler, above 0 = warmer", min_width=width
            ),
            gr.Slider(0, 1, strength, step=0.05, label="Strength", info="0 = the gray photo", min_width=width),
            gr.Slider(0, 100, 50, step=1, label="Dividers", info="0 = all color, 100 = all gray", min_width=width),
        ]
        decoding = build_option_controls(
            {name: option for name, option in catalog.options.items() if name in catalog.decoding_options}, width
        )
    with gr.Row(visible=False, elem_id="downloads") as downloads:
        file_format = gr.Radio(list(FORMATS), value="PNG", label="Download format", min_width=260)
        download_all = gr.Button("Download all (ZIP)", size="md", min_width=width)
        reset = gr.Button("Reset colors", size="md", min_width=width)
        file = gr.File(visible=False)
    return Adjusting(panel, *sliders, decoding, downloads, file_format, download_all, reset, file)


def connect_adjusting(
    adjusting: Adjusting, pair: SideBySide, slots: list[Slot], state: gr.State, status: gr.Markdown
) -> None:
    """Connect the sliders to the results in `slots`, and the buttons to the downloads."""

    def change(
        comparison: Comparison | None,
        saturation: float,
        warmth: float,
        strength: float,
        left: str,
        right: str,
        *values: float | str | None,
    ) -> Updates:
        if comparison is None:
            return {state: None}
        try:
            options = adjusting.decoding.given(values)
            changed = readjust(comparison, saturation=saturation, warmth=warmth, strength=strength, options=options)
        except ColorizerError as error:
            return {status: f"⚠ {error}"}
        withdraw(outdated(changed), [pair.slider, *results])
        shown = tuple(str(picture(changed, label)) for label in visible_pair(changed, (left, right)))
        return {state: changed, **show_pictures(slots, changed), pair.slider: shown}

    def score_again(comparison: Comparison | None) -> Updates:
        if comparison is None:
            return {state: None}
        try:
            return show_captions(slots, rescore(comparison))
        except ColorizerError as error:
            return {status: f"⚠ {error}"}

    def saver(save: Callable[[Comparison, str], Path]) -> Callable[..., str | None]:
        def handle(
            comparison: Comparison | None,
            file_format: str,
        ) -> str | None:
            try:
                return None if comparison is None else str(save(comparison, file_format))
            except ColorizerError as error:
                gr.Warning(str(error), title="Download failed")
                return None

        return handle

    def result_at(place: int) -> Callable[[Comparison, str], Path]:
        return lambda comparison, file_format: save_result(comparison, comparison.results[place].label, file_format)

    results = [slot.slider for slot in slots]
    basic = [adjusting.saturation, adjusting.warmth, adjusting.strength]
    inputs = [state, *basic, pair.left, pair.right, *adjusting.decoding.controls]
    pictures = [state, status, pair.slider, *results]
    captions = [state, status, *(slot.caption for slot in slots)]
    quiet = {"show_progress": "hidden", "api_visibility": "private", "concurrency_id": "adjust", "concurrency_limit": 2}
    reset = adjusting.reset.click(lambda: (*NEUTRAL, *adjusting.decoding.defaults), None, adjusting.sliders, **QUIET)
    # Update the pictures while the slider moves, and the scores after that.
    for changing in (
        gr.on(
            [slider.input for slider in adjusting.sliders],
            change,
            inputs,
            pictures,
            trigger_mode="always_last",
            **quiet,
        ),
        reset.then(change, inputs, pictures, **quiet),
    ):
        changing.then(score_again, state, captions, **quiet)
    connect_divider(adjusting.dividers, results)
    buttons = [(slot.download, result_at(place)) for place, slot in enumerate(slots)]
    for button, save in [*buttons, (adjusting.download_all, save_all)]:
        button.click(
            saver(save),
            [state, adjusting.file_format],
            adjusting.file,
            show_progress_on=button,
            concurrency_id="files",
            concurrency_limit=2,
            api_visibility="private",
        ).success(None, adjusting.file, None, js=SAVE_FILE, api_visibility="private")
