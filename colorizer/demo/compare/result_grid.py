"""The grid of results in the Compare tab: a place for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from colorizer.demo.compare.captions import captions
from colorizer.demo.compare.comparison import Comparison
from colorizer.demo.components import Updates


@dataclass(frozen=True)
class Slot:
    """The place of one result in the grid."""

    column: gr.Column
    slider: gr.ImageSlider
    caption: gr.Markdown
    buttons: gr.Row
    hold: gr.Button
    download: gr.Button

    @property
    def components(self) -> list[gr.blocks.Block]:
        """Those that a result changes."""
        return [self.column, self.slider, self.caption, self.buttons]


def build_slots(count: int) -> list[Slot]:
    """Build `count` hidden places inside the current Blocks."""
    return [_build_slot(number) for number in range(1, count + 1)]


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
        with gr.Row(visible=False) as buttons:
            hold = gr.Button("Hold against another", size="sm", min_width=120)
            download = gr.Button("Download", size="sm", min_width=120)
    return Slot(column, slider, caption, buttons, hold, download)


def show_newest(slots: Sequence[Slot], comparison: Comparison, num_shown: int) -> Updates:
    """Updates for the results after the first `num_shown` in full; for the earlier ones only the caption, since a new best
    moves the marks."""
    updates = show_captions(slots, comparison)
    for slot, result in zip(slots[num_shown:], comparison.results[num_shown:], strict=False):
        is_colored = result.preview is not None
        updates[slot.column] = gr.Column(visible=True)
        updates[slot.slider] = gr.ImageSlider(
            value=(str(comparison.gray), str(result.preview)) if is_colored else None,
            label=f"{result.label}: drag to compare with gray",
            visible=is_colored,
        )
        updates[slot.buttons] = gr.Row(visible=is_colored)
    return updates


def show_pictures(slots: Sequence[Slot], comparison: Comparison) -> Updates:
    """Updates for the pictures alone."""
    return {
        slot.slider: (str(comparison.gray), str(result.preview))
        for slot, result in zip(slots, comparison.results, strict=False)
        if result.preview is not None
    }


def show_captions(slots: Sequence[Slot], comparison: Comparison) -> Updates:
    """Updates for the captions alone."""
    return {slot.caption: text for slot, text in zip(slots, captions(comparison), strict=False)}
