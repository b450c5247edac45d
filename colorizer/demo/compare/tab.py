"""The Compare tab: one photo colored by the selected approaches, side by side."""

import base64
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog, Entry
from colorizer.demo.compare.adjust_panel import build_adjusting, connect_adjusting
from colorizer.demo.compare.comparison import MAX_VARIANTS, Comparison, Settings
from colorizer.demo.compare.option_controls import build_option_controls
from colorizer.demo.compare.result_grid import build_slots, show_newest, summary
from colorizer.demo.compare.run import compare
from colorizer.demo.compare.side_by_side import SideBySide, build_side_by_side, connect_side_by_side, show_two
from colorizer.demo.components import Updates, build_examples, build_photo, new_folder, uploaded_file, withdraw
from colorizer.demo.stoppable import build_buttons, until_stopped
from colorizer.errors import ColorizerError

# Extra places for results, for checkpoints that visitors load from the Hub and for several variants.
EXTRA_SLOTS = 6
OWN_RESOLUTION = "own"
RESOLUTIONS = [
    ("Default of each approach", OWN_RESOLUTION),
    *[(f"{side} px", str(side)) for side in (128, 192, 256, 384, 512)],
]


def build_compare_tab(catalog: Catalog) -> gr.CheckboxGroup:
    """Build the tab inside the current Blocks. Returns the list of approaches, so that other tabs can add to it."""
    state = gr.State(delete_callback=_forget)
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            photo = build_photo("Photo", "The photo to colorize", 340)
            # Above the list, so that it is visible without scrolling, on a phone too.
            buttons = build_buttons("Colorize")
            # Also the place of the progress bar.
            status = gr.Markdown("Results appear below, one by one.", elem_id="status", min_height=60)
            build_examples(photo, label="Or try one of these", elem_id="examples")
        with gr.Column(min_width=320):
            approaches = gr.CheckboxGroup(
                catalog.choices,
                value=catalog.names,
                label="Approaches",
                info="Each gets only the brightness of the photo and guesses its colors.",
                elem_id="approaches",
            )
            gr.HTML(_thumbnail_style(catalog.entries), visible="hidden")
            with gr.Accordion("Options", open=False):
                resolution = gr.Dropdown(
                    RESOLUTIONS,
                    value=OWN_RESOLUTION,
                    label="Working resolution",
                    info="Size at which colors are predicted; results always have the size of the photo",
                    filterable=False,
                )
                num_images = gr.Slider(
                    1,
                    MAX_VARIANTS,
                    1,
                    step=1,
                    label="Variants",
                    info="Number of different colorings, for approaches that predict several possible colors",
                )
                seed = gr.Number(0, precision=0, minimum=0, label="Seed", info="Another number gives other variants")
                own = build_option_controls(
                    {name: option for name, option in catalog.options.items() if name not in catalog.decoding_options},
                    min_width=320,
                )
    adjusting = build_adjusting(catalog)
    with gr.Row(elem_id="results"):
        slots = build_slots(len(catalog.names) + EXTRA_SLOTS)
    pair = build_side_by_side()

    def over(comparison: Comparison | None) -> Updates:
        """Return updates for the end of a run, however it ended."""
        if comparison is None or not comparison.colored:
            return buttons.at_rest
        decoding = adjusting.decoding.show(comparison.decoding_options)
        return {**buttons.at_rest, **decoding, **adjusting.show(), **show_two(pair, comparison, (None, None))}

    def hide_earlier() -> Updates:
        return {**adjusting.show(False), pair.panel: gr.Column(visible=False)}

    def run(
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (Gradio finds its progress bar by this default)
        *values: Any,
    ) -> Iterator[Updates]:
        photo, approaches, resolution, num_images, seed, saturation, warmth, strength, comparison, *values = values
        *values, sign = values
        options = own.given(values[: len(own.controls)]) | adjusting.decoding.given(values[len(own.controls) :])

        def report(done: int, total: int, name: str) -> None:
            progress((done, total), desc=f"Colorizing with {name}", unit="approaches")

        # Earlier results stay until there is a new one, so that an unreadable photo does not remove them.
        updates = {slot.column: gr.Column(visible=False) for slot in slots}
        num_shown = 0
        try:
            settings = Settings(
                saturation,
                options,
                None if resolution == OWN_RESOLUTION else int(resolution),
                warmth,
                strength,
                int(num_images),
                int(seed or 0) if num_images > 1 else None,
            )
            steps = compare(catalog, uploaded_file(photo), approaches, settings, new_folder(), report)
            for step in until_stopped(steps, sign):
                if len(step.results) > len(slots):
                    raise ColorizerError(f"At most {len(slots)} results fit here: choose fewer approaches or variants.")
                if num_shown == 0 and comparison is not None:
                    _discard(comparison, [slot.slider for slot in slots], pair)
                comparison = step
                updates = {**updates, state: comparison, **show_newest(slots, comparison, num_shown)}
                # Until then, the progress bar takes this place.
                updates[status] = summary(comparison) if comparison.is_done else ""
                if comparison.is_done:
                    updates |= over(comparison)
                yield updates
                updates, num_shown = {}, len(comparison.results)
            if sign.is_raised:
                text = summary(comparison) if num_shown else "**Stopped** before the first result."
                yield {**over(comparison), status: text}
        except ColorizerError as error:
            # Not raised as gr.Error, which would cover the page with the bare word "Error".
            gr.Warning(str(error), title="Colorizing failed" if num_shown == 0 else "Some approaches failed")
            yield {**over(comparison), status: f"⚠ {error}"}

    parts = [*adjusting.show(), *adjusting.decoding.controls, *pair.components]
    buttons.connect(
        run,
        [
            *(photo, approaches, resolution, num_images, seed),
            *(adjusting.saturation, adjusting.warmth, adjusting.strength, state),
            *own.controls,
            *adjusting.decoding.controls,
        ],
        [*parts, state, *[component for slot in slots for component in slot.components]],
        status=status,
        concurrency_id="network",
        at_once=hide_earlier,
    )
    connect_adjusting(adjusting, pair, slots, state, status)
    connect_side_by_side(pair, slots, state)
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


def _discard(comparison: Comparison, sliders: list[gr.ImageSlider], pair: SideBySide) -> None:
    """Delete the files of a comparison that is being replaced."""
    withdraw(comparison.folder.glob("*"), [*sliders, pair.slider])
    _forget(comparison)


def _forget(comparison: Comparison | None) -> None:
    if comparison is not None:
        shutil.rmtree(comparison.folder, ignore_errors=True)
