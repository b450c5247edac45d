"""The Film tab: colorize a clip and keep its sound."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.components import Updates, new_folder, uploaded_file
from colorizer.demo.stoppable import StopSign, build_buttons, offer_models, until_stopped
from colorizer.demo.video.clips import LIMITS_TEXT, color_clip
from colorizer.errors import ColorizerError

NOTES = (
    "The clip keeps its brightness and its sound. Colors are kept steady from frame to frame: they follow moving things, and "
    "start again at each cut."
)
_HEIGHT = 340


def build_film_tab(catalog: Catalog, tab: gr.Tab) -> list[gr.blocks.Block]:
    """Build the tab inside the current Blocks, in `tab`. Returns its controls for approach and saturation."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            clip = gr.Video(label="Clip", sources=["upload"], height=_HEIGHT, include_audio=True, elem_id="clip")
            gr.Markdown(f"{LIMITS_TEXT} {NOTES}", elem_id="limits")
            model = gr.Dropdown(catalog.choices, value=catalog.default, label="Approach", filterable=False)
            with gr.Accordion("Options", open=False):
                saturation = gr.Slider(0, 2, 1, step=0.05, label="Saturation", info="1 = as predicted, 0 = gray")
                smoothing = gr.Slider(
                    0,
                    2,
                    0.5,
                    step=0.1,
                    label="Steadiness",
                    info="Seconds over which colors are averaged; 0 = no averaging",
                )
            buttons = build_buttons("Colorize the clip")
            # Next to the button, so that it is visible when that is pressed.
            status = gr.Markdown(
                "The colored clip appears next to this or below.", elem_id="video-status", min_height=60
            )
        with gr.Column(min_width=320):
            result = gr.Video(
                label="Colored clip", height=_HEIGHT, interactive=False, buttons=[], elem_id="colored-clip"
            )
            download = gr.DownloadButton("Download (MP4)", size="sm", visible=False)

    def run(
        clip: dict[str, Any] | None,
        model: str,
        saturation: float,
        smoothing: float,
        sign: StopSign,
    ) -> Iterator[Updates]:
        try:
            steps = color_clip(
                catalog, uploaded_file(clip), model, new_folder(), saturation=saturation, smoothing=smoothing
            )
            is_done = False
            for step in until_stopped(steps, sign):
                is_done = step.result is not None
                if not is_done:
                    yield {status: step.text}
                else:
                    file = str(step.result.path)
                    shown = gr.DownloadButton(value=file, visible=True)
                    yield {**buttons.at_rest, result: file, download: shown, status: step.text}
            if not is_done:
                yield {**buttons.at_rest, status: "Stopped. Nothing was saved."}
        except ColorizerError as error:
            yield {**buttons.at_rest, status: f"⚠ {error}"}

    buttons.connect(
        run,
        [clip, model, saturation, smoothing],
        [result, download],
        status=status,
        concurrency_id="video",  # separate, so that photos need not wait for clips
    )
    offer_models(model, catalog, tab)
    return [model, saturation]
