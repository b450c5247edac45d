"""The Video tab: a clip in, the clip in color out, with its sound."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from colorizer.demo.catalog import Catalog
from colorizer.demo.clips import LIMITS_IN_WORDS, color_clip
from colorizer.demo.components import new_folder, raise_sign, uploaded_file
from colorizer.demo.stopping import StopSign, until_stopped
from colorizer.errors import ColorizerError

NOTES = (
    "Each frame keeps its own lightness, and the clip its sound. A place's color is held steady as long as the same thing is "
    "to be seen there: it follows what moves, and starts anew at a cut."
)
_HEIGHT = 340


def build_video_tab(catalog: Catalog, tab: gr.Tab) -> None:
    """Build the tab inside the current Blocks, in `tab`."""
    sign = gr.State()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320):
            clip = gr.Video(label="Clip", sources=["upload"], height=_HEIGHT, include_audio=True, elem_id="clip")
            gr.Markdown(f"{LIMITS_IN_WORDS} {NOTES}", elem_id="limits")
            model = gr.Dropdown(catalog.names, value=catalog.default, label="Approach", filterable=False)
            with gr.Accordion("Options", open=False):
                saturation = gr.Slider(0, 2, 1, step=0.05, label="Saturation", info="1 = as predicted, 0 = gray")
                smoothing = gr.Slider(
                    0,
                    2,
                    0.5,
                    step=0.1,
                    label="Steadiness",
                    info="Seconds over which colors are averaged; 0 = not at all",
                )
            button = gr.Button("Colorize the clip", variant="primary", size="lg")
            stop = gr.Button("Stop", variant="stop", size="lg", visible=False)
            # In sight when the button was pressed.
            status = gr.Markdown("The clip in color appears beside or below.", elem_id="video-status", min_height=60)
        with gr.Column(min_width=320):
            result = gr.Video(label="In color", height=_HEIGHT, interactive=False, buttons=[], elem_id="colored-clip")
            download = gr.DownloadButton("Download (MP4)", size="sm", visible=False)

    def begin() -> dict[gr.blocks.Block, Any]:
        return {
            button: gr.Button(visible=False),
            stop: gr.Button("Stop", visible=True, interactive=True),
            sign: StopSign(),
        }

    def run(
        clip: dict[str, Any] | None,
        model: str,
        saturation: float,
        smoothing: float,
        sign: StopSign,
    ) -> Iterator[dict[gr.blocks.Block, Any]]:
        over = {button: gr.Button(visible=True), stop: gr.Button(visible=False)}
        try:
            steps = color_clip(
                catalog, uploaded_file(clip), model, new_folder(), saturation=saturation, smoothing=smoothing
            )
            is_done = False
            for step in until_stopped(steps, sign):
                is_done = step.result is not None
                if not is_done:
                    yield {status: step.words}
                else:
                    file = str(step.result.path)
                    shown = gr.DownloadButton(value=file, visible=True)
                    yield {**over, result: file, download: shown, status: step.words}
            if not is_done:
                yield {**over, status: "Stopped; nothing was kept."}
        except ColorizerError as error:
            gr.Warning(str(error), title="Nothing was colored")
            yield {**over, status: f"⚠ {error}"}

    button.click(begin, None, [button, stop, sign], queue=False, show_progress="hidden", api_visibility="private").then(
        run,
        [clip, model, saturation, smoothing, sign],
        [button, stop, result, download, status],
        preprocess=False,  # see uploaded_file
        show_progress_on=status,
        concurrency_id="video",  # of its own: photos need not wait for clips
        api_visibility="private",
    )
    stop.click(raise_sign, sign, stop, queue=False, show_progress="hidden", api_visibility="private")
    # Visitors add models, in another tab.
    tab.select(
        lambda: gr.Dropdown(choices=catalog.names),
        None,
        model,
        queue=False,
        show_progress="hidden",
        api_visibility="private",
    )
