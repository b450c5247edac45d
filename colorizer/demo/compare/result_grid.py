"""The grid of results in the Compare tab, and the words around them."""

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


def captions(comparison: Comparison) -> list[str]:
    """The text under each result: name, approach, time and, for a photo that came in color, its scores."""
    scores = {result.label: result.scores for result in comparison.results if result.scores}
    winners = best_scores(scores, comparison.truth_colorfulness or 0.0)
    return [_caption(result, winners) for result in comparison.results]


def summary(comparison: Comparison) -> str:
    """The lines above the results: what was done to which photo, and what the scores mean."""
    width, height = comparison.size
    num_colored = len({result.name for result in comparison.colored})
    lines = [f"{width} × {height} photo, colored by {num_colored} of {len(comparison.names)}."]
    if not comparison.is_done:
        lines.insert(0, f"**Stopped;** left out: {', '.join(comparison.names[comparison.num_done :])}.")
    lines += [f"{note[:1].upper()}{note[1:]}." for note in comparison.notes]
    if comparison.truth_colorfulness is not None:
        lines.append(
            f"It came in color, so each result is scored against it (longest side {SCORE_SIDE}); ★ marks the best. "
            f"Colorfulness is best nearest the photo's own {comparison.truth_colorfulness:.0f}."
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
