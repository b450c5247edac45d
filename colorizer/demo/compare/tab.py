"""The Compare tab: one photo, colored by the approaches that are ticked, side by side."""

import base64
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog, Entry
from colorizer.demo.compare.adjust_panel import build_adjusting, connect_adjusting
from colorizer.demo.compare.comparison import MAX_ANSWERS, Comparison, Settings
from colorizer.demo.compare.result_grid import build_slots, show_newest, summary
from colorizer.demo.compare.run import compare
from colorizer.demo.compare.side_by_side import Holding, build_holding, connect_holding, show_held
from colorizer.demo.components import Updates, build_examples, build_photo, new_folder, uploaded_file, withdraw
from colorizer.demo.stoppable import StopSign, build_buttons, until_stopped
from colorizer.errors import ColorizerError

# Places for results beyond the checkpoints there are at the start, for those that visitors load from the Hub and for
# several answers of one.
EXTRA_SLOTS = 6
OWN_RESOLUTION = "own"
RESOLUTIONS = [
    ("Each approach's own", OWN_RESOLUTION),
    *[(f"{side} px", str(side)) for side in (128, 192, 256, 384, 512)],
]


def build_compare_tab(catalog: Catalog) -> gr.CheckboxGroup:
    """Build the tab inside the current Blocks; returns the list of approaches, to which other tabs add."""
    # The visitor's results.
    kept = gr.State(delete_callback=_forget)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            photo = build_photo("Photo", "The photo to colorize", 340)
            # In sight without scrolling, on a phone too: whoever wants all approaches need not see the list.
            buttons = build_buttons("Colorize")
            # Here the progress bar shows too.
            status = gr.Markdown("Results appear below, one after another.", elem_id="status", min_height=60)
            build_examples(photo, label="Or try one of these", elem_id="examples")
        with gr.Column(min_width=320):
            approaches = gr.CheckboxGroup(
                catalog.choices,
                value=catalog.names,
                label="Approaches",
                info="Each sees only the photo's lightness and guesses its colors.",
                elem_id="approaches",
            )
            gr.HTML(_thumbnail_style(catalog.entries), visible="hidden")
            with gr.Accordion("Options", open=False):
                resolution = gr.Dropdown(
                    RESOLUTIONS,
                    value=OWN_RESOLUTION,
                    label="Working resolution",
                    info="The size at which colors are predicted; the result always has the photo's own size",
                    filterable=False,
                )
                num_images = gr.Slider(
                    1,
                    MAX_ANSWERS,
                    1,
                    step=1,
                    label="Answers",
                    info="Several different ones, of approaches that predict a distribution of colors",
                )
                seed = gr.Number(
                    0, precision=0, minimum=0, label="Seed", info="Of several answers: another draws others"
                )
    adjusting = build_adjusting()
    with gr.Row(elem_id="results"):
        slots = build_slots(len(catalog.names) + EXTRA_SLOTS)
    holding = build_holding()

    def over(comparison: Comparison | None) -> Updates:
        """What to show once a run is over, however it ended."""
        if comparison is None or not comparison.colored:
            return buttons.at_rest
        temperature = {adjusting.temperature: gr.Slider(visible=comparison.has_temperature)}
        return {**buttons.at_rest, **temperature, **adjusting.show(), **show_held(holding, comparison, (None, None))}

    def hide_earlier() -> Updates:
        return {**adjusting.show(False), holding.panel: gr.Column(visible=False)}

    def run(
        photo: dict[str, Any] | None,
        approaches: list[str],
        resolution: str,
        num_images: float,
        seed: float | None,
        saturation: float,
        warmth: float,
        strength: float,
        temperature: float,
        comparison: Comparison | None,
        sign: StopSign,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds its progress bar by this default)
    ) -> Iterator[Updates]:
        def report(done: int, total: int, name: str) -> None:
            progress((done, total), desc=f"Coloring by {name}", unit="approaches")

        # Earlier results go only once there is a new one, so that a photo that can't be read takes nothing away.
        updates = {slot.column: gr.Column(visible=False) for slot in slots}
        num_shown = 0
        try:
            settings = Settings(
                saturation,
                temperature,
                None if resolution == OWN_RESOLUTION else int(resolution),
                warmth,
                strength,
                int(num_images),
                int(seed or 0) if num_images > 1 else None,
            )
            steps = compare(catalog, uploaded_file(photo), approaches, settings, new_folder(), report)
            for step in until_stopped(steps, sign):
                if len(step.results) > len(slots):
                    raise ColorizerError(f"There is room for {len(slots)} results: choose fewer approaches or answers.")
                if num_shown == 0 and comparison is not None:
                    _discard(comparison, [slot.slider for slot in slots], holding)
                comparison = step
                updates = {**updates, kept: comparison, **show_newest(slots, comparison, num_shown)}
                # Until then the progress bar stands in its place.
                updates[status] = summary(comparison) if comparison.is_done else ""
                if comparison.is_done:
                    updates |= over(comparison)
                yield updates
                updates, num_shown = {}, len(comparison.results)
            if sign.is_raised:
                words = summary(comparison) if num_shown else "**Stopped** before the first result."
                yield {**over(comparison), status: words}
        except ColorizerError as error:
            # Not raised as gr.Error, which would lie over the page with a word that says nothing.
            gr.Warning(str(error), title="Nothing was colored" if num_shown == 0 else "Not all was colored")
            yield {**over(comparison), status: f"⚠ {error}"}

    parts = [*adjusting.show(), adjusting.temperature, *holding.components]
    buttons.connect(
        run,
        [photo, approaches, resolution, num_images, seed, *adjusting.sliders, kept],
        [*parts, kept, *[component for slot in slots for component in slot.components]],
        status=status,
        concurrency_id="network",
        at_once=hide_earlier,
    )
    connect_adjusting(adjusting, holding, slots, kept, status)
    connect_holding(holding, slots, kept)
    return approaches


def _thumbnail_style(entries: Iterable[Entry]) -> str:
    """HTML style sheet that shows the thumbnails on the approaches' labels; Gradio's list of checkboxes takes no pictures."""
    pictures = {
        entry.name: base64.b64encode(entry.thumbnail.read_bytes()).decode() for entry in entries if entry.thumbnail
    }
    rules = [
        f'#approaches label:has(input[name="{name}"])::after '
        f'{{ background-image: url("data:image/webp;base64,{picture}"); }}'
        for name, picture in pictures.items()
    ]
    return "<style>\n" + "\n".join(rules) + "\n</style>"


def _discard(comparison: Comparison, sliders: list[gr.ImageSlider], holding: Holding) -> None:
    """Delete the files of a comparison that another takes the place of."""
    withdraw(comparison.folder.glob("*"), [*sliders, holding.slider])
    _forget(comparison)


def _forget(comparison: Comparison | None) -> None:
    if comparison is not None:
        shutil.rmtree(comparison.folder, ignore_errors=True)
