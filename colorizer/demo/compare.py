"""The Compare tab: one photo, colored by the approaches that are ticked, side by side."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from colorizer.demo.captions import captions, summary
from colorizer.demo.catalog import Catalog
from colorizer.demo.components import new_folder, uploaded_file
from colorizer.demo.examples import example_photos
from colorizer.demo.handlers import Comparison, Settings, compare
from colorizer.errors import ColorizerError

# Places for results beyond the checkpoints there are at the start, for those that visitors load from the Hub.
EXTRA_SLOTS = 4
OWN_RESOLUTION = "own"
RESOLUTIONS = [
    ("Each approach's own", OWN_RESOLUTION),
    *[(f"{side} px", str(side)) for side in (128, 192, 256, 384, 512)],
]


@dataclass(frozen=True)
class Slot:
    """The place of one result in the grid."""

    column: gr.Column
    slider: gr.ImageSlider
    caption: gr.Markdown
    download: gr.DownloadButton

    @property
    def components(self) -> list[gr.blocks.Block]:
        return [self.column, self.slider, self.caption, self.download]


def build_compare_tab(catalog: Catalog) -> gr.CheckboxGroup:
    """Build the tab inside the current Blocks; returns the list of approaches, to which other tabs add."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            photo = gr.Image(
                label="Photo",
                sources=["upload", "webcam", "clipboard"],
                height=340,
                buttons=["fullscreen"],
                alt_text="The photo to colorize",
            )
            examples = example_photos(new_folder("examples"))
            gallery = gr.Gallery(
                examples,
                label="Or try one of these",
                columns=3,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                interactive=False,
                buttons=[],
                elem_id="examples",
            )
        with gr.Column(min_width=320):
            approaches = gr.CheckboxGroup(
                catalog.choices,
                value=catalog.names,
                label="Approaches",
                info="Each sees only the photo's lightness and guesses its colors.",
                elem_id="approaches",
            )
            with gr.Accordion("Options", open=False):
                saturation = gr.Slider(0, 2, 1, step=0.05, label="Saturation", info="1 = as predicted, 0 = gray")
                temperature = gr.Slider(
                    0.05,
                    1,
                    0.38,
                    step=0.01,
                    label="Temperature",
                    info="For approaches that predict a distribution of colors: low is vivid, high is the average",
                )
                resolution = gr.Dropdown(
                    RESOLUTIONS,
                    value=OWN_RESOLUTION,
                    label="Working resolution",
                    info="The size at which colors are predicted; the result always has the photo's own size",
                    filterable=False,
                )
            button = gr.Button("Colorize", variant="primary", size="lg")
            # Here the progress bar shows too, which is in sight when the button was pressed.
            status = gr.Markdown("Results appear below, one after another.", elem_id="status", min_height=60)
    with gr.Row(elem_id="results"):
        slots = [_build_slot(number) for number in range(1, len(catalog.names) + EXTRA_SLOTS + 1)]

    def run(
        photo: dict[str, Any] | None,
        approaches: list[str],
        saturation: float,
        temperature: float,
        resolution: str,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds its progress bar by this default)
    ) -> Iterator[dict[gr.blocks.Block, Any]]:
        def report(done: int, total: int, name: str) -> None:
            progress((done, total), desc=f"Coloring by {name}", unit="approaches")

        # Earlier results go only once there is a new one, so that a photo that can't be read takes nothing away.
        updates = {slot.column: gr.Column(visible=False) for slot in slots}
        try:
            if len(approaches) > len(slots):
                raise ColorizerError(f"Choose at most {len(slots)} approaches at a time.")
            settings = Settings(saturation, temperature, None if resolution == OWN_RESOLUTION else int(resolution))
            for comparison in compare(catalog, uploaded_file(photo), approaches, settings, new_folder(), report):
                # Until then the progress bar stands in its place.
                words = summary(comparison) if comparison.is_done else ""
                yield {**updates, status: words, **_show(slots, comparison)}
                updates = {}
        except ColorizerError as error:
            # Not raised as gr.Error, which would lie over the page with a word that says nothing.
            gr.Warning(str(error), title="Nothing was colored")
            yield {status: f"⚠ {error}"}

    def take_example(event: gr.SelectData) -> str:
        return examples[event.index][0]

    gallery.select(take_example, None, photo, api_visibility="private", show_progress="hidden")
    button.click(
        run,
        [photo, approaches, saturation, temperature, resolution],
        [status, *[component for slot in slots for component in slot.components]],
        preprocess=False,  # see uploaded_file
        show_progress_on=status,
        concurrency_id="network",
        api_visibility="private",
    )
    return approaches


def _build_slot(number: int) -> Slot:
    with gr.Column(visible=False, elem_classes="result") as column:
        slider = gr.ImageSlider(
            label=f"Result {number}: drag to compare with gray",
            show_label=False,
            format="png",
            interactive=False,
            buttons=["fullscreen"],
            max_height=420,
        )
        caption = gr.Markdown()
        download = gr.DownloadButton("Download at full size (PNG)", size="sm")
    return Slot(column, slider, caption, download)


def _show(slots: list[Slot], comparison: Comparison) -> dict[gr.blocks.Block, Any]:
    """Updates for the newest result in full; for the earlier ones only the caption, since a new best moves the marks."""
    updates: dict[gr.blocks.Block, Any] = {}
    for slot, caption in zip(slots, captions(comparison), strict=False):
        updates[slot.caption] = caption
    newest = comparison.results[-1]
    slot = slots[len(comparison.results) - 1]
    updates[slot.column] = gr.Column(visible=True)
    updates[slot.slider] = gr.ImageSlider(
        value=None if newest.preview is None else (str(newest.gray), str(newest.preview)),
        label=f"{newest.name}: drag to compare with gray",
        visible=newest.preview is not None,
    )
    updates[slot.download] = gr.DownloadButton(
        value=None if newest.download is None else str(newest.download), visible=newest.download is not None
    )
    return updates
