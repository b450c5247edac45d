"""Grid of results in the Compare tab, with their captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from colorizer.demo.compare.comparison import Comparison, Result
from colorizer.demo.components import Updates
from colorizer.evaluation.photo_scores import DIGITS, SCORE_SIDE, best_scores, format_scores
from colorizer.hub.metric_names import METRICS

HEADINGS = {name: METRICS[name].short_heading for name in DIGITS} | {"colorfulness": "Colorfulness"}


@dataclass(frozen=True)
class Slot:
    """Place of one result in the grid."""

    column: gr.Column
    slider: gr.ImageSlider
    caption: gr.Markdown
    buttons: gr.Row
    compare: gr.Button
    download: gr.Button

    @property
    def components(self) -> list[gr.blocks.Block]:
        """Components that a result updates."""
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
            compare = gr.Button("Compare side by side", size="sm", min_width=120)
            download = gr.Button("Download", size="sm", min_width=120)
    return Slot(column, slider, caption, buttons, compare, download)


def show_newest(slots: Sequence[Slot], comparison: Comparison, num_shown: int) -> Updates:
    """Return updates that show the results after the first `num_shown`, and the captions of all: a new best moves the stars."""
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
    """Return updates of the pictures only."""
    return {
        slot.slider: (str(comparison.gray), str(result.preview))
        for slot, result in zip(slots, comparison.results, strict=False)
        if result.preview is not None
    }


def show_captions(slots: Sequence[Slot], comparison: Comparison) -> Updates:
    """Return updates of the captions only."""
    return {slot.caption: text for slot, text in zip(slots, captions(comparison), strict=False)}


def captions(comparison: Comparison) -> list[str]:
    """Return the Markdown text under each result: name, approach, time and, for a color photo, the scores."""
    scores = {result.label: result.scores for result in comparison.results if result.scores}
    winners = best_scores(scores, comparison.truth_colorfulness or 0.0)
    return [_caption(result, winners) for result in comparison.results]


def summary(comparison: Comparison) -> str:
    """Return the Markdown text above the results: what was done, and what the scores mean."""
    width, height = comparison.size
    num_colored = len({result.name for result in comparison.colored})
    lines = [f"{width} × {height} photo, colored by {num_colored} of {len(comparison.names)}."]
    if not comparison.is_done:
        lines.insert(0, f"**Stopped.** Left out: {', '.join(comparison.names[comparison.num_done :])}.")
    lines += [f"{note[:1].upper()}{note[1:]}." for note in comparison.notes]
    if comparison.truth_colorfulness is not None:
        lines.append(
            f"The photo has colors, so each result is scored against them (at {SCORE_SIDE} px); ★ marks the best. "
            f"Colorfulness is best when it is closest to the photo's own, {comparison.truth_colorfulness:.0f}."
        )
    return " ".join(lines)


def _caption(result: Result, winners: dict[str, set[str]]) -> str:
    heading = f"### {result.label}"
    if result.problem is not None:
        return f"{heading}\n⚠ {result.problem}"
    lines = [heading, f"{result.title} · {result.seconds:.2f} s"]
    if result.scores:
        values = []
        for metric, value in format_scores(result.scores).items():
            values.append(f"**{value} ★**" if result.label in winners[metric] else value)
        lines += [
            "",
            "| " + " | ".join(HEADINGS.values()) + " |",
            "|" + " --- |" * len(HEADINGS),
            "| " + " | ".join(values) + " |",
        ]
    return "\n".join(lines)
